"""Crops of pictures that single-channel networks learn from: samples 0..1, balanced by the kind of picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

WINDOW = 512
"""Side of the chunk that a crop is thought to be cut from: its range is what the codec brings to 0..1."""
REDUCED = 0.25
"""Part of the crops whose resolution is halved."""


class Picture(Protocol):
    """One plane, as `zarr_neural.training.data` reads it."""

    @property
    def kind(self) -> str:
        """What pictures that look alike have in common."""

    @property
    def group(self) -> str:
        """What is never split between training and validation."""

    @property
    def samples(self) -> NDArray[Any]:
        """Unsigned integers, (Y, X)."""


def draw_crops(pictures: Sequence[Picture], seed: int, step: int, count: int, side: int) -> NDArray[np.float32]:
    """Return the crops of a step, (count, 1, side, side): the same for the same seed and step.

    Kinds take turns; within a kind groups and pictures are drawn evenly. Half of the crops are brought to 0..1 by the
    range of the whole picture, half by that of a window about them.
    """
    rng = np.random.default_rng([seed, step, 3])
    groups: dict[str, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        groups[picture.kind][picture.group].append(picture)
    kinds = sorted(groups)
    crops: list[NDArray[np.float32]] = []
    while len(crops) < count:
        kind = (
            kinds[(step * count + len(crops)) % len(kinds)] if rng.random() < 0.9 else kinds[rng.integers(len(kinds))]
        )
        group = sorted(groups[kind])[rng.integers(len(groups[kind]))]
        picture = groups[kind][group][rng.integers(len(groups[kind][group]))]
        crop = _crop(picture.samples, side, rng)
        if crop is not None:
            crops.append(crop)
    return np.stack(crops)[:, None]


def _crop(samples: NDArray[Any], side: int, rng: np.random.Generator) -> NDArray[np.float32] | None:
    window = _window(samples, WINDOW, rng)
    whole = samples if rng.random() < 0.5 else window
    if rng.random() < REDUCED and min(window.shape) >= 2 * side:
        rows, columns = (n // 2 for n in window.shape)
        window = window[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    part = _window(window, side, rng)
    low, high = float(whole.min()), float(whole.max())
    if low == high or part.min() == part.max():
        return None
    unit = (part.astype(np.float32) - low) / (high - low)
    unit = np.pad(unit, [(0, side - n) for n in unit.shape], mode="symmetric")
    unit = np.rot90(unit, int(rng.integers(4)))
    return np.ascontiguousarray(unit.T if rng.random() < 0.5 else unit, np.float32)


def _window(samples: NDArray[Any], side: int, rng: np.random.Generator) -> NDArray[Any]:
    y, x = (int(rng.integers(max(1, n - side + 1))) for n in samples.shape)
    return samples[y : y + side, x : x + side]


def validation_crops(pictures: Sequence[Picture], side: int) -> NDArray[np.float32]:
    """Return the middle of one picture of each group that is large enough, (count, 1, side, side), samples 0..1."""
    found: dict[str, NDArray[np.float32]] = {}
    for picture in pictures:
        if picture.group in found or min(picture.samples.shape) < side:
            continue
        y, x = ((n - side) // 2 for n in picture.samples.shape)
        part = picture.samples[y : y + side, x : x + side].astype(np.float32)
        if np.ptp(part):
            found[picture.group] = (part - part.min()) / np.ptp(part)
    if not found:
        raise ValueError(f"none of {len(pictures)} pictures has {side} x {side} pixels: nothing to validate on")
    return np.stack(list(found.values()))[:, None]
