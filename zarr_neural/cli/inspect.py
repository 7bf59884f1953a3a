"""The command `inspect`: what a store or a chunk holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.archive import inspect_path
from zarr_neural.cli.content import print_content
from zarr_neural.cli.options import Json, Quiet
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.terminal import print_json


def inspect_command(
    path: Annotated[Path, typer.Argument(metavar="STORE|CHUNK", help="A store, an array, or the file of a chunk.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a store or a chunk holds: shape, codec, sizes, models, what was lost."""
    with reported(as_json):
        content = inspect_path(path)
    if as_json:
        print_json(content)
    elif not quiet:
        print_content(content)
