"""The whole recipe of a lossless model, from a directory of pictures to a file and a log."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zarr_neural import _native
from zarr_neural.models import pack

from .data import SETS, Picture, read_pictures
from .distributions import unit_tails
from .export import assemble, freeze
from .filters import fit_bank
from .loop import Settings, Trainer
from .pixels import Tile, collect_pixels, draw_tile, read_pixels, write_pixels

KINDS = 9  # level class x phase
CHECKPOINT_STEPS = 1000
ARGUMENTS = ("tails", "bank", "rules", "w1", "b1", "s1", "w2", "b2", "s2", "w3", "b3", "s3")


@dataclass(frozen=True)
class Recipe:
    """All that decides the bytes of a model, beside the pictures and the versions of the programs.

    Attributes
    ----------
    settings : Settings
        Sizes and schedule of each of the nine runs.
    tiles : int
        Tiles drawn.
    pixels : int
        Pixels that a tile gives to each run, at most.
    filters : int
        Linear predictors in the bank of each phase.
    bank_tiles : int
        Tiles that the bank is fitted to, the first ones.
    """

    settings: Settings = field(default_factory=Settings)
    tiles: int = 8000
    pixels: int = 640
    filters: int = 16
    bank_tiles: int = 1500


def train_lossless(
    data: Path | list[Picture],
    out: Path,
    log: Path,
    recipe: Recipe | None = None,
    *,
    command: str = "",
    until: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> str | None:
    """Train a lossless model, write its file and the curve of its training, and return its SHA-256.

    What is unfinished lies in a directory `<out>.work`; a second call with the same arguments goes on from there.

    Parameters
    ----------
    data : Path or list of Picture
        Directory that holds the folders of `data.SETS` that are trained on, or the pictures themselves.
    out : Path
        File of the model.
    log : Path
        TSV: run, step, bits per training pixel (running mean) and per validation pixel.
    recipe : Recipe, optional
    command : str
        Written into the head of the log.
    until : int, optional
        Stop before this step of the run that comes next to it, and return None: for tests of resuming.
    progress : callable
        Is told, line by line, what goes on.

    Raises
    ------
    ValueError
        If no tile can be drawn from the pictures, or the work directory belongs to another recipe.
    zarr_neural.errors.ModelError
        If the result breaks the numeric contract.
    """
    recipe = recipe or Recipe()
    torch.set_num_threads(1)
    work = out.with_name(out.name + ".work")
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, recipe)
    tails = unit_tails()
    _prepare(data, work, recipe, tails, progress)
    lines: list[str] = []
    frozen = []
    for kind in range(KINDS):
        trainer = Trainer(read_pixels(work, kind), recipe.settings, kind)
        curve = work / f"curve-{kind}.tsv"
        if not _run(trainer, work / f"run-{kind}.pt", curve, until, progress):
            return None
        frozen.append(freeze(trainer, tails))
        lines.append(curve.read_text())
    arrays = assemble(frozen, tails, np.load(work / "bank.npy", allow_pickle=False))
    packed = pack(arrays, _metadata(recipe))
    digest = hashlib.sha256(packed).hexdigest()
    out.write_bytes(packed)
    head = [f"# model {digest}", f"# {command}", f"# {json.dumps(asdict(recipe))}"]
    log.write_text("\n".join([*head, "run\tstep\ttrain_bits\tvalidation_bits", ""]) + "".join(lines))
    shutil.rmtree(work)
    return digest


def _run(trainer: Trainer, checkpoint: Path, curve: Path, until: int | None, progress: Callable[[str], None]) -> bool:
    """Bring a run to its end, from its checkpoint where there is one; False if it was stopped at step `until`."""
    steps = trainer.settings.steps
    if checkpoint.exists():
        trainer.load(checkpoint)
        kept = [line for line in curve.read_text().splitlines(True) if int(line.split("\t")[1]) <= trainer.step]
        curve.write_text("".join(kept))
    else:
        curve.write_text("")

    def report(step: int, train: float, validation: float) -> None:
        line = f"{trainer.kind}\t{step}\t{train:.4f}\t{validation:.4f}\n"
        with curve.open("a") as file:
            file.write(line)
        progress(line.strip())

    while trainer.step < steps:
        if until is not None and trainer.step >= until:
            return False
        target = min(steps, (trainer.step // CHECKPOINT_STEPS + 1) * CHECKPOINT_STEPS)
        trainer.run(min(target, until) if until is not None and until > trainer.step else target, report)
        trainer.save(checkpoint)
    return True


def _claim(work: Path, recipe: Recipe) -> None:
    """Make sure that the work directory belongs to this recipe."""
    text = json.dumps(asdict(recipe))
    path = work / "recipe.json"
    if path.exists() and path.read_text() != text:
        raise ValueError(f"{work} holds the work of another recipe: {path.read_text()}; this one is {text}")
    path.write_text(text)


def _prepare(
    data: Path | list[Picture], work: Path, recipe: Recipe, tails: NDArray[np.uint32], progress: Callable[[str], None]
) -> None:
    """Fit the bank and collect the pixels, unless that is done."""
    done = work / "bank.npy"
    if done.exists():
        return
    if isinstance(data, Path):
        data = read_pictures(data, tuple(s for s in SETS if s.trained))
    seed = recipe.settings.seed
    drawn = (draw_tile(data, seed, number) for number in range(recipe.tiles))
    tiles: list[Tile] = [tile for tile in drawn if tile is not None]
    if not tiles:
        raise ValueError(f"none of {len(data)} pictures gives a tile to train on")
    progress(f"{len(tiles)} tiles drawn")
    bank = fit_bank([tile.samples for tile in tiles[: recipe.bank_tiles]], recipe.filters)
    progress("bank fitted")
    write_pixels(collect_pixels(tiles, _blank(bank, tails), recipe.pixels, seed), work)
    progress("pixels collected")
    np.save(done, bank, allow_pickle=False)


def _blank(bank: NDArray[np.int16], tails: NDArray[np.uint32]) -> Any:
    """Return a native model with this bank and networks that do nothing."""
    arrays: dict[str, NDArray[Any]] = {"tails": tails, "bank": bank, "rules": np.zeros((3, 3, 1, 42, 2), np.int8)}
    for layer, outputs, inputs in (("1", 4, 32), ("2", 4, 4), ("3", 9, 4)):
        arrays["w" + layer] = np.zeros((3, 3, 1, outputs, inputs), np.int8)
        arrays["b" + layer] = np.zeros((3, 3, 1, outputs), np.int32)
        arrays["s" + layer] = np.zeros((3, 3, 1, outputs), np.uint8)
    return _native.make_model(*(arrays[name] for name in ARGUMENTS))


def _metadata(recipe: Recipe) -> dict[str, str]:
    sets = [
        {"name": s.folder, "licence": s.licence, "held_out": sorted(s.held_out), "trained": s.trained} for s in SETS
    ]
    return {
        "data": json.dumps(sets),
        "recipe": json.dumps(asdict(recipe)),
        "seed": str(recipe.settings.seed),
        "zarr_neural": version("zarr-neural"),
        "torch": version("torch"),
    }
