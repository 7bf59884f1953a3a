"""Structural similarity of large arrays: plane by plane, and where a plane is large over tiles of it.

A plane of up to about 2048 x 2048 pixels is one tile, so that its figures are those of the whole plane. Of larger ones
the figure is the mean over tiles, each weighted by its valid pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics import ms_ssim, ssim, ssim_uniform
from eval.metrics.ssim import WINDOW
from eval.study.sums import Moments

TILE_SIDE = 2048


@dataclass(frozen=True)
class Structure:
    """Similarities of a block, each multiplied by its weight, and the weight: valid pixels of planes large enough."""

    weight: int = 0
    ssim: float = 0.0
    ms_ssim: float = 0.0
    ssim_z: float = 0.0


@dataclass(frozen=True)
class Ranges:
    """What the similarities of one pair are measured against.

    Attributes
    ----------
    data_range
        Range of SSIM and MS-SSIM, in the units of the images.
    x, y
        Mean and deviation of each image, by which it is z-scored for `ssim_z`.
    z_range
        Range of `ssim_z`, in deviations.
    several
        Whether MS-SSIM is wanted.
    """

    data_range: float
    x: Moments
    y: Moments
    z_range: float
    several: bool = True


def tile_shape(shape: Sequence[int], chunks: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of blocks that are written and measured: whole chunks, y and x up to 2048 where chunks allow.

    Examples
    --------
    >>> tile_shape((10000, 1500), (1000, 750)), tile_shape((30, 4096, 300), (1, 1024, 300))
    ((2000, 1500), (1, 2048, 300))
    """
    sides = [min(size, max(1, TILE_SIDE // side) * side) for size, side in zip(shape[-2:], chunks[-2:], strict=True)]
    return (*chunks[:-2], *sides)


def structure_of(x: NDArray[Any], y: NDArray[Any], valid: NDArray[np.bool_] | None, ranges: Ranges) -> Structure:
    """Return the similarities of the planes of a block, (Y, X) or (Z, Y, X)."""
    planes = [array.reshape(-1, *array.shape[-2:]) for array in (x, y)]
    masks = None if valid is None else valid.reshape(-1, *valid.shape[-2:])
    total = Structure()
    for number, (a, b) in enumerate(zip(*planes, strict=True)):
        mask = None if masks is None or masks[number].all() else masks[number]
        weight = a.size if mask is None else int(mask.sum())
        if min(a.shape) < WINDOW or not weight:
            continue
        values = _plane(a, b, mask, ranges)
        if not math.isnan(values[0]):
            total = Structure(
                total.weight + weight,
                total.ssim + weight * values[0],
                total.ms_ssim + weight * values[1],
                total.ssim_z + weight * values[2],
            )
    return total


def _plane(
    a: NDArray[Any], b: NDArray[Any], mask: NDArray[np.bool_] | None, ranges: Ranges
) -> tuple[float, float, float]:
    plain, several = math.nan, math.nan
    if ranges.data_range > 0:
        plain = ssim(a, b, ranges.data_range, valid=mask)
        several = ms_ssim(a, b, ranges.data_range, valid=mask) if ranges.several else math.nan
    z = [
        (part.astype(np.float64) - of.mean) / of.deviation if of.deviation > 0 else np.zeros(part.shape)
        for part, of in ((a, ranges.x), (b, ranges.y))
    ]
    return plain, several, ssim_uniform(z[0], z[1], ranges.z_range, valid=mask) if ranges.z_range > 0 else math.nan


def averaged(parts: Iterable[Structure]) -> Structure:
    """Return the means over all blocks, with the weight of all; nan where no plane was large enough."""
    blocks = [part for part in parts if part.weight]
    weight = sum(block.weight for block in blocks)
    if not weight:
        return Structure(0, math.nan, math.nan, math.nan)
    return Structure(
        weight,
        *(math.fsum(getattr(block, name) for block in blocks) / weight for name in ("ssim", "ms_ssim", "ssim_z")),
    )
