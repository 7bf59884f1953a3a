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
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A store, a folder of stores, an array, or the file of a chunk."),
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Describe a store, a folder of stores or a chunk: shape, codec, sizes, and what was lost.

    All that is known, such as the models and the record of the conversion, is printed by --json.
    """
    with reported(as_json):
        content = inspect_path(path)
    if as_json:
        print_json(content)
    elif not quiet:
        print_content(content)
