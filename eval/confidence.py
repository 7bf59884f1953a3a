"""Confidence intervals of means over images that come in groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWS = 4000


def mean_interval(values: Sequence[float], groups: Sequence[str], seed: int = 0) -> tuple[float, float, float]:
    """Return mean and 95 % interval by bootstrap over whole groups; nan as bounds for fewer than two groups.

    Images of one group (a well, a radiograph) are alike: drawing them one by one would make intervals too short.

    Examples
    --------
    >>> mean_interval([1.0, 1.0, 3.0, 3.0], ["a", "a", "b", "b"])
    (2.0, 1.0, 3.0)
    """
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    array, names = np.asarray(values, np.float64), np.asarray(groups)
    kinds = np.unique(names)
    if kinds.size < 2:
        return float(array.mean()), float("nan"), float("nan")
    sums = np.array([array[names == kind].sum() for kind in kinds])
    counts = np.array([(names == kind).sum() for kind in kinds])
    drawn = np.random.default_rng(seed).integers(0, kinds.size, (DRAWS, kinds.size))
    low, high = np.percentile(sums[drawn].sum(1) / counts[drawn].sum(1), (2.5, 97.5))
    return float(array.mean()), float(low), float(high)
