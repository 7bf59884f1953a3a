"""The command `export`: a store back to OME-TIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.archive import export
from zarr_neural.cli.options import Json, Overwrite, Quiet
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.progress import progress
from zarr_neural.cli.terminal import print_json


def export_command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="An OME-Zarr image.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.tif", help="The OME-TIFF to write.")],
    level: Annotated[int, typer.Option(help="The level of the pyramid to write; 0 is the full resolution.")] = 0,
    compression: Annotated[str, typer.Option(help="The compression of the TIFF: none, zlib, lzw or zstd.")] = "none",
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a store as OME-TIFF, with its axes, channel names and pixel sizes."""
    with reported(as_json), progress(as_json or quiet, in_bytes=False) as callback:
        path = export(store, out, level=level, compression=compression, overwrite=overwrite, progress=callback)
        nbytes = path.stat().st_size
    if as_json:
        print_json({"path": str(path), "nbytes": nbytes})
