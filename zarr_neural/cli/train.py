"""The commands `train ...`: models of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.cli.outcome import needs, reported
from zarr_neural.cli.terminal import say

train = typer.Typer(
    no_args_is_help=True, help="Train models. This needs the training extra: pip install 'zarr-neural[train]'."
)


@train.command("lossless")
def train_lossless_command(
    data: Annotated[Path, typer.Option(help="The folder that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="The file to write the model to.")],
    log: Annotated[Path, typer.Option(help="The TSV file to write the training curve to.")],
    seed: Annotated[int | None, typer.Option(help="The seed of all random numbers.")] = None,
    steps: Annotated[int | None, typer.Option(help="The number of training steps of each run.")] = None,
) -> None:
    """Train a model for lossless and bounded coding; a run that was stopped continues when the command is repeated."""
    with needs("train", "training"):
        from zarr_neural.training.loop import Settings  # torch: loaded by this command alone
        from zarr_neural.training.lossless import Recipe, train_lossless
    given = {name: value for name, value in (("seed", seed), ("steps", steps)) if value is not None}
    words = "".join(f" --{name} {value}" for name, value in given.items())
    command = f"zarr-neural train lossless --data DIR --out {out.name} --log {log.name}{words}"
    with reported():
        digest = train_lossless(data, out, log, Recipe(Settings(**given)), command=command, progress=say)
    say(f"model {digest}, {out.stat().st_size} bytes")


@train.command("lossy")
def train_lossy_command(
    data: Annotated[Path, typer.Option(help="The folder that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="The file to write the model to.")],
    log: Annotated[Path, typer.Option(help="The TSV file to write the training curve to.")],
    preset: Annotated[
        str, typer.Option(help="The size of the networks: fast, or dense, which is larger and slower.")
    ] = "fast",
    loss: Annotated[str, typer.Option(help="The measure that training optimises: mse or ms-ssim.")] = "mse",
    seed: Annotated[int | None, typer.Option(help="The seed of all random numbers.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="The approximate number of training steps, all rounds together.")
    ] = None,
    device: Annotated[str, typer.Option(help="The device to train on: cpu or cuda.")] = "cpu",
) -> None:
    """Train a model for coding at a mean error; a run that was stopped continues when the command is repeated."""
    with needs("train", "training"):
        from zarr_neural.training.lossy import recipe_for, train_lossy  # torch: loaded by this command alone
    given = {"preset": preset, "loss": loss, "seed": seed, "steps": steps, "device": device}
    words = "".join(f" --{name} {value}" for name, value in given.items() if value is not None)
    command = f"zarr-neural train lossy --data DIR --out {out.name} --log {log.name}{words}"
    with reported(resumes=True):
        recipe = recipe_for(preset, loss, seed, steps)
        digest = train_lossy(data, out, log, recipe, command=command, device=device, progress=say)
    say(f"model {digest}, {out.stat().st_size} bytes")


@train.command("zoo")
def train_zoo_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The codec: bmshj2018-hyperprior, cheng2020-attn, ...")],
    data: Annotated[Path, typer.Option(help="The folder that holds the folders of the data sets.")],
    out: Annotated[
        Path,
        typer.Option(help="The file to write the weights to; codecs find it if it is called NAME-grey.safetensors."),
    ],
    log: Annotated[Path, typer.Option(help="The TSV file to write the training curve to.")],
    start: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A file of weights of another architecture to start from."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all random numbers.")] = None,
    steps: Annotated[int | None, typer.Option(help="The number of training steps for mean squared error.")] = None,
    ms_ssim_steps: Annotated[
        int | None, typer.Option(help="The number of training steps for MS-SSIM that follow.")
    ] = None,
) -> None:
    """Train a learned codec of the literature for one channel; a stopped run continues when it is repeated."""
    with needs("zoo", "training"):
        from zarr_neural.training.data import SETS, read_pictures  # torch: loaded by this command alone
        from zarr_neural.training.lossy_crops import split
        from zarr_neural.zoo.learned.grey_training import recipe_for, train_grey
    given = {"start": start and start.name, "seed": seed, "steps": steps, "ms-ssim-steps": ms_ssim_steps}
    words = "".join(f" --{key} {value}" for key, value in given.items() if value is not None)
    command = f"zarr-neural train zoo {name} --data DIR --out {out.name} --log {log.name}{words}"
    with reported(resumes=True):
        recipe = recipe_for(name, seed, steps, ms_ssim_steps)
        trained, validated = split(read_pictures(data, tuple(s for s in SETS if s.trained)))
        digest = train_grey(name, trained, validated, out, log, recipe, start=start, command=command, progress=say)
    say(f"weights {digest}, {out.stat().st_size} bytes")
