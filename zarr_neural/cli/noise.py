"""The command `noise`: the camera noise of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from zarr_neural.archive import measure_noise
from zarr_neural.cli.options import Axes, Json, Quiet
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.terminal import cell, complain, print_json, print_table


def noise_command(
    sources: Annotated[list[str], typer.Argument(metavar="FILE", help="TIFF files, folders and patterns.")],
    axes: Axes = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure the camera noise of every channel from the images: gain, offset and read noise, in grey levels."""
    with reported(as_json):
        entries = measure_noise(list(sources), axes)
    failed = [entry for entry in entries if "error" in entry]
    if as_json:
        print_json({"channels": entries})
    elif not quiet:
        _print_noise(entries)
    for entry in failed:
        complain(f"{entry['source']}: {entry['error'].removeprefix(Path(entry['source']).name + ': ')}")
    raise typer.Exit(1 if failed else 0)


def _print_noise(entries: list[dict[str, Any]]) -> None:
    """Print the camera noise that `measure_noise` found, one line per channel."""
    table = Table("file", "image", "channel", "gain", "offset", "read noise", box=box.SIMPLE_HEAD)
    for entry in entries:
        if "error" not in entry:
            numbers = (f"{entry[name]:.4g}" for name in ("gain", "offset", "read_noise"))
            table.add_row(cell(Path(entry["source"]).name), str(entry["image"]), cell(entry["channel"]), *numbers)
    print_table(table)
