"""The commands ``study`` and ``study_stores``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from eval.study import stores
from eval.study.cluster import THREADS, workers
from eval.study.entries import chosen
from eval.study.errors import StudyError
from eval.study.image import open_images
from eval.study.journal import NAME, Journal
from eval.study.plan import TARGETS_DB, Plan, check
from eval.study.provenance import check_codecs, command_of, identity, not_held_out, notes
from eval.study.results import write_results
from eval.study.runner import run
from zarr_neural.archive.stores import find_stores
from zarr_neural.errors import ZarrNeuralError

errors = Console(stderr=True)
USUAL = ",".join(f"{db:g}" for db in TARGETS_DB)
Store = Annotated[list[Path], typer.Argument(help="OME-Zarr stores, or folders of them.")]


def study(
    context: typer.Context,
    stores: Store,
    codecs: Annotated[
        str | None, typer.Option(help="Codecs or kinds of codecs, between commas.", show_default="all")
    ] = None,
    input_channel: Annotated[
        str | None, typer.Option("--input", help="Channel that is coded, by label or index.", show_default="the first")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Channel that predictions are compared with.")] = None,
    target_stores: Annotated[
        Path | None, typer.Option(help="Folder of stores of the same names that hold the target channel.")
    ] = None,
    predictor: Annotated[
        list[Path] | None, typer.Option(help="File of a trained predictor of the target; once for each.")
    ] = None,
    segment: Annotated[str | None, typer.Option(help="Fluorescence channel whose nuclei are counted.")] = None,
    mask: Annotated[
        str | None, typer.Option(help="Label image of the pixels that count.", show_default="valid, if there")
    ] = None,
    targets: Annotated[str, typer.Option(help="PSNR in dB that lossy codecs are brought to, between commas.")] = USUAL,
    rate: Annotated[float, typer.Option(min=0.01, help="Bits per pixel of the picture sheets.")] = 0.5,
    pictures: Annotated[int, typer.Option(min=0, help="Picture sheets of so many images.")] = 2,
    chunks: Annotated[
        str, typer.Option(help="Sides of the chunks that are coded; cut into equal parts of about that size.")
    ] = "1024,1024",
    ssim_tiles: Annotated[
        int | None, typer.Option(min=1, help="Similarities over at most so many tiles of an image.", show_default="all")
    ] = None,
    scheduler: Annotated[str, typer.Option(help="threads, processes, or a scheduler's address.")] = THREADS,
    n_workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads or processes.", show_default="one per core")
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Folder of work stores.", show_default="OUT/work")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("study"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the journal in OUT.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the work stores.")] = False,
) -> None:
    """Which codec, at which ratio, costs how much, in the pictures and in the science: on your own OME-Zarr stores.

    Writes each image with each codec into real Zarr stores, counts their bytes, reads them back, and measures what was
    lost and what predictions and nuclei make of it. Leaves TSV files and report.html in OUT.
    """
    try:
        here, missing = chosen(None if codecs is None else codecs.split(","))
        plan = Plan(
            images=open_images([found for store in stores for found in find_stores(store)[0]]),
            entries=here,
            work=(work or out / "work").resolve(),
            out=out.resolve(),
            input=input_channel,
            target=target,
            target_stores=target_stores,
            segment=segment,
            predictors=loaded(predictor or []),
            mask=mask,
            targets_db=numbers(targets, float),
            rate=rate,
            pictures=pictures,
            chunk=numbers(chunks, int),
            most_tiles=ssim_tiles,
            keep=keep,
        )
        check(plan)
        journal = Journal(plan.out / NAME, identity(plan), resume=resume)
        for sentence in not_held_out(plan):
            errors.print(sentence, highlight=False, markup=False, soft_wrap=True)
        for why in dict.fromkeys(entry.missing for entry in missing):
            names = ", ".join(entry.name for entry in missing if entry.missing == why)
            errors.print(f"left out: {names}: {why}", highlight=False, markup=False, soft_wrap=True)
        plan.work.mkdir(parents=True, exist_ok=True)
        with (
            workers(scheduler, n_workers, plan.work) as client,
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=errors,
                disable=not errors.is_terminal,
            ) as bar,
        ):
            check_codecs(journal, plan.entries)
            task = bar.add_task("measuring", total=None)

            def progress(name: str, done: int, total: int) -> None:
                bar.update(task, description=name, completed=done, total=total)

            outcome = run(
                plan,
                client,
                journal,
                progress,
                lambda text: errors.print(text, highlight=False, markup=False, soft_wrap=True),
            )
    except (StudyError, ZarrNeuralError) as error:
        errors.print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    written = write_results(plan, journal, outcome, missing, notes(plan, missing, command_of(context)))
    for path in written:
        Console().print(f"written: {path}", soft_wrap=True, highlight=False)
    if outcome.failures:
        errors.print(f"{len(outcome.failures)} measurements failed, see failures.tsv; --resume tries them again")
        raise typer.Exit(1)


def study_stores(
    data: Annotated[Path, typer.Option(help="Folder with pairs.csv and the files that it names.")],
    out: Annotated[Path, typer.Option(help="Folder for the stores.")],
    groups: Annotated[str, typer.Option(help="Groups of pairs.csv, between commas.")] = ",".join(stores.HELD_OUT),
    volume: Annotated[
        str, typer.Option(help="Instead of groups: the z-stack of this target, below OUT/volumes and OUT/targets.")
    ] = "",
    ome_version: Annotated[str, typer.Option(help="Of OME-Zarr: 0.4 or 0.5.")] = "0.5",
) -> None:
    """Make OME-Zarr stores of held-out image pairs, losslessly, with named channels and a mask of padded borders."""
    try:
        if volume:
            written = [*stores.make_volume(data, out, volume, ome_version)]
        else:
            written = stores.make(data, out, groups.split(","), ome_version)
        for path in written:
            Console().print(f"written: {path}", soft_wrap=True, highlight=False)
    except (StudyError, ZarrNeuralError) as error:
        errors.print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


def loaded(paths: Sequence[Path]) -> list[Any]:
    """Return the predictors in files.

    Raises
    ------
    StudyError
        One is not there or is none.
    """
    if not paths:
        return []
    from eval import predictors  # needs torch, which a study without predictors does without

    found = []
    for path in paths:
        if not path.is_file():
            raise StudyError(f"no model file {path}: `python -m eval train_label_free` writes one")
        try:
            found.append(predictors.load(path))
        except (OSError, ValueError, KeyError) as error:
            raise StudyError(f"{path.name} is no model of a predictor: {error}") from error
    return found


def numbers(text: str, kind: type[Any]) -> tuple[Any, ...]:
    """Return the numbers between commas.

    Raises
    ------
    StudyError
        One is none, or not above 0.
    """
    try:
        found = tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise StudyError(f"{text!r}: expected numbers between commas") from error
    if min(found) <= 0:
        raise StudyError(f"{text!r}: expected numbers above 0")
    return found
