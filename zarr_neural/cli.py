"""The command line: arguments in, calls of the archive and training rooms, tables, JSON and exit codes out.

Exit codes: 0 fine, 1 something failed (an unreadable file, damage), 2 wrong use.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from zarr_neural.archive import (
    ImageReport,
    Options,
    VerifyReport,
    convert,
    export,
    fidelity_from,
    inspect_path,
    measure_noise,
    verify,
)
from zarr_neural.archive import Progress as Callback
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
    max_error: Annotated[float | None, typer.Option(help="Every pixel within this many grey levels.")] = None,
    noise: Annotated[
        float | None, typer.Option(help="Steps of this many standard deviations of the camera noise. [default: 1.0]")
    ] = None,
    rmse: Annotated[float | None, typer.Option(help="Mean error in grey levels (not there yet).")] = None,
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
            fidelity=fidelity_from(lossless=lossless, max_error=max_error, noise=noise, rmse=rmse),
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
        _print_json({**counts, "images": [report.as_json() for report in reports]})
    elif not quiet:
        _print_table(reports)
    for report in failed:
        _complain(f"{report.source}: {(report.error or '').removeprefix(Path(report.source).name + ': ')}")
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
        _print_json({"sound": all(r.sound for r in reports), "stores": [r.as_json() for r in reports]})
    elif not quiet:
        for report in reports:
            _print_verified(report)
    if not as_json:
        for report in reports:
            for damage in report.damaged:
                place = "/".join(part for part in (report.store, damage.array, damage.chunk) if part)
                _complain(f"{place}: {damage.what}")
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
        _print_json(content)
    elif not quiet:
        _print_content(content)


def _print_content(content: dict[str, Any]) -> None:
    """Print what `inspect_path` found, the arrays as a table."""
    arrays = content.pop("arrays", None)
    console = _console()
    for name, value in content.items():
        shown = json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        console.print(f"{name}: {shown}", markup=False, highlight=False, soft_wrap=True)
    if arrays is not None:
        table = Table(
            "array", "shape", "dtype", "chunk", "shard", "codec", "bytes", "ratio", "bit/pixel", box=box.SIMPLE_HEAD
        )
        for array in arrays:
            codec = ", ".join(str(codec.get("name") or codec.get("id")) for codec in array["codecs"])
            shards = "" if array["shards"] is None else _times(array["shards"])
            row = (
                Text(array["path"]),
                _times(array["shape"]),
                array["dtype"],
                _times(array["chunks"]),
                shards,
                Text(codec),
            )
            table.add_row(*row, str(array["stored_nbytes"]), _number(array["ratio"]), _number(array["bits_per_pixel"]))
        console.print(table)


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
        _print_json({"path": str(path), "nbytes": nbytes})


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
        _print_json({"channels": entries})
    elif not quiet:
        table = Table("file", "image", "channel", "gain", "offset", "read noise", box=box.SIMPLE_HEAD)
        for entry in entries:
            if "error" not in entry:
                numbers = (f"{entry[name]:.4g}" for name in ("gain", "offset", "read_noise"))
                table.add_row(Text(Path(entry["source"]).name), str(entry["image"]), Text(entry["channel"]), *numbers)
        _console().print(table)
    for entry in failed:
        _complain(f"{entry['source']}: {entry['error'].removeprefix(Path(entry['source']).name + ': ')}")
    raise typer.Exit(1 if failed else 0)


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
        _complain(f"training needs {error.name}: pip install 'zarr-neural[train]'")
        raise typer.Exit(1) from error
    given = {name: value for name, value in (("seed", seed), ("steps", steps)) if value is not None}
    words = "".join(f" --{name} {value}" for name, value in given.items())
    command = f"zarr-neural train lossless --data DIR --out {out.name} --log {log.name}{words}"
    with _reported():
        digest = train_lossless(data, out, log, Recipe(Settings(**given)), command=command, progress=typer.echo)
    typer.echo(f"model {digest}, {out.stat().st_size} bytes")


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
        _complain(text)
        if as_json:
            _print_json({"error": text})
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


def _console() -> Console:
    """Standard output, never wrapped or cut where it goes into a file."""
    console = Console(emoji=False)
    return console if console.is_terminal else Console(width=200, emoji=False)


def _complain(text: str) -> None:
    typer.echo(f"error: {text}", err=True)


def _print_json(content: dict[str, Any]) -> None:
    typer.echo(json.dumps(_finite(content), indent=2, ensure_ascii=False, default=str, allow_nan=False))


def _finite(value: Any) -> Any:
    """The same data with null for what JSON does not have: infinities and NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def _print_table(reports: list[ImageReport]) -> None:
    """Print one line per image, all of it measured by reading back."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("image", overflow="fold", min_width=10)
    table.add_column("pixels", overflow="fold", min_width=8)
    table.add_column("kept as")
    for name in ("ratio", "bit/\npixel", "max\nerror", "PSNR\ndB", "encode\nMP/s", "decode\nMP/s"):
        table.add_column(name, justify="right")
    for report in reports:
        name = Path(report.source).name if len(reports) < 2 else Path(report.target).name.removesuffix(".ome.zarr")
        if report.status != "converted":
            table.add_row(
                Text(name), "", "failed" if report.status == "failed" else "there already", _number(report.ratio)
            )
            continue
        value = report.parameters.get(report.method)
        table.add_row(
            Text(name),
            f"{_times(report.shape)} {report.dtype}",
            report.method if value is None else f"{report.method} {value:g}",
            _number(report.ratio),
            _number(report.bits_per_pixel),
            _number(report.max_error),
            "exact" if report.psnr_db is None else _number(report.psnr_db),
            _number(report.encode_mpixel_s),
            _number(report.decode_mpixel_s),
        )
    console = _console()
    console.print(table)
    console.print(
        "PSNR against each channel's own range, the lowest of the channels; speed of one thread, with the disk"
    )
    for report in reports:
        for note in report.notes:
            console.print(f"{Path(report.source).name}: {note}", markup=False, highlight=False)


def _print_verified(report: VerifyReport) -> None:
    state = "sound" if report.sound else f"{len(report.damaged)} faults"
    typer.echo(f"{report.store}: {report.chunks} chunks, {state}")
    for entry in report.measured:
        decibel = "exact" if entry["psnr_db"] is None else f"PSNR {entry['psnr_db']:.2f} dB"
        typer.echo(f"  {entry['channel']}: max error {entry['max_error']:g}, RMSE {entry['rmse']:.4f}, {decibel}")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _times(shape: Any) -> str:
    return "x".join(str(size) for size in shape)
