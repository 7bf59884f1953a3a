"""Errors pixel by pixel: root mean square, PSNR, the largest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]


def rmse(original: Image, decoded: Image) -> float:
    """Return the root mean square of the difference, in grey levels."""
    return math.sqrt(np.mean(np.square(decoded.astype(np.float64) - original.astype(np.float64))))


def psnr_db(error: float, data_range: float) -> float:
    """Return the peak signal-to-noise ratio in dB of a root mean square error; infinite for no error.

    Examples
    --------
    >>> psnr_db(1.0, 100.0)
    40.0
    """
    return 20 * math.log10(data_range / error) if error else math.inf


def largest_error(original: Image, decoded: Image) -> float:
    """Return the largest difference in grey levels."""
    return float(np.abs(decoded.astype(np.float64) - original.astype(np.float64)).max())
