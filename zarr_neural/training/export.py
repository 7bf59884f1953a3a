"""From trained experts to the integers of a model: order, default scale rules, packing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .distributions import LOGS, ROWS, log_magnitude, table_costs
from .loop import Trainer
from .loss import scale_and_error
from .network import Layer

SCALE_GROUPS, GROUP = 42, 16
MAX_RULE_SHIFT = 16  # eighths of an octave
MOST_PIXELS = 1_000_000
PRIOR_PIXELS = 30  # a rule moves from the plain one only as far as so many pixels say


@dataclass(frozen=True)
class Frozen:
    """Integers of one level class and phase: three layers of E experts, and rules (E, 42, 2)."""

    layers: list[Layer]
    rules: NDArray[np.int8]


def freeze(trainer: Trainer, tails: NDArray[np.uint32]) -> Frozen:
    """Return the integers of a trained run, the most used expert first."""
    pixels = trainer.train
    stride = max(1, len(pixels.tile) // MOST_PIXELS)
    pixels = pixels.take(np.arange(0, len(pixels.tile), stride))
    bits = trainer.tile_bits(pixels)
    number = np.bincount(pixels.tile, minlength=len(bits))
    best = bits.argmin(1)
    weight = 1 / (bits.min(1) / np.maximum(number, 1) + 1)
    experts = bits.shape[1]
    order = np.argsort(-np.bincount(best[number > 0], minlength=experts), kind="stable")
    counts = _histogram(trainer, pixels, best[pixels.tile], weight[pixels.tile])
    costs = table_costs(tails)
    rules = np.stack([_rules(counts[expert], costs) for expert in order])
    layers = [Layer(layer.weights[order], layer.bias[order], layer.shift[order]) for layer in trainer.networks.layers()]
    return Frozen(layers, rules)


def _histogram(trainer: Trainer, pixels: Any, expert: NDArray[Any], weight: NDArray[Any]) -> NDArray[np.float64]:
    """Return weighted counts (E, 84, 168) by scale, in quarter octaves, and log magnitude of the error."""
    counts = np.zeros((trainer.settings.experts, ROWS, LOGS))
    for start in range(0, len(pixels.tile), 65536):
        rows = np.arange(start, min(start + 65536, len(pixels.tile)))
        part = pixels.take(rows)
        with torch.no_grad():
            each = trainer.networks([torch.from_numpy(part.features).float()] * trainer.settings.experts)
        outputs = torch.stack(each)[torch.from_numpy(expert[rows]), torch.arange(len(rows))]
        integers = (torch.from_numpy(a).float() for a in (part.past_sum, part.differences, part.error))
        scale, error = (t.numpy() for t in scale_and_error(outputs, *integers))
        logs = np.minimum(log_magnitude(np.rint(8 * error)), LOGS - 1)
        np.add.at(counts, (expert[rows], scale.astype(int) >> 3, logs), weight[rows])
    return counts


def _rules(counts: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return the shift and the shape (42, 2) that code the errors of each scale group in the fewest bits."""
    rules = np.zeros((SCALE_GROUPS, 2), np.int8)
    shifts = np.arange(-MAX_RULE_SHIFT, MAX_RULE_SHIFT + 1)
    pooled = counts.sum(0).sum(0)
    for group in range(SCALE_GROUPS):
        halves = range(2 * group, min(2 * group + 2, ROWS))
        total = np.zeros((len(costs), len(shifts)))
        for half in halves:
            for offset in (2, 6):  # half of these scales round down, half up
                row = np.clip((8 * half + offset + 4 * shifts + 4) >> 3, 0, ROWS - 1)
                total += 0.5 * np.einsum("l,srl->sr", counts[half], costs[:, row])
        if pooled == 0 or counts[halves.start : halves.stop].sum() == 0:
            rules[group] = rules[group - 1] if group else (0, 1)
            continue
        total += PRIOR_PIXELS * 0.01 * np.abs(shifts)
        shape, shift = np.unravel_index(total.argmin(), total.shape)
        rules[group] = shifts[shift], shape
    return rules


def assemble(frozen: Sequence[Frozen], tails: NDArray[np.uint32], bank: NDArray[np.int16]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a model from its nine parts, in the order 3 * class + phase."""

    def stacked(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        joined = np.stack(parts)
        return joined.reshape(3, 3, *joined.shape[1:])

    arrays: dict[str, NDArray[Any]] = {"tails": tails, "bank": bank, "rules": stacked([part.rules for part in frozen])}
    for number in range(3):
        for letter, name in (("w", "weights"), ("b", "bias"), ("s", "shift")):
            arrays[f"{letter}{number + 1}"] = stacked([getattr(part.layers[number], name) for part in frozen])
    return arrays
