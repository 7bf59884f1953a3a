"""Crops of stacks that the 3D network learns from: slices of one field with consecutive numbers, samples 0..1."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .grey_crops import Picture

NOT_STACKS = ("movie", "xyzc_")
"""Parts of names of files whose planes are no slices one below the other: times, or channels in between."""
DEPTH = 8
"""Slices of a crop."""
LEAST_SIDE = 96


class Slice(Picture, Protocol):
    """A picture that may be one slice of a stack."""

    @property
    def name(self) -> str:
        """Path of its file, with the number of the plane behind a ``#``."""


def stacks(pictures: Sequence[Slice]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Return stacks to train on and to validate on, (Z, Y, X) each.

    A stack ends where a slice is missing, because it is kept for validation of the networks for planes: what comes
    before is trained on, what comes after only validated on.
    """
    found: dict[tuple[str, tuple[int, ...]], dict[int, NDArray[Any]]] = defaultdict(dict)
    several = {picture.name.partition("#")[0] for picture in pictures if not picture.name.endswith("#0")}
    for picture in pictures:
        if any(part in picture.name for part in NOT_STACKS):
            continue
        file, _, plane = picture.name.partition("#")
        digits = re.search(r"(\d+)\.\w+$", file)
        if file in several:
            found[file, picture.samples.shape][int(plane)] = picture.samples
        elif digits is not None:
            found[file[: digits.start()], picture.samples.shape][int(digits[1])] = picture.samples
    trained: list[NDArray[Any]] = []
    validated: list[NDArray[Any]] = []
    for (_, shape), slices in sorted(found.items()):
        numbers = sorted(slices)
        ends = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
        runs = [numbers[a:b] for a, b in zip([0, *ends], [*ends, len(numbers)], strict=True)]
        for order, run in enumerate(runs):
            if len(run) >= DEPTH // 2 and min(shape) >= LEAST_SIDE:
                (validated if order else trained).append(np.stack([slices[number] for number in run]))
    trained = [stack for stack in trained if len(stack) >= DEPTH]
    if not trained:
        raise ValueError(f"none of {len(pictures)} pictures belongs to a stack of {DEPTH} slices")
    return trained, validated or trained


def draw_volumes(stacks: Sequence[NDArray[Any]], seed: int, step: int, count: int, side: int) -> NDArray[np.float32]:
    """Return the crops of a step, (count, 1, DEPTH, side, side): the same for the same seed and step."""
    rng = np.random.default_rng([seed, step, 4])
    crops: list[NDArray[np.float32]] = []
    while len(crops) < count:
        stack = stacks[(step * count + len(crops)) % len(stacks)]
        z, y, x = (int(rng.integers(n - size + 1)) for n, size in zip(stack.shape, (DEPTH, side, side), strict=True))
        crop = stack[z : z + DEPTH, y : y + side, x : x + side]
        whole = stack if rng.random() < 0.5 else crop
        unit = unit_volume(crop, whole)
        unit = np.rot90(unit[:: rng.choice([-1, 1])], int(rng.integers(4)), axes=(1, 2))
        crops.append(np.ascontiguousarray(unit, np.float32))
    return np.stack(crops)[:, None]


def unit_volume(crop: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float32]:
    """Return samples as 0..1, by the range of `whole`."""
    low, span = float(whole.min()), float(np.ptp(whole))
    return (crop.astype(np.float32) - low) / max(span, 1.0)


def validation_volumes(stacks: Sequence[NDArray[Any]], side: int) -> list[NDArray[np.float32]]:
    """Return the middle of each stack, (1, Z, side, side) with Z a multiple of four, samples 0..1."""
    crops = []
    for stack in stacks:
        depth = len(stack) // 4 * 4
        y, x = ((n - min(n, side)) // 2 for n in stack.shape[1:])
        part = stack[:depth, y : y + side, x : x + side]
        rows, columns = (n // 16 * 16 for n in part.shape[1:])
        crops.append(unit_volume(part, part)[None, :, :rows, :columns])
    return crops
