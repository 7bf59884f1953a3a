"""The two numbers that bring an image to the scale of networks, and the scale of what they predict."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
LIMIT = 5.0
"""Normalised inputs end at so many standard deviations: the padding of registered images lies beyond."""
PERCENTILES = (1.0, 99.5)
"""What counts as 0 and as 1 in a fluorescence target."""


def normalisation(image: da.Array) -> tuple[float, float]:
    """Return the mean minus and plus one standard deviation of a raw image, from one lazy pass over it.

    Samples that are exactly 0 are left out: registered images are padded with them. Compute it on the raw image, and
    normalise decoded images with the same two numbers.

    Parameters
    ----------
    image : dask array or ndarray
        A plane or a volume.

    Returns
    -------
    low, high : float
        `Predictor.predict` maps them to -1 and 1. ``high`` exceeds ``low`` even for a constant image.

    Examples
    --------
    >>> normalisation(da.from_array(np.array([[0, 0, 1], [3, 1, 3]])))
    (1.0, 3.0)
    """
    image = da.asarray(image)
    values = image.astype(np.float64)
    number, total, squares = dask.compute((image != 0).sum(), values.sum(), (values * values).sum())
    if not number:
        return -1.0, 1.0
    mean = total / number
    deviation = float(np.sqrt(max(0.0, squares / number - mean * mean))) or 1.0
    return float(mean - deviation), float(mean + deviation)


def to_unit(samples: Image, low: float, high: float) -> Image:
    """Return samples as float32 with `low` at -1 and `high` at 1, within plus and minus `LIMIT`."""
    scaled = (samples.astype(np.float32) - np.float32((low + high) / 2)) * np.float32(2 / (high - low))
    return np.asarray(np.clip(scaled, -LIMIT, LIMIT))


def target_scale(target: Image, valid: Image) -> tuple[float, float]:
    """Return what counts as 0 and as 1 in a fluorescence image: percentiles 1 and 99.5 of its valid samples."""
    low, high = np.percentile(target[valid], PERCENTILES)
    return float(low), float(max(high, low + 1))
