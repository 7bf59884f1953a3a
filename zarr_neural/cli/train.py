"""The commands `train ...`: models of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.cli.outcome import needs, reported
from zarr_neural.cli.terminal import say

train = typer.Typer(no_args_is_help=True, help="Train models; this needs the extra: pip install 'zarr-neural[train]'.")


@train.command("lossless")
def train_lossless_command(
    data: Annotated[Path, typer.Option(help="Directory that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="File of the model.")],
    log: Annotated[Path, typer.Option(help="TSV file of the training curve.")],
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(help="Of each run.")] = None,
) -> None:
    """Train a model for lossless and bounded coding; a run that was stopped goes on when it is repeated."""
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
    data: Annotated[Path, typer.Option(help="Directory that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="File of the model.")],
    log: Annotated[Path, typer.Option(help="TSV file of the training curve.")],
    preset: Annotated[str, typer.Option(help="fast, or dense: larger networks.")] = "fast",
    loss: Annotated[str, typer.Option(help="mse, or ms-ssim: what the steps of the bands are made for.")] = "mse",
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(help="Of all rounds together, about.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train a model for coding at a mean error; a run that was stopped goes on when it is repeated."""
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
    name: Annotated[str, typer.Argument(metavar="NAME", help="bmshj2018-hyperprior, cheng2020-attn, ...")],
    data: Annotated[Path, typer.Option(help="Directory that holds the folders of the data sets.")],
    out: Annotated[Path, typer.Option(help="File of the weights, NAME-grey.safetensors for codecs to find it.")],
    log: Annotated[Path, typer.Option(help="TSV file of the training curve.")],
    start: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Weights of another architecture to start from.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    steps: Annotated[int | None, typer.Option(help="For mean squared error.")] = None,
    ms_ssim_steps: Annotated[int | None, typer.Option(help="For MS-SSIM, from there.")] = None,
) -> None:
    """Train a learned codec of the literature for one channel; a run that was stopped goes on when it is repeated."""
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
