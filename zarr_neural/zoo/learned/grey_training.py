"""Training of networks for one channel, from pictures to one file of weights for all qualities and both metrics."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError
from zarr_neural.zoo.weights import read_weights, sha256, write_weights

from .architectures import ARCHITECTURES, VOLUME
from .grey_crops import draw_crops, validation_crops
from .grey_networks import file_arrays, grey_network, load, warm_start
from .loop import COLUMNS, Draw, Stage, train_stage
from .volume_crops import Slice, draw_volumes, stacks, validation_volumes
from .volume_networks import VOLUME_WIDTHS, VolumeFactorizedPrior
from .wavelet_start import start_as_wavelets

VALIDATION_SIDE = 256


@dataclass(frozen=True)
class GreyRecipe:
    """All that decides the weights, beside the pictures, the file to start from and the versions of the programs."""

    mse: Stage = field(default_factory=lambda: Stage("mse", 1000, 8, 128, 1e-3))
    ms_ssim: Stage = field(default_factory=lambda: Stage("ms-ssim", 250, 2, 192, 3e-4))
    seed: int = 0
    widths: tuple[int, ...] | None = None


VOLUME_RECIPE = GreyRecipe(Stage("mse", 1000, 2, 96, 1e-3, window=5), Stage("ms-ssim", 250, 2, 96, 3e-4, window=5))


def recipe_for(
    name: str, seed: int | None = None, steps: int | None = None, ms_ssim_steps: int | None = None
) -> GreyRecipe:
    """Return the recipe of an architecture, with another seed or other numbers of steps.

    Raises
    ------
    ConfigurationError
        If the architecture is unknown.
    """
    if name not in (*ARCHITECTURES, VOLUME):
        raise ConfigurationError(f"there is no architecture {name!r}, only {', '.join((*ARCHITECTURES, VOLUME))}")
    recipe = VOLUME_RECIPE if name == VOLUME else GreyRecipe()
    mse = recipe.mse if steps is None else replace(recipe.mse, steps=steps)
    ms_ssim = recipe.ms_ssim if ms_ssim_steps is None else replace(recipe.ms_ssim, steps=ms_ssim_steps)
    return replace(recipe, mse=mse, ms_ssim=ms_ssim, seed=recipe.seed if seed is None else seed)


def train_grey(
    name: str,
    trained: Sequence[Slice],
    validated: Sequence[Slice],
    out: Path,
    log: Path,
    recipe: GreyRecipe | None = None,
    *,
    start: Path | None = None,
    command: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> str:
    """Train one architecture, write its file and the curve of its training, and return the file's SHA-256.

    What is unfinished lies in a directory `<out>.work`; a second call with the same arguments goes on from there.

    Parameters
    ----------
    name : str
        One of `ARCHITECTURES`, or `VOLUME`.
    trained, validated : sequences of Slice
        Pictures to learn from, and to show in the log what was learned.
    out, log : Path
        File of the weights, and TSV of the curve.
    recipe : GreyRecipe, optional
    start : Path, optional
        File of another architecture, whose tensors of the same name and shape are where this training starts.
    command : str
        Noted in file and log.
    progress : callable
        Told what happens.

    Raises
    ------
    ConfigurationError
        If the architecture is unknown, or what is unfinished was begun with another recipe or start.
    ValueError
        If there are no pictures, or stacks of pictures, to train on.
    """
    usual = recipe_for(name)
    recipe = recipe or usual
    work = out.with_name(out.name + ".work")
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    draw: Draw
    crops: Sequence[NDArray[np.float32]]
    if name == VOLUME:
        network = VolumeFactorizedPrior(*(recipe.widths or VOLUME_WIDTHS))
        learned, kept_out = stacks(trained)
        draw, crops = partial(draw_volumes, learned, recipe.seed), validation_volumes(kept_out, VALIDATION_SIDE)
    else:
        network = grey_network(name, recipe.widths)
        draw = partial(draw_crops, trained, recipe.seed)
        crops = list(validation_crops(validated, VALIDATION_SIDE))
    started = "wavelets" if start_as_wavelets(network) else ""
    if start is not None:
        copied = warm_start(network, read_weights(start)[0])
        started = sha256(start)
        progress(f"{copied} tensors from {start.name}")
    about = {"command": command, "recipe": json.dumps(asdict(recipe)), "started_from": started}
    _begin(work / "recipe.json", {"architecture": name, "recipe": asdict(recipe), "started_from": started})
    curve = work / "curve.tsv"
    kept: dict[str, NDArray[Any]] = {}
    for stage in (recipe.mse, recipe.ms_ssim):
        train_stage(network, stage, draw, crops, recipe.seed, curve, work, progress)
        kept |= file_arrays(network, stage.metric)
        load(network, kept, stage.metric)  # rounded, as the next stage and every coder find them
    versions = {library: version(library) for library in ("torch", "compressai")}
    digest = write_weights(out, kept, {"architecture": name, **about, "versions": json.dumps(versions)})
    head = [f"# weights {digest}", *(f"# {key}: {value}" for key, value in about.items() if value), "\t".join(COLUMNS)]
    log.write_text("\n".join(head) + "\n" + curve.read_text())
    shutil.rmtree(work)
    return digest


def _begin(path: Path, asked: dict[str, Any]) -> None:
    """Note what a training was begun with, so that none of another recipe goes on from its checkpoints."""
    asked = json.loads(json.dumps(asked))
    if path.is_file() and (found := json.loads(path.read_text())) != asked:
        raise ConfigurationError(
            f"an unfinished training lies in {path.parent}, begun with {found}, not with {asked}: "
            "repeat its command, or delete the folder to begin anew"
        )
    path.write_text(json.dumps(asked))
