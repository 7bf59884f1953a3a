"""The command `convert`: TIFFs to OME-Zarr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.cli.options import Axes, Json, Overwrite, Quiet, numbers
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.progress import progress
from zarr_neural.cli.summary import print_images
from zarr_neural.cli.terminal import complain, print_json
from zarr_neural.codecs.configuration import Preset


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
    with reported(as_json, resumes=True):
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
            axes=axes,
            overwrite=overwrite,
            workers=workers,
        )
        with progress(as_json or quiet) as callback:
            reports = convert(sources, target, options, callback)
    failed = [report for report in reports if report.status == "failed"]
    if as_json:
        counts = {status: sum(r.status == status for r in reports) for status in ("converted", "kept", "failed")}
        print_json({**counts, "images": [report.as_json() for report in reports]})
    elif not quiet:
        print_images(reports)
    for report in failed:
        complain(f"{report.source}: {(report.error or '').removeprefix(Path(report.source).name + ': ')}")
    raise typer.Exit(1 if failed else 0)
