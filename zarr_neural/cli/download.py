"""The command `download`: published weights of learned codecs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.cli.outcome import needs, reported
from zarr_neural.cli.terminal import say


def download_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The codec: bmshj2018-hyperprior, cheng2020-attn, ...")],
    metric: Annotated[str, typer.Option(help="What the weights were trained for: mse or ms-ssim.")] = "mse",
    quality: Annotated[
        int, typer.Option(help="The quality, from 1 to 8, or from 1 to 6 for the cheng2020 codecs.")
    ] = 8,
    folder: Annotated[
        Path | None, typer.Option(help="The folder to save to. [default: the user's own folder of weights]")
    ] = None,
) -> None:
    """Fetch the weights that CompressAI publishes for a learned codec of the zoo, and check their hash."""
    with needs("zoo", "downloading weights"):
        from zarr_neural.zoo.learned.download import download  # the zoo: loaded by this command alone
    with reported():
        path, digest = download(name, metric, quality, folder, say)
    say(f"{path}, SHA-256 {digest}")
