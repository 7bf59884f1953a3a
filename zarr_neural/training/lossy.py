"""The whole recipe of a lossy model, from a directory of pictures to a file and a log."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError
from zarr_neural.models import pack_lossy

from .data import SETS, Picture, read_pictures
from .lossy_coefficients import Coefficients, collect, engine, first_guess
from .lossy_crops import draw_crop, split
from .lossy_export import check, freeze
from .lossy_gains import norm_gains
from .lossy_loop import LossyTrainer, Settings
from .lossy_similarity import ms_ssim_decibels
from .lossy_tuning import tune, tuning_crops

CHECKPOINT_STEPS = 1000
VALIDATION = 10  # one crop of validation pictures for so many of training
LOSSES = ("mse", "ms-ssim")
TUNED = (1, 3)  # rounds after which gains are searched, where the loss asks for it
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Round:
    """Crops drawn, coded with the model of the round before, and steps trained on their coefficients.

    Without steps, only the tables are counted anew.
    """

    crops: int
    steps: int


@dataclass(frozen=True)
class LossyRecipe:
    """All that decides the bytes of a model, beside the pictures and the versions of the programs.

    Attributes
    ----------
    settings : Settings
    rounds : tuple of Round
    coefficients : int
        Coefficients that a crop gives to each network, at most.
    plain : float
        Part of the crops that is not altered.
    even : float
        How much crops that cost few bits are preferred (`collect`).
    lam : float
        What the encoder gives for a bit, in squared steps.
    loss : str
        One of `LOSSES`: what the gains of the bands are made for. Those for ms-ssim are searched after the rounds
        `TUNED`, so that networks learn with them.
    """

    settings: Settings = field(default_factory=Settings)
    rounds: tuple[Round, ...] = (Round(200, 500), Round(400, 1000), *(Round(600, 1200),) * 5, Round(1000, 0))
    coefficients: int = 600
    plain: float = 0.4
    even: float = 0.5
    lam: float = 0.25
    loss: str = "mse"


PRESETS = {
    "fast": replace(LossyRecipe(), settings=Settings(hidden1=24, hidden2=16)),
    "dense": replace(LossyRecipe(), settings=Settings(hidden1=64, hidden2=64)),
}


def recipe_for(preset: str, loss: str = "mse", seed: int | None = None, steps: int | None = None) -> LossyRecipe:
    """Return the recipe of a preset, with another loss or seed, or about so many steps in all rounds.

    Raises
    ------
    ConfigurationError
        If the preset or the loss is unknown.
    """
    for what, found, allowed in (("preset", preset, tuple(PRESETS)), ("loss", loss, LOSSES)):
        if found not in allowed:
            raise ConfigurationError(f"the {what} is {found!r}, allowed are {', '.join(allowed)}")
    recipe = replace(PRESETS[preset], loss=loss)
    if seed is not None:
        recipe = replace(recipe, settings=replace(recipe.settings, seed=seed))
    if steps is not None:
        every = sum(r.steps for r in recipe.rounds)
        recipe = replace(recipe, rounds=tuple(replace(r, steps=r.steps * steps // every) for r in recipe.rounds))
    return recipe


def train_lossy(
    data: Path | list[Picture],
    out: Path,
    log: Path,
    recipe: LossyRecipe | None = None,
    *,
    command: str = "",
    device: str = "cpu",
    until: tuple[int, int] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> str | None:
    """Train a lossy model, write its file and the curve of its training, and return its SHA-256.

    What is unfinished lies in a directory `<out>.work`; a second call with the same arguments goes on from there.

    Parameters
    ----------
    data : Path or list of Picture
        Directory that holds the folders of `data.SETS` that are trained on, or the pictures themselves.
    out : Path
        File of the model.
    log : Path
        TSV: round, step, bits a coefficient (running mean), those of validation, loss of the means.
    recipe : LossyRecipe, optional
    command : str
        Written into the head of the log.
    device : str
        cpu, or a GPU that torch knows; another device gives a model of other bytes.
    until : tuple of int, optional
        Stop before this step of this round, and return None: for tests of resuming.
    progress : callable
        Is told, line by line, what goes on.

    Raises
    ------
    ValueError
        If no crop can be drawn from the pictures, the work directory belongs to another recipe, or the integers code
        worse than the floats that they come from.
    zarr_neural.errors.ModelError
        If the result breaks the numeric contract.
    """
    recipe = recipe or LossyRecipe()
    torch.set_num_threads(1)
    work = out.with_name(out.name + ".work")
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, recipe)
    trainer = LossyTrainer(recipe.settings, sum(r.steps for r in recipe.rounds), device)
    arrays, curve = first_guess(), work / "curve.tsv"
    for number, this in enumerate(recipe.rounds):
        checkpoint, end = work / f"checkpoint-{number}.pt", work / f"model-{number}.npz"
        if end.exists():
            trainer.restore(checkpoint)
            arrays = _read(end)
            continue
        found = _prepare(data, work, recipe, number, arrays, progress)
        trainer.begin(number, *found, this.steps)
        stop = until[1] if until is not None and until[0] <= number else None
        if not _run(trainer, checkpoint, curve, stop, progress):
            return None
        arrays = freeze(trainer, arrays["gains"])
        floats, integers = check(trainer, arrays)
        _append(curve, f"# round {number}: {floats:.5f} bits in floats, {integers:.5f} in integers", progress)
        if recipe.loss == "ms-ssim" and number in TUNED:
            crops = tuning_crops(split(_pictures(data))[0])
            arrays["gains"] = tune(arrays, crops, recipe.lam, ms_ssim_decibels, progress)
            _append(
                curve,
                f"# round {number}: gains {(arrays['gains'] - norm_gains()).tolist()} on those of norms",
                progress,
            )
        _write(end, arrays)
    packed = pack_lossy(arrays, _metadata(recipe))
    digest = hashlib.sha256(packed).hexdigest()
    out.write_bytes(packed)
    head = [f"# model {digest}", f"# {command}", f"# {json.dumps(asdict(recipe))}"]
    log.write_text("\n".join([*head, "round\tstep\ttrain_bits\tvalidation_bits\tmean_loss", ""]) + curve.read_text())
    shutil.rmtree(work)
    return digest


def _pictures(data: Path | list[Picture]) -> list[Picture]:
    return read_pictures(data, tuple(s for s in SETS if s.trained)) if isinstance(data, Path) else data


def _prepare(
    data: Path | list[Picture],
    work: Path,
    recipe: LossyRecipe,
    number: int,
    arrays: Arrays,
    progress: Callable[[str], None],
) -> tuple[Coefficients, Coefficients]:
    """Return the coefficients of a round, of training and validation crops, found now or before."""
    kept = [work / f"train-{number}.npz", work / f"validation-{number}.npz"]
    if not kept[-1].exists():
        count = recipe.rounds[number].crops
        first = sum(r.crops for r in recipe.rounds[:number])
        model = engine(arrays)
        for path, pictures, salt, share in zip(kept, split(_pictures(data)), (0, 1), (1, VALIDATION), strict=True):
            seed = 2 * recipe.settings.seed + salt
            numbers = range(first // share, first // share + max(count // share, 1))
            drawn = (draw_crop(pictures, seed, n, 1.0 if salt else recipe.plain) for n in numbers)
            crops = [crop for crop in drawn if crop is not None]
            collect(model, crops, recipe.lam, recipe.coefficients, recipe.even, seed).write(path)
            progress(f"round {number}: coefficients of {len(crops)} crops")
    return Coefficients.read(kept[0]), Coefficients.read(kept[1])


def _run(
    trainer: LossyTrainer, checkpoint: Path, curve: Path, stop: int | None, progress: Callable[[str], None]
) -> bool:
    """Bring a round to its end, from its checkpoint where there is one; False if it was stopped at step `stop`."""
    if checkpoint.exists():
        trainer.load(checkpoint)
    kept = curve.read_text().splitlines(True) if curve.exists() else []
    here = (trainer.round, trainer.step)
    kept = [line for line in kept if line.startswith("#") or tuple(map(int, line.split("\t")[:2])) <= here]
    curve.write_text("".join(kept))

    def report(step: int, train: float, validation: float, means: float) -> None:
        _append(curve, f"{trainer.round}\t{step}\t{train:.5f}\t{validation:.5f}\t{means:.5f}", progress)

    while trainer.step < trainer.steps:
        if stop is not None and trainer.step >= stop:
            return False
        target = min(trainer.steps, (trainer.step // CHECKPOINT_STEPS + 1) * CHECKPOINT_STEPS)
        trainer.run(target if stop is None else min(target, stop), report)
        trainer.save(checkpoint)
    if not checkpoint.exists():
        trainer.save(checkpoint)
    return True


def _append(curve: Path, line: str, progress: Callable[[str], None]) -> None:
    with curve.open("a") as file:
        file.write(line + "\n")
    progress(line)


def _claim(work: Path, recipe: LossyRecipe) -> None:
    """Make sure that the work directory belongs to this recipe."""
    text = json.dumps(asdict(recipe))
    path = work / "recipe.json"
    if path.exists() and path.read_text() != text:
        raise ValueError(f"{work} holds the work of another recipe: {path.read_text()}; this one is {text}")
    path.write_text(text)


def _write(path: Path, arrays: Arrays) -> None:
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, allow_pickle=False, **arrays)
    temporary.replace(path)


def _read(path: Path) -> Arrays:
    with np.load(path) as file:
        return dict(file)


def _metadata(recipe: LossyRecipe) -> dict[str, str]:
    sets = [
        {"name": s.folder, "licence": s.licence, "held_out": sorted(s.held_out), "trained": s.trained} for s in SETS
    ]
    return {
        "data": json.dumps(sets),
        "loss": recipe.loss,
        "recipe": json.dumps(asdict(recipe)),
        "seed": str(recipe.settings.seed),
        "zarr_neural": version("zarr-neural"),
        "torch": version("torch"),
    }
