"""The files of a study: its rows, tables of figures over images, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.study.entry import Entry
from eval.study.journal import Journal
from eval.study.plan import Plan
from eval.study.provenance import not_held_out
from eval.study.report import report
from eval.study.rows import LabelFree, Reconstruction, Segmentation, write_rows
from eval.study.runner import Outcome, rows_of
from eval.study.tables import (
    Figure,
    error_matched,
    measured,
    nuclei,
    nuclei_thresholds,
    predictions,
    rate_matched,
    thresholds,
)


def write_results(
    plan: Plan, journal: Journal, outcome: Outcome, missing: Sequence[Entry], notes: Sequence[str]
) -> list[Path]:
    """Write what a study found into its folder, and return the files."""
    first, second, third = rows_of(journal, plan)
    figures = [*error_matched(first, plan.targets_db), *rate_matched(first), *measured(first)]
    figures += [
        *thresholds(second, [row for row in first if row.channel == first[0].channel]),
        *predictions(second),
        *nuclei(third),
        *nuclei_thresholds(third),
    ]
    written = []
    for name, kind, rows in (
        ("reconstruction.tsv", Reconstruction, first),
        ("label_free.tsv", LabelFree, second),
        ("segmentation.tsv", Segmentation, third),
        ("tables.tsv", Figure, figures),
    ):
        if rows or kind is Reconstruction:
            written.append(plan.out / name)
            write_rows(written[-1], kind, rows, notes)
    for name, header, lines in (
        ("failures.tsv", ("image", "codec", "point", "why"), [tuple(vars(row).values()) for row in outcome.failures]),
        ("damaged.tsv", ("image", "channel", "chunk", "why"), outcome.damaged),
    ):
        path = plan.out / name
        path.unlink(missing_ok=True)
        if lines:
            path.write_text("".join("\t".join(line) + "\n" for line in (header, *lines)))
            written.append(path)
    written.append(plan.out / "report.html")
    written[-1].write_text(
        report(plan, first, second, third, figures, [*not_held_out(plan), *said(outcome, missing)], notes)
    )
    return written


def said(outcome: Outcome, missing: Sequence[Entry]) -> list[str]:
    """Return sentences on what was left out, failed or damaged."""
    found = []
    reasons: dict[str, list[str]] = {}
    for entry in missing:
        reasons.setdefault(entry.missing, []).append(entry.name)
    for why, names in (reasons | outcome.left_out).items():
        listed = ", ".join(names) if len(names) < 5 else f"{len(names)} codecs, {names[0]} to {names[-1]}"
        found.append(f"Left out: {listed}: {why}.")
    for image, channel, key, why in outcome.damaged:
        found.append(f"Chunk {key} of {image} (channel {channel}) cannot be read and does not count: {why}.")
    if outcome.failures:
        one = outcome.failures[0]
        found.append(
            f"{len(outcome.failures)} measurements failed, the first: {one.image} {one.codec} {one.point}: {one.why}."
        )
    return found
