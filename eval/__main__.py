"""The command line of the evaluation: ``python -m eval lossless | summary | rate_distortion | demo``."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from eval import lossy_codecs, rate_distortion
from eval.bd_table import bd_rows, write_bd_rows
from eval.demo import run_demo
from eval.images import given_sources, heldout_sources
from eval.labels import judge as judge_labels
from eval.labels import write as write_labels
from eval.lossless import BrokenPromiseError, Settings, notes, run_file
from eval.lossless_codecs import USUAL, by_name
from eval.modes import OURS, Mode
from eval.points import PointWriter, read_points
from eval.predictors.command import train_label_free
from eval.rd_plots import draw_all
from eval.rd_sheet import draw_sheet
from eval.rd_summary import print_rate_distortion
from eval.report import Row, Writer, print_summary, read
from eval.study.command import study, study_stores
from eval.study.memory import study_memory
from eval.subjects import all_subjects

MAX_ERRORS = (1, 4)
"""Bounds in grey levels that are measured unless others are named."""
NOISES = (1.0,)
"""Steps in noise widths that are measured unless others are named."""

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False, help=__doc__)
errors = Console(stderr=True)
app.command()(study)
app.command("study_stores")(study_stores)
app.command("study_memory")(study_memory)
app.command("train_label_free")(train_label_free)


@app.command()
def lossless(
    files: Annotated[list[Path] | None, typer.Argument(help="TIFF, PNG, .npy or DICOM files.")] = None,
    heldout: Annotated[bool, typer.Option("--heldout", help="Run the committed list of held-out images.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder below which the held-out images lie.")] = None,
    out: Annotated[Path, typer.Option(help="TSV of the results; replaced if it exists.")] = Path("lossless.tsv"),
    max_error: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Bound in grey levels; once for each bound.", show_default="1 and 4"),
    ] = None,
    noise: Annotated[
        list[float] | None, typer.Option(help="Step in noise widths; once for each step.", show_default="1")
    ] = None,
    lossless_only: Annotated[bool, typer.Option("--lossless-only", help="Leave out the bounded modes.")] = False,
    tile: Annotated[int, typer.Option(min=1, help="Side of a tile, about, in pixels.")] = 1024,
    planes: Annotated[int | None, typer.Option(min=1, help="At most this many planes of a file.")] = None,
    codecs: Annotated[str | None, typer.Option(help="Codecs between commas instead of the usual ones.")] = None,
    sets: Annotated[str | None, typer.Option(help="Only these held-out sets, between commas.")] = None,
    set_name: Annotated[str | None, typer.Option("--set", help="The set that FILES count towards.")] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Measure this often and keep the best.")] = 3,
    threads: Annotated[bool, typer.Option("--threads/--no-threads", help="Measure on all cores too.")] = True,
) -> None:
    """Measure size and speed of our modes and of what a user would pick instead, all in one run.

    Lossless and bounded, on one core and on all; every decoded pixel is checked. Prints tables and writes a TSV.
    """
    if lossless_only and (max_error or noise):
        raise typer.BadParameter("--lossless-only leaves out --max-error and --noise")
    sources = given_sources(files or [], set_name)
    if heldout:
        found, missing = heldout_sources(data)
        sources += [source for source in found if sets is None or source.set in sets.split(",")]
        if missing:
            errors.print(f"{len(missing)} held-out images are not on this machine, the first: {missing[0]}")
    if not sources:
        raise typer.BadParameter("name at least one file, or --heldout with --data DIR")
    names = codecs.split(",") if codecs else [OURS, *(codec.name for codec in USUAL)]
    try:
        classical = by_name([name for name in names if name != OURS])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    settings = Settings(classical, OURS in names, tile, repeat, planes, threads)
    modes = [Mode("lossless")]
    if not lossless_only:
        modes += [Mode("max_error", k) for k in max_error or MAX_ERRORS]
        modes += [Mode("noise", q) for q in noise or NOISES]
    rows: list[Row] = []
    with out.open("w") as file:
        writer = Writer(file, notes(command_line()))
        for source in track(sources, "measuring", console=errors, disable=not errors.is_terminal):
            try:
                for row in run_file(source, modes, settings):
                    rows.append(row)
                    writer.write(row)
            except (OSError, ValueError) as error:
                errors.print(f"{source.name}: {error}")
                raise typer.Exit(1) from error
            except BrokenPromiseError as error:
                errors.print(f"promise broken: {error}")
                raise typer.Exit(1) from error
    print_summary(rows)
    Console().print(f"written: {out}", soft_wrap=True, highlight=False)


@app.command()
def summary(results: Annotated[Path, typer.Argument(help="TSV that `lossless --out` wrote.")]) -> None:
    """Sum up results: per set and in the geometric mean, relative to JPEG XL effort 7."""
    print_summary(read(results))


@app.command("rate_distortion")
def rate_distortion_command(
    files: Annotated[list[Path] | None, typer.Argument(help="TIFF, PNG, .npy or DICOM files.")] = None,
    heldout: Annotated[bool, typer.Option("--heldout", help="Run the committed list of held-out images.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder below which the held-out images lie.")] = None,
    out: Annotated[Path, typer.Option(help="TSV of the points; that of BD-rates lies beside it, -bd in its name.")] = (
        Path("rate_distortion.tsv")
    ),
    plots: Annotated[Path | None, typer.Option(help="Folder for plots, one for each set and a summary.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="PNG of crops side by side at one rate.")] = None,
    codecs: Annotated[str | None, typer.Option(help="Codecs between commas instead of the usual ones.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="NAME=SHA256: our codec with a lossy model of your own; once for each.")
    ] = None,
    sets: Annotated[str | None, typer.Option(help="Only these held-out sets, between commas.")] = None,
    set_name: Annotated[str | None, typer.Option("--set", help="The set that FILES count towards.")] = None,
    targets: Annotated[str | None, typer.Option(help="PSNR in dB, between commas.", show_default="34 to 50")] = None,
    per_set: Annotated[int, typer.Option(min=1, help="At most this many held-out images of a set.")] = 3,
    crop: Annotated[int, typer.Option(min=16, help="Largest side of the middle that is measured, in pixels.")] = 1024,
) -> None:
    """Measure lossy codecs at matched error: bits, PSNR, SSIM, MS-SSIM, speed, and BD-rates image by image.

    PSNR is against the range of each image, its largest minus its smallest value. Every codec runs at its best
    settings on one thread and is brought to the same PSNR; decoded pixels are what is measured.
    """
    wanted = rate_distortion.TARGETS_DB if targets is None else tuple(sorted(map(float, targets.split(","))))
    try:
        chosen = lossy_codecs.with_models(model or [])
        chosen += lossy_codecs.by_name(codecs.split(",")) if codecs else lossy_codecs.usual()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    missing = [codec for codec in chosen if codec.missing]
    for codec in missing:
        errors.print(f"{codec.name} is left out: {codec.missing}")
    subjects = list(
        all_subjects(
            given_sources(files or [], set_name), heldout, data, per_set, crop, sets and sets.split(","), errors.print
        )
    )
    if not subjects:
        raise typer.BadParameter("name at least one file, or --heldout with --data DIR")
    head = rate_distortion.notes(command_line(), wanted, missing)
    here = [codec for codec in chosen if not codec.missing]
    with out.open("w") as file:
        run = rate_distortion.measure(subjects, here, wanted, PointWriter(file, head), errors.print)
    rows = bd_rows(run.points, run.refused)
    table = out.with_name(f"{out.stem}-bd{out.suffix}")
    write_bd_rows(table, rows, head)
    console = Console() if Console().is_terminal else Console(width=170)
    print_rate_distortion(run.points, rows, console)
    written = [out, table]
    if plots is not None:
        written += draw_all(run.points, rows, plots)
    if sheet is not None:
        draw_sheet(subjects, here, sheet)
        written.append(sheet)
    for path in written:
        console.print(f"written: {path}", soft_wrap=True, highlight=False)


@app.command("rate_distortion_summary")
def rate_distortion_summary(
    results: Annotated[Path, typer.Argument(help="TSV of points that `rate_distortion --out` wrote.")],
    plots: Annotated[Path | None, typer.Option(help="Folder for plots, one for each set and a summary.")] = None,
) -> None:
    """Sum up points again: tables and plots, without measuring."""
    points = read_points(results)
    rows = bd_rows(points)
    print_rate_distortion(points, rows, Console() if Console().is_terminal else Console(width=170))
    if plots is not None:
        draw_all(points, rows, plots)


@app.command()
def labels(
    data: Annotated[Path, typer.Option(help="Folder below which images lie (TIFF, PNG).")],
    out: Annotated[Path, typer.Option(help="TSV of the results; replaced if it exists.")] = Path("labels.tsv"),
) -> None:
    """Measure the detector of labels: on images as they are, on segmentations of them, and on light that looks alike.

    Specimens are counted in two halves; failures in both were looked at when the rules were made.
    Whole images and tiles are judged.
    """
    found = judge_labels(data, lambda text: errors.print(text, highlight=False, markup=False))
    with out.open("w") as file:
        write_labels(found, command_line(), file)
    for kind in ("names", "light"):
        counted = [tally for tally in found if tally.kind == kind]
        wrong, images = sum(tally.wrong for tally in counted), sum(tally.images for tally in counted)
        Console().print(f"{kind}: {wrong} of {images} images are taken for the other", highlight=False)
    Console().print(f"written: {out}", soft_wrap=True, highlight=False)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the stores and the picture.")] = Path("demo-output"),
    picture: Annotated[
        Path | None, typer.Option(help="File of the picture (PNG).", show_default="demo.png in that folder")
    ] = None,
) -> None:
    """Convert a few real images, open them lazily, print what was measured and leave a picture."""
    console = Console()
    drawn = run_demo(out, console, picture=picture)
    console.print(f"picture: {drawn.resolve()}", soft_wrap=True)
    stores = sorted(out.glob("noise/*.zarr"))
    console.print(f"open a store: dask.array.from_zarr({str(stores[0])!r}, component='0')", soft_wrap=True)


@app.command("transfluor")
def transfluor_command(
    data: Annotated[Path, typer.Option(help="Folder below which the Transfluor images (AS_09047*) lie.")],
    out: Annotated[Path, typer.Option(help="Folder of tables, pictures, weights and stores.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Of the training of each network.")] = None,
) -> None:
    """Auto-encoders for cell images: train, count real bytes, compare with other codecs, search among the codes."""
    _study_of_autoencoders("transfluor", lambda run, say: run(data, out, command_line(), say, steps))


@app.command("radiographs")
def radiographs_command(
    out: Annotated[Path, typer.Option(help="Folder of tables, pictures, weights and stores.")],
    folder: Annotated[
        Path | None, typer.Argument(help="PNG, JPEG, TIFF or DICOM files.", show_default="those of pydicom-data")
    ] = None,
    validate: Annotated[
        str | None, typer.Option(help="Images held out of training: patterns of names, between commas.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of the training of each network.")] = None,
) -> None:
    """Radiographs by auto-encoder and residual: train, prove that nothing is lost, count bits beside other codecs."""
    _study_of_autoencoders("radiographs", lambda run, say: run(folder, out, command_line(), say, validate, steps))


def _study_of_autoencoders(
    name: str, start: Callable[[Callable[..., list[Path]], Callable[[str], None]], list[Path]]
) -> None:
    """Run one of the two studies; torch is loaded by these commands alone."""
    try:
        run = importlib.import_module(f"eval.autoencoders.{name}").run
    except ModuleNotFoundError as error:
        errors.print(f"auto-encoders need {error.name}: pip install 'zarr-neural[train,eval]'")
        raise typer.Exit(1) from error
    try:
        written = start(run, lambda text: errors.print(text, highlight=False, markup=False))
    except (OSError, ValueError) as error:
        errors.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    for path in written:
        Console().print(f"written: {path}", soft_wrap=True, highlight=False)


def command_line() -> str:
    """Return the command as it was given, without the folders of this machine."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    words = ["DIR" if before == "--data" else word for before, word in zip(["", *words], words, strict=False)]
    return shlex.join(["python", "-m", "eval", *words])


if __name__ == "__main__":
    app(prog_name="python -m eval")
