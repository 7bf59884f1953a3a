"""The command `convert`: TIFFs to OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.cli.options import Axes, Json, Overwrite, Quiet, Verbose, nbytes, numbers
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.progress import progress
from zarr_neural.cli.summary import print_summary
from zarr_neural.cli.terminal import complain, print_json
from zarr_neural.codecs.configuration import Preset
from zarr_neural.errors import ConfigurationError


def convert_command(
    sources: Annotated[
        list[str], typer.Argument(metavar="SRC", help="TIFF files, folders (searched recursively) and patterns.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="DST", help="The store of a single image, or the folder of the stores of several.")
    ],
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Keep every pixel as it is. This is the default.")
    ] = False,
    max_error: Annotated[
        float | None,
        typer.Option(
            help="Lossy: no pixel is off by more than this many grey levels. May be combined with --rmse, --psnr or "
            "--ratio."
        ),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Lossy: round to steps of this many standard deviations of the camera noise, which is measured from "
            "the image. 1 is a usual value."
        ),
    ] = None,
    rmse: Annotated[
        float | None,
        typer.Option(help="Lossy: the root mean square error of every chunk is at most this many grey levels."),
    ] = None,
    psnr: Annotated[
        float | None,
        typer.Option(
            help="Lossy: the peak signal-to-noise ratio of every channel is at least this many decibels (25 or more) "
            "against its range, from the 0.05th to the 99.95th percentile of its values. The image is read twice."
        ),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            help="Lossy: the chunks take about this many times fewer bytes than the pixels; this is tried on up to "
            "8 chunks of every channel. A ratio that would need a PSNR below 25 dB is refused."
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="The model for --rmse, --psnr, --ratio, and --noise of 3 or more: fast, or dense, which is slower and "
            "gives smaller files. [default: fast]"
        ),
    ] = None,
    ome_version: Annotated[
        str, typer.Option(help="The version of OME-Zarr: 0.5 (which is Zarr v3) or 0.4 (Zarr v2).")
    ] = "0.5",
    layout: Annotated[
        str,
        typer.Option(
            help="How files with several images are stored: images gives each image a store of its own; bf2raw puts "
            "all images of a file into one store, in groups 0, 1 and so on, as bioformats2raw does."
        ),
    ] = "images",
    levels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of levels of the pyramid, the full resolution included. [default: until an overview has "
            "at most 256 x 256 pixels]",
        ),
    ] = None,
    no_pyramid: Annotated[
        bool, typer.Option("--no-pyramid", help="Store the full resolution only, the same as --levels 1.")
    ] = False,
    chunk: Annotated[
        str | None,
        typer.Option(
            help="The shape of a chunk in pixels, along the last axes, such as 512,512."
            " [default: about 1024,1024, cut evenly]"
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Put several chunks into one file, a shard: auto (up to 32 MiB of pixels), or a shape such as "
            "4096,4096. Needs OME-Zarr 0.5. [default: no shards]"
        ),
    ] = None,
    labels: Annotated[
        bool | None,
        typer.Option(
            "--labels/--no-labels",
            help="Treat every image, or none, as a label image, which is never coded with loss and whose overviews are "
            "not averaged. With --no-labels overviews are averaged, but chunks whose content is that of labels stay "
            "lossless. [default: decided for every image by its dtype, palette, name and content]",
        ),
    ] = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    workers: Annotated[int | None, typer.Option(help="The number of threads. [default: one per core]")] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(
            help="The memory that one compressed strip or tile of a TIFF may take when it is decoded, such as 8G; "
            "files with larger ones are refused. [default: 4G]"
        ),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Convert TIFFs to OME-Zarr, read everything back, and report what was lost, which is nothing by default.

    A file that cannot be read is reported, the others are converted, and the exit code is 1. A run that was
    interrupted continues where it stopped when the same command is given again.
    """
    with reported(as_json, resumes=True):
        if no_pyramid and levels not in (None, 1):
            raise ConfigurationError(f"--no-pyramid and --levels {levels} contradict each other: give one of them")
        shape = None if shard is None else (True if shard == "auto" else numbers(shard))
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
            chunks=None if chunk is None else numbers(chunk),
            shards=False if shape is None else shape,
            labels=labels,
            layout=layout,
            levels=1 if no_pyramid else levels,
            axes=axes,
            overwrite=overwrite,
            workers=workers,
            **({} if max_memory is None else {"max_memory": nbytes(max_memory)}),
        )
        with progress(as_json or quiet) as callback:
            reports = convert(sources, target, options, callback)
    failed = [report for report in reports if report.status == "failed"]
    if as_json:
        states = ("converted", "kept", "failed", "passed over")
        counts = {state.replace(" ", "_"): sum(r.status == state for r in reports) for state in states}
        print_json({**counts, "images": [report.as_json() for report in reports]})
    elif not quiet:
        print_summary(reports, Path(target), verbose=verbose)
    for report in failed:
        complain(f"{report.source}: {(report.error or '').removeprefix(Path(report.source).name + ': ')}")
    raise typer.Exit(1 if failed else 0)
