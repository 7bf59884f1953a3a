"""Training from a folder of pairs to a model file and the log of its curve."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import dask.array as da
import numpy as np
import torch

from eval.predictors.architectures import Architecture, architecture_of
from eval.predictors.crops import Field, Image
from eval.predictors.decoded import through_codec
from eval.predictors.model_file import Description, write_model
from eval.predictors.networks import FNet
from eval.predictors.normalisation import PERCENTILES, normalisation
from eval.predictors.pairs import CHOOSING_GROUPS, HELD_OUT_GROUPS, Pair, Region, read_pairs
from eval.predictors.training import Settings, Trainer, arrays_of, project

RAW = "raw"
PACE_STEPS = 4


@dataclass(frozen=True)
class Task:
    """What is to be learnt from which data.

    Attributes
    ----------
    data
        Folder with ``pairs.csv``.
    target_name
        Channel to be predicted.
    compressed_with
        Words of a codec that inputs go through, or ``raw``.
    held_out, choosing
        Groups that are never seen, and that weights are chosen by.
    """

    data: Path
    target_name: str
    compressed_with: str = RAW
    held_out: Collection[str] = HELD_OUT_GROUPS
    choosing: Collection[str] = CHOOSING_GROUPS


@dataclass(frozen=True)
class Prepared:
    """A pair and its input on the scale of networks."""

    pair: Pair
    given: Image
    target: Image

    def field(self, region: Region) -> Field:
        """Return the region that crops are drawn from."""
        return Field(self.given[(..., *region)], self.target[region], self.pair.valid[region])


def prepare(task: Task, ndim: int, say: Callable[[str], None]) -> list[Prepared]:
    """Return all pairs of a task, inputs through its codec, normalised with the numbers of the raw input."""
    found = []
    for pair in read_pairs(task.data, task.target_name, ndim, task.held_out, task.choosing):
        low, high = normalisation(da.from_array(pair.raw))
        image = pair.raw
        if task.compressed_with != RAW:
            decoded = through_codec(pair.raw, task.compressed_with)
            say(f"{pair.name}: {decoded.psnr_db:.2f} dB, {decoded.bits:.3f} bit/sample")
            image = decoded.image
        found.append(Prepared(pair, pair.normalised_input(image, low, high), pair.normalised_target()))
    return found


def pearson(a: Image, b: Image) -> float:
    """Return the Pearson correlation of two sets of samples; 0 where one of them is constant."""
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def scores(network: FNet, architecture: Architecture, prepared: Sequence[Prepared], part: str) -> dict[str, float]:
    """Return the correlation of prediction and truth in a part of every pair that has it, by file name."""
    found = {}
    for each in prepared:
        region: Region | None = getattr(each.pair, part)
        if region is None or not each.pair.valid[region].any():
            continue
        window, inner = with_halo(region, each.target.shape, architecture)
        given = each.given[(..., *window)]
        planes = given.shape[0] if given.ndim == 3 else 0
        given = np.pad(given, [(0, -side % architecture.cell) for side in given.shape], mode="edge")
        with torch.inference_mode():
            predicted = project(network(torch.from_numpy(given)[None, None]), planes)[0, 0].numpy()
        valid = each.pair.valid[region]
        found[each.pair.name] = pearson(predicted[inner][valid], each.target[region][valid])
    return found


def with_halo(region: Region, shape: Sequence[int], architecture: Architecture) -> tuple[Region, Region]:
    """Return the window that a network must be given for a region, beginning on its cells, and the region in it.

    Examples
    --------
    >>> with_halo((slice(0, 64), slice(100, 164)), (64, 300), architecture_of("fnet3d"))
    ((slice(0, 64, None), slice(48, 212, None)), (slice(0, 64, None), slice(52, 116, None)))
    """
    cell, halo = architecture.cell, architecture.halo
    first = [max(0, side.start - halo) // cell * cell for side in region]
    last = [min(size, side.stop + halo) for side, size in zip(region, shape, strict=True)]
    window = (slice(first[0], last[0]), slice(first[1], last[1]))
    inner = [slice(side.start - start, side.stop - start) for side, start in zip(region, first, strict=True)]
    return window, (inner[0], inner[1])


def train_label_free(
    task: Task,
    settings: Settings,
    out: Path,
    log: Path,
    command: str,
    minutes: float | None = None,
    start_from: Path | None = None,
    say: Callable[[str], None] = print,
    stop_after: int | None = None,
) -> str:
    """Train a network, write its model file and log, and return the SHA-256 of the file.

    A checkpoint lies beside the model file until it is written; the same command goes on from there.

    Parameters
    ----------
    task : Task
    settings : Settings
    out, log : Path
        Model file, and TSV of the curve.
    command : str
        That is recorded.
    minutes : float, optional
        Of processor time: sets the number of steps by the pace of the first ones, instead of that in `settings`.
    start_from : Path, optional
        Model file whose weights are the first ones.
    say : callable
        Is told of progress.
    stop_after : int, optional
        Stop at this step and leave the checkpoint.

    Returns
    -------
    str
        Empty if it stopped before its end.

    Raises
    ------
    ValueError
        If the pairs cannot be used (`read_pairs`), or a checkpoint or `start_from` is of other settings.
    """
    torch.set_num_threads(1)
    architecture = architecture_of(settings.architecture)
    prepared = prepare(task, architecture.ndim, say)
    fields = [each.field(each.pair.training) for each in prepared if each.pair.training is not None]
    checkpoint = out.with_suffix(".checkpoint")
    if minutes is not None:
        settings = replace(settings, steps=steps_in(minutes, settings, fields, checkpoint))
    trainer = Trainer(settings, fields)
    head = ["step", "cpu_s", "loss", *(["adversarial", "discriminator"] if architecture.adversarial else [])]
    rows: list[str] = []
    if start_from is not None:
        trainer.start_from(start_from)
    if checkpoint.exists():
        trainer.load(checkpoint)
        rows = [line for line in log.read_text().splitlines() if line[:1].isdigit()]
        rows = [line for line in rows if int(line.split("\t")[0]) <= trainer.step]
        say(f"going on from step {trainer.step}")

    def report(step: int, losses: dict[str, float]) -> None:
        choosing = scores(trainer.averaged, architecture, prepared, "choosing")
        testing = scores(trainer.averaged, architecture, prepared, "testing")
        trainer.keep_if_best(mean(choosing))
        cells = [str(step), f"{trainer.seconds:.0f}", *(f"{losses[name]:.5f}" for name in head[2:])]
        rows.append("\t".join([*cells, f"{mean(choosing):.4f}", f"{mean(testing):.4f}"]))
        say(rows[-1])
        write_log(log, [], [*head, "choosing_correlation", "held_out_correlation"], rows)
        trainer.save(checkpoint)

    until = min(settings.steps, stop_after or settings.steps)
    trainer.run(until, report)
    if until < settings.steps:
        trainer.save(checkpoint)
        return ""
    identity = write_model(
        out, arrays_of(trainer.best[2]), describe(task, settings, prepared, trainer.best[1], command)
    )
    trainer.averaged.load_state_dict(trainer.best[2])
    final = scores(trainer.averaged, architecture, prepared, "testing")
    notes = [f"model {identity}", command, json.dumps(asdict(settings)), split_in_words(prepared)]
    notes += [f"best step by the choosing part: {trainer.best[1]}, correlation there {trainer.best[0]:.4f}"]
    notes += [f"held out: {name} {score:.4f}" for name, score in final.items()]
    write_log(log, notes, [*head, "choosing_correlation", "held_out_correlation"], rows)
    for note in notes[4:]:
        say(note)
    checkpoint.unlink(missing_ok=True)
    return identity


def mean(values: dict[str, float]) -> float:
    """Return the mean over files; nan for none."""
    return float(np.mean(list(values.values()))) if values else float("nan")


def steps_in(minutes: float, settings: Settings, fields: Sequence[Field], checkpoint: Path) -> int:
    """Return how many steps fit in minutes of processor time; those of the checkpoint where there is one."""
    if checkpoint.exists():
        return int(json.loads(torch.load(checkpoint, weights_only=True)["settings"])["steps"])
    trial = Trainer(replace(settings, steps=10**6), fields)
    trial.run(1, lambda step, losses: None)
    first = trial.seconds
    trial.run(1 + PACE_STEPS, lambda step, losses: None)
    return max(1, round(60 * minutes / ((trial.seconds - first) / PACE_STEPS)))


def describe(task: Task, settings: Settings, prepared: Sequence[Prepared], best_step: int, command: str) -> Description:
    """Return what the model file says of itself."""

    def groups(part: str) -> tuple[str, ...]:
        return tuple(sorted({each.pair.group for each in prepared if getattr(each.pair, part) is not None}))

    low, high = PERCENTILES
    output = f"0 and 1 are percentiles {low:g} and {high:g} of the target"
    if architecture_of(settings.architecture).ndim == 3:
        output += "; the mean over Z of a predicted volume is the predicted target plane"
    return Description(
        architecture=settings.architecture,
        width=settings.width,
        input_name=prepared[0].pair.input_name,
        target_name=task.target_name,
        trained_on=task.compressed_with,
        groups=groups("training"),
        choosing=groups("choosing"),
        held_out=groups("testing"),
        split=split_in_words(prepared),
        output=output,
        steps=settings.steps,
        best_step=best_step,
        seed=settings.seed,
        command=command,
    )


def split_in_words(prepared: Sequence[Prepared]) -> str:
    """Return how training, choosing and held-out parts are kept apart."""
    if any(each.pair.training is not None and each.pair.testing is not None for each in prepared):
        regions = prepared[0].pair
        return "one field split in space: " + ", ".join(
            f"{part} rows {r[0].start}-{r[0].stop - 1}, columns {r[1].start}-{r[1].stop - 1}"
            for part, r in (
                ("training", regions.training),
                ("choosing", regions.choosing),
                ("held out", regions.testing),
            )
            if r is not None
        )
    return "split by group"


def write_log(path: Path, notes: Sequence[str], head: Sequence[str], rows: Sequence[str]) -> None:
    """Write the curve so far, notes above it."""
    path.write_text("\n".join([*(f"# {note}" for note in notes), "\t".join(head), *rows, ""]))
