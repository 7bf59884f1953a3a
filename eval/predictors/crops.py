"""Crops for training: drawn evenly over files, turned, mirrored, and brightened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
GAIN = 0.2
"""Standard deviation of the logarithm of the contrast that a crop is multiplied with."""
OFFSET = 0.1
"""Standard deviation of the brightness that is added to a crop."""


@dataclass(frozen=True)
class Field:
    """A field of view that crops are drawn from: float32 input, (Y, X) float32 target, (Y, X) bool mask."""

    given: Image
    target: Image
    valid: Image


def draw_crops(
    fields: Sequence[Field], batch: int, sides: tuple[int, ...], rng: np.random.Generator
) -> tuple[Image, Image, Image]:
    """Return inputs (N, 1, [Z,] Y, X), targets (N, 1, Y, X) and float32 masks of the same shape.

    Fields smaller than a crop are padded at their end, stacks by their last planes; padding is masked.
    """
    drawn = [one_crop(fields[int(rng.integers(len(fields)))], sides, rng) for _ in range(batch)]
    given, target, valid = (np.stack([parts[i] for parts in drawn])[:, None] for i in range(3))
    return given, target, valid.astype(np.float32)


def one_crop(field: Field, sides: tuple[int, ...], rng: np.random.Generator) -> tuple[Image, Image, Image]:
    """Return one crop of a field: input, target, mask."""
    height, width = sides[-2:]
    y, x = (
        int(rng.integers(max(1, have - want + 1)))
        for have, want in zip(field.target.shape, (height, width), strict=True)
    )
    window = (..., slice(y, y + height), slice(x, x + width))
    given, target, valid = field.given[window], field.target[window], field.valid[window]
    missing = [(0, want - have) for want, have in zip((height, width), target.shape, strict=True)]
    if any(after for _, after in missing):
        target, valid = np.pad(target, missing), np.pad(valid, missing)
    missing = [(0, max(0, want - have)) for want, have in zip(sides, given.shape, strict=True)]
    if any(after for _, after in missing):
        given = np.pad(given, missing, mode="edge")
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
    parts = [np.rot90(part, turns, (-2, -1)) for part in (given, target, valid)]
    if mirror:
        parts = [part[..., ::-1] for part in parts]
    gain, offset = np.exp(GAIN * rng.standard_normal()), OFFSET * rng.standard_normal()
    return (parts[0] * gain + offset).astype(np.float32), parts[1], parts[2]
