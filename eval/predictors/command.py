"""The command ``python -m eval train_label_free``."""

from __future__ import annotations

import importlib
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eval.predictors.architectures import ARCHITECTURES, architecture_of
from eval.predictors.decoded import parsed
from eval.predictors.pairs import CHOOSING_GROUPS, HELD_OUT_GROUPS

RAW = "raw"


def train_label_free(
    data: Annotated[Path, typer.Option(help="Folder that holds pairs.csv and the files it names.")],
    architecture: Annotated[str, typer.Option(help=f"One of {', '.join(ARCHITECTURES)}.")],
    out: Annotated[Path, typer.Option(help="Model file (safetensors).")],
    log: Annotated[Path, typer.Option(help="TSV of the curve.")],
    target: Annotated[str, typer.Option(help="Target, as pairs.csv names it.")] = "live_nuclei_channel",
    compressed_with: Annotated[
        str, typer.Option(help="Codec that inputs go through, e.g. jpegxr@PSNR30 (dB against the image's range).")
    ] = RAW,
    seed: Annotated[int, typer.Option(help="Of weights and crops.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the training.", show_default="1000")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Processor time instead of --steps; the log says how many they were.")
    ] = None,
    width: Annotated[int, typer.Option(min=1, help="Channels of the finest level; the paper has 32.")] = 16,
    rate: Annotated[float, typer.Option(min=1e-7, help="Learning rate at its peak.")] = 1e-3,
    batch: Annotated[int, typer.Option(min=0, help="Crops of a step.", show_default="the architecture's")] = 0,
    crop: Annotated[int, typer.Option(min=0, help="Side of a crop.", show_default="the architecture's")] = 0,
    start_from: Annotated[
        Path | None, typer.Option(help="Model file of the same network and width whose weights are the first ones.")
    ] = None,
    held_out: Annotated[str, typer.Option(help="Groups that are never seen, between commas.")] = (
        ",".join(HELD_OUT_GROUPS)
    ),
    choosing: Annotated[str, typer.Option(help="Groups that the best step is chosen by, between commas.")] = (
        ",".join(CHOOSING_GROUPS)
    ),
) -> None:
    """Train a network that predicts fluorescence from brightfield; the same command goes on where it was stopped.

    Needs torch (extra "train"). Prints the correlation on held-out groups, and never uses it.
    """
    console, errors = Console(), Console(stderr=True)
    if steps is not None and minutes is not None:
        raise typer.BadParameter("give --steps or --minutes, not both")
    try:
        architecture_of(architecture)
        if compressed_with != RAW:
            parsed(compressed_with)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        train = importlib.import_module("eval.predictors.train")
        training = importlib.import_module("eval.predictors.training")
    except ModuleNotFoundError as error:
        errors.print(f"training needs {error.name}: install the extra train")
        raise typer.Exit(1) from error
    task = train.Task(data, target, compressed_with, held_out.split(","), choosing.split(","))
    settings = training.Settings(architecture, width, steps or 1000, rate, batch, crop, seed)
    given = {
        "architecture": architecture,
        "target": target,
        "compressed-with": compressed_with,
        "start-from": start_from.name if start_from else None,
        "out": out.name,
        "log": log.name,
        "seed": seed,
        "steps": steps if minutes is None else None,
        "minutes": minutes,
        "width": width,
        "rate": rate if rate != 1e-3 else None,
        "batch": batch or None,
        "crop": crop or None,
        "held-out": held_out if held_out != ",".join(HELD_OUT_GROUPS) else None,
        "choosing": choosing if choosing != ",".join(CHOOSING_GROUPS) else None,
    }
    words = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
    command = shlex.join(["python", "-m", "eval", "train_label_free", "--data", "DIR", *words])
    try:
        identity = train.train_label_free(
            task, settings, out, log, command, minutes, start_from, lambda text: console.print(text, highlight=False)
        )
    except (OSError, ValueError) as error:
        errors.print(str(error))
        raise typer.Exit(1) from error
    console.print(f"written: {out}, SHA-256 {identity}", soft_wrap=True, highlight=False)
