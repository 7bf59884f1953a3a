"""Mean, median and their confidence intervals over images: a bootstrap over groups of images, seeded.

Images of one group (a well, a specimen) are alike; drawing them one by one would make intervals too short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.confidence import DRAWS

SEED = 0
LEVEL = "95 %"


@dataclass(frozen=True)
class Spread:
    """Of one figure over images: how many have it, mean and median, each with its 95 % interval."""

    count: int
    mean: float = math.nan
    mean_low: float = math.nan
    mean_high: float = math.nan
    median: float = math.nan
    median_low: float = math.nan
    median_high: float = math.nan


def spread_over(values: Sequence[float], groups: Sequence[str]) -> Spread:
    """Return the spread of a figure; images without one (nan) are left out, infinite ones count in medians.

    Intervals are percentiles 2.5 and 97.5 over 4000 draws of whole groups, nan for fewer than two groups. A mean over
    an infinite figure is infinite.

    Examples
    --------
    >>> spread_over([1.0, 2.0, 6.0], ["a", "b", "c"]).median
    2.0
    """
    pairs = [(value, group) for value, group in zip(values, groups, strict=True) if not math.isnan(value)]
    if not pairs:
        return Spread(0)
    array = np.array([value for value, _ in pairs])
    names = np.array([group for _, group in pairs])
    mean, median = float(array.mean()), _median(array)
    kinds = np.unique(names)
    if kinds.size < 2:
        return Spread(len(pairs), mean, math.nan, math.nan, median)
    members = [array[names == kind] for kind in kinds]
    padded = np.full((kinds.size, max(map(len, members))), np.nan)
    for row, values_of in zip(padded, members, strict=True):
        row[: len(values_of)] = values_of
    chosen = np.random.default_rng(SEED).integers(0, kinds.size, (DRAWS, kinds.size))
    drawn = np.sort(padded[chosen].reshape(DRAWS, -1), axis=1)  # nan last
    counts = (~np.isnan(drawn)).sum(axis=1)
    means = np.nansum(drawn, axis=1) / counts
    draws = np.arange(DRAWS)
    lower, upper = drawn[draws, (counts - 1) // 2], drawn[draws, counts // 2]
    medians = np.where(lower == upper, lower, (lower + upper) / 2)
    ends = [end for some in (means, medians) for end in np.percentile(some, (2.5, 97.5), method="nearest")]
    return Spread(len(pairs), mean, float(ends[0]), float(ends[1]), median, float(ends[2]), float(ends[3]))


def _median(values: NDArray[np.float64]) -> float:
    ordered = np.sort(values)
    low, high = ordered[(ordered.size - 1) // 2], ordered[ordered.size // 2]
    return float(low) if low == high else float((low + high) / 2)
