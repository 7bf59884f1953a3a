"""The files of a study: its rows, and in time tables and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.study.entry import Entry
from eval.study.journal import Journal
from eval.study.plan import Plan
from eval.study.rows import LabelFree, Reconstruction, Segmentation, write_rows
from eval.study.runner import Outcome, rows_of


def write_results(
    plan: Plan, journal: Journal, outcome: Outcome, missing: Sequence[Entry], notes: Sequence[str]
) -> list[Path]:
    """Write what a study found into its folder, and return the files."""
    first, second, third = rows_of(journal, plan)
    written = [plan.out / "reconstruction.tsv"]
    write_rows(written[0], Reconstruction, first, notes)
    if second:
        written.append(plan.out / "label_free.tsv")
        write_rows(written[-1], LabelFree, second, notes)
    if third:
        written.append(plan.out / "segmentation.tsv")
        write_rows(written[-1], Segmentation, third, notes)
    for name, header, rows in (
        ("failures.tsv", ("image", "codec", "point", "why"), [tuple(vars(row).values()) for row in outcome.failures]),
        ("damaged.tsv", ("image", "channel", "chunk", "why"), outcome.damaged),
    ):
        path = plan.out / name
        path.unlink(missing_ok=True)
        if rows:
            path.write_text("".join("\t".join(row) + "\n" for row in (header, *rows)))
            written.append(path)
    return written
