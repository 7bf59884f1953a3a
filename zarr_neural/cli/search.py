"""The command `search`: images by their codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.cli.options import Json
from zarr_neural.cli.outcome import needs, reported
from zarr_neural.cli.terminal import print_json, say_columns


def search_command(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="A store of images that were coded by an auto-encoder of the zoo.")
    ],
    like: Annotated[Path, typer.Option(help="The image to look for: TIFF or PNG, grey, 8 bits.")],
    top: Annotated[int, typer.Option(help="The number of neighbours to find.")] = 8,
    measure: Annotated[
        str, typer.Option(help="The distance: texture (wherever things lie), euclidean or cosine.")
    ] = "texture",
    as_json: Json = False,
) -> None:
    """Find the images of a store that are most like an image, by their codes alone: no pixel is decoded."""
    with needs("train", "searching by codes"):
        from zarr_neural.zoo.autoencoders.search import search  # the zoo: loaded by this command alone

        with reported(as_json):
            found = search(store, like, top, measure)
    if as_json:
        print_json({"neighbours": [one.as_json() for one in found]})
        return
    for one in found:
        say_columns(f"{one.distance:.4g}", one.array or ".", str(list(one.index)), one.name)
