"""The command line: arguments in, calls of the archive and training rooms, exit codes out; `cli_output` prints.

Exit codes: 0 fine, 1 something failed (an unreadable file, damage), 2 wrong use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zarr_neural.archive import (
    Options,
    convert,
    export,
    fidelity_from,
    inspect_path,
    measure_noise,
    verify,
)
from zarr_neural.archive import Progress as Callback
from zarr_neural.cli_output import complain, print_content, print_json, print_noise, print_table, print_verified
from zarr_neural.codecs.configuration import Preset
from zarr_neural.errors import ConfigurationError, ZarrNeuralError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
train = typer.Typer(no_args_is_help=True, help="Train models (needs the extra: pip install 'zarr-neural[train]').")
app.add_typer(train, name="train")

Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no table; errors only.")]
Axes = Annotated[str | None, typer.Option(help="What the axes mean, for files that do not say, such as TYX.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]


def main() -> None:
    """Run the command line."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zarr-neural {version('zarr-neural')}")
        raise typer.Exit


@app.callback()
def _common(
    show: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Microscopy images to neural OME-Zarr and back: lossless, or within an error that you state."""


@app.command("convert")
def convert_command(
    sources: Annotated[list[str], typer.Argument(metavar="SRC", help="TIFF files, folders and patterns.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="One image: the store. Several: a folder of stores.")],
    lossless: Annotated[bool, typer.Option("--lossless", help="Every pixel as it was.")] = False,
    max_error: Annotated[
        float | None,
        typer.Option(help="Every pixel within this many grey levels; also beside --rmse, --psnr or --ratio."),
    ] = None,
    noise: Annotated[
        float | None, typer.Option(help="Steps of this many standard deviations of the camera noise. [default: 1.0]")
    ] = None,
    rmse: Annotated[
        float | None, typer.Option(help="Root of the mean squared error of every chunk at most this, in grey levels.")
    ] = None,
    psnr: Annotated[
        float | None,
        typer.Option(
            help="At least this many decibels against the range (largest minus smallest value) of each channel of each "
            "image, which is read once more for it: one rmse of range / 10^(PSNR/20) for all its chunks."
        ),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            help="About this many times smaller than the pixels: one rmse for each channel of each image, tried out on "
            "up to 8 of its chunks. Refused where that takes a PSNR below 25 dB."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Of --rmse, --psnr, --ratio, --noise from 3 on: fast, or dense (smaller). [default: fast]"),
    ] = None,
    ome_version: Annotated[str, typer.Option(help="0.5 (Zarr v3) or 0.4 (Zarr v2).")] = "0.5",
    chunk: Annotated[str | None, typer.Option(help="Chunk shape, trailing axes, such as 512,512.")] = None,
    shard: Annotated[str | None, typer.Option(help="Put chunks into shards: auto, or a shape.")] = None,
    labels: Annotated[
        bool | None,
        typer.Option(
            "--labels/--no-labels",
            help="All or none are label images, always stored losslessly. Default: booleans, integers of 32 or 64 "
            "bits, and files named like *_labels* or *_mask* are.",
        ),
    ] = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    workers: Annotated[int | None, typer.Option(help="Threads. [default: one per core]")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Convert TIFFs to OME-Zarr, read everything back, and say what was lost.

    What cannot be read is reported and passed over. An interrupted run goes on where it was when it is repeated.
    """
    with _reported(as_json, resumes=True):
        shape = None if shard is None else (True if shard == "auto" else _numbers(shard))
        options = Options(
            fidelity=fidelity_from(
                lossless=lossless,
                max_error=max_error,
                noise=noise,
                rmse=rmse,
                psnr=psnr,
                ratio=ratio,
                preset=cast(Preset, preset),  # checked where models are chosen
            ),
            ome_version=ome_version,
            chunks=None if chunk is None else _numbers(chunk),
            shards=False if shape is None else shape,
            labels=labels,
            axes=axes,
            overwrite=overwrite,
            workers=workers,
        )
        with _progress(as_json or quiet) as callback:
            reports = convert(sources, target, options, callback)
    failed = [report for report in reports if report.status == "failed"]
    if as_json:
        counts = {status: sum(r.status == status for r in reports) for status in ("converted", "kept", "failed")}
        print_json({**counts, "images": [report.as_json() for report in reports]})
    elif not quiet:
        print_table(reports)
    for report in failed:
        complain(f"{report.source}: {(report.error or '').removeprefix(Path(report.source).name + ': ')}")
    raise typer.Exit(1 if failed else 0)


@app.command("verify")
def verify_command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store, or a folder of stores.")],
    source: Annotated[Path | None, typer.Argument(metavar="SRC", help="The TIFF (or folder) it came from.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read every chunk again; against SRC, check the promise that the store records."""
    with _reported(as_json), _progress(as_json or quiet) as callback:
        reports = verify(store, source, callback)
    if as_json:
        print_json({"sound": all(r.sound for r in reports), "stores": [r.as_json() for r in reports]})
    elif not quiet:
        for report in reports:
            print_verified(report)
    if not as_json:
        for report in reports:
            for damage in report.damaged:
                place = "/".join(part for part in (report.store, damage.array, damage.chunk) if part)
                complain(f"{place}: {damage.what}")
    raise typer.Exit(0 if all(report.sound for report in reports) else 1)


@app.command("inspect")
def inspect_command(
    path: Annotated[Path, typer.Argument(metavar="STORE|CHUNK", help="A store, an array, or the file of a chunk.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a store or a chunk holds: shape, codec, sizes, models, what was lost."""
    with _reported(as_json):
        content = inspect_path(path)
    if as_json:
        print_json(content)
    elif not quiet:
        print_content(content)


@app.command("export")
def export_command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="An OME-Zarr image.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.tif", help="The OME-TIFF to write.")],
    level: Annotated[int, typer.Option(help="Of the pyramid, 0 is the full resolution.")] = 0,
    compression: Annotated[str, typer.Option(help="none, zlib, lzw or zstd.")] = "none",
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a store as OME-TIFF, with its axes, channel names and pixel sizes."""
    with _reported(as_json), _progress(as_json or quiet) as callback:
        path = export(store, out, level=level, compression=compression, overwrite=overwrite, progress=callback)
        nbytes = path.stat().st_size
    if as_json:
        print_json({"path": str(path), "nbytes": nbytes})


@app.command("noise")
def noise_command(
    sources: Annotated[list[str], typer.Argument(metavar="FILE", help="TIFF files, folders and patterns.")],
    axes: Axes = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the camera noise of every channel from the images: gain, offset, read noise, in grey levels."""
    with _reported(as_json):
        entries = measure_noise(list(sources), axes)
    failed = [entry for entry in entries if "error" in entry]
    if as_json:
        print_json({"channels": entries})
    elif not quiet:
        print_noise(entries)
    for entry in failed:
        complain(f"{entry['source']}: {entry['error'].removeprefix(Path(entry['source']).name + ': ')}")
    raise typer.Exit(1 if failed else 0)


@app.command("search")
def search_command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Images coded by an auto-encoder of the zoo.")],
    like: Annotated[Path, typer.Option(help="The image to look for: TIFF or PNG, grey, 8 bits.")],
    top: Annotated[int, typer.Option(help="How many neighbours.")] = 8,
    measure: Annotated[
        str, typer.Option(help="texture (of the maps of the code, wherever things lie), euclidean or cosine.")
    ] = "texture",
    as_json: Json = False,
) -> None:
    """Find the images of a store that are most like an image, by their codes alone: no pixel is decoded."""
    try:
        from zarr_neural.zoo.autoencoders.search import search  # the zoo: loaded by this command alone

        with _reported(as_json):
            found = search(store, like, top, measure)
    except ModuleNotFoundError as error:
        complain(f"auto-encoders need {error.name}: pip install 'zarr-neural[train]'")
        raise typer.Exit(1) from error
    if as_json:
        print_json({"neighbours": [one.as_json() for one in found]})
        return
    for one in found:
        typer.echo(f"{one.distance:.4g}\t{one.array or '.'}\t{list(one.index)}\t{one.name}".rstrip())


@app.command("download")
def download_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="bmshj2018-hyperprior, cheng2020-attn, ...")],
    metric: Annotated[str, typer.Option(help="mse or ms-ssim.")] = "mse",
    quality: Annotated[int, typer.Option(help="1 to 8; to 6 for cheng2020.")] = 8,
    folder: Annotated[Path | None, typer.Option(help="Where to. [default: the user's own folder of weights]")] = None,
) -> None:
    """Fetch the weights that CompressAI publishes for a learned codec of the zoo, and check their hash."""
    from zarr_neural.zoo.learned.download import download  # the zoo: loaded by this command alone

    with _reported():
        path, digest = download(name, metric, quality, folder, typer.echo)
    typer.echo(f"{path}, SHA-256 {digest}")


@train.command("lossless")
def train_lossless_command(
    data: Annotated[Path, typer.Option(help="Directory that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="File of the model.")],
    log: Annotated[Path, typer.Option(help="TSV file of the training curve.")],
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(help="Of each run.")] = None,
) -> None:
    """Train a model for lossless and bounded coding; a run that was stopped goes on when it is repeated."""
    try:
        from zarr_neural.training.loop import Settings  # torch: loaded by this command alone
        from zarr_neural.training.lossless import Recipe, train_lossless
    except ModuleNotFoundError as error:
        complain(f"training needs {error.name}: pip install 'zarr-neural[train]'")
        raise typer.Exit(1) from error
    given = {name: value for name, value in (("seed", seed), ("steps", steps)) if value is not None}
    words = "".join(f" --{name} {value}" for name, value in given.items())
    command = f"zarr-neural train lossless --data DIR --out {out.name} --log {log.name}{words}"
    with _reported():
        digest = train_lossless(data, out, log, Recipe(Settings(**given)), command=command, progress=typer.echo)
    typer.echo(f"model {digest}, {out.stat().st_size} bytes")


@train.command("lossy")
def train_lossy_command(
    data: Annotated[Path, typer.Option(help="Directory that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="File of the model.")],
    log: Annotated[Path, typer.Option(help="TSV file of the training curve.")],
    preset: Annotated[str, typer.Option(help="fast, or dense: larger networks.")] = "fast",
    loss: Annotated[str, typer.Option(help="mse, or ms-ssim: what the steps of the bands are made for.")] = "mse",
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(help="Of all rounds together, about.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train a model for coding at a mean error; a run that was stopped goes on when it is repeated."""
    try:
        from zarr_neural.training.lossy import recipe_for, train_lossy  # torch: loaded by this command alone
    except ModuleNotFoundError as error:
        complain(f"training needs {error.name}: pip install 'zarr-neural[train]'")
        raise typer.Exit(1) from error
    given = {"preset": preset, "loss": loss, "seed": seed, "steps": steps, "device": device}
    words = "".join(f" --{name} {value}" for name, value in given.items() if value is not None)
    command = f"zarr-neural train lossy --data DIR --out {out.name} --log {log.name}{words}"
    with _reported(resumes=True):
        recipe = recipe_for(preset, loss, seed, steps)
        digest = train_lossy(data, out, log, recipe, command=command, device=device, progress=typer.echo)
    typer.echo(f"model {digest}, {out.stat().st_size} bytes")


@train.command("zoo")
def train_zoo_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="bmshj2018-hyperprior, cheng2020-attn, ...")],
    data: Annotated[Path, typer.Option(help="Directory that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="File of the weights, NAME-grey.safetensors for codecs to find it.")],
    log: Annotated[Path, typer.Option(help="TSV file of the training curve.")],
    start: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Weights of another architecture to start from.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(help="For mean squared error.")] = None,
    ms_ssim_steps: Annotated[int | None, typer.Option(help="For MS-SSIM, from there.")] = None,
) -> None:
    """Train a learned codec of the literature for one channel; a run that was stopped goes on when it is repeated."""
    try:
        from zarr_neural.training.data import SETS, read_pictures  # torch: loaded by this command alone
        from zarr_neural.training.lossy_crops import split
        from zarr_neural.zoo.learned.grey_training import recipe_for, train_grey
    except ImportError as error:
        complain(f"training needs {error.name}: pip install 'zarr-neural[zoo]'")
        raise typer.Exit(1) from error
    given = {"start": start and start.name, "seed": seed, "steps": steps, "ms-ssim-steps": ms_ssim_steps}
    words = "".join(f" --{key} {value}" for key, value in given.items() if value is not None)
    command = f"zarr-neural train zoo {name} --data DIR --out {out.name} --log {log.name}{words}"
    with _reported(resumes=True):
        recipe = recipe_for(name, seed, steps, ms_ssim_steps)
        trained, validated = split(read_pictures(data, tuple(s for s in SETS if s.trained)))
        digest = train_grey(
            name, trained, validated, out, log, recipe, start=start, command=command, progress=typer.echo
        )
    typer.echo(f"weights {digest}, {out.stat().st_size} bytes")


@contextmanager
def _reported(as_json: bool = False, *, resumes: bool = False) -> Iterator[None]:
    """Turn our errors into a line on stderr, an object on stdout where JSON is wanted, and an exit code.

    `resumes` says that the command goes on where it was when it is repeated.
    """
    try:
        yield
    except (ZarrNeuralError, OSError, KeyboardInterrupt) as error:
        text = str(error) or type(error).__name__
        if isinstance(error, KeyboardInterrupt):
            text = "interrupted; the same command goes on from here" if resumes else "interrupted"
        complain(text)
        if as_json:
            print_json({"error": text})
        raise typer.Exit(2 if isinstance(error, ConfigurationError) else 1) from error


@contextmanager
def _progress(off: bool) -> Iterator[Callback]:
    """Yield a callback that drives a bar on stderr, or one that does nothing."""
    console = Console(stderr=True)
    if off or not console.is_terminal:
        yield lambda name, done, total: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def callback(name: str, done: int, total: int) -> None:
            if name not in tasks:
                for finished in tasks.values():
                    bar.update(finished, visible=False)
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield callback


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in re.split(r"[,x×]", text))
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is not a shape such as 512,512") from error
