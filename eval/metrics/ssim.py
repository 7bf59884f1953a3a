"""Structural similarity as its authors define it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Image = NDArray[Any]

WINDOW = 11
"""Side of the window in pixels: a Gaussian of 1.5 pixels, cut off there."""


def ssim(original: Image, decoded: Image, data_range: float, k1: float = 0.01) -> float:
    """Return the mean structural similarity of Wang, Bovik, Sheikh and Simoncelli (IEEE TIP 13, 2004).

    Gaussian window of 1.5 pixels over 11 x 11, K1 = 0.01, K2 = 0.03, population variances, in float64; pixels whose
    window leaves the image are left out.

    Parameters
    ----------
    original, decoded
        Planes of one shape, at least 11 pixels a side.
    data_range
        The range L of the constants, in grey levels.
    k1
        K1 of the luminance term.

    Raises
    ------
    ValueError
        For planes smaller than the window.
    """
    if min(original.shape) < WINDOW:
        raise ValueError(f"expected at least {WINDOW} pixels a side, found {original.shape}")
    return float(
        structural_similarity(
            original.astype(np.float64),
            decoded.astype(np.float64),
            data_range=data_range,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            K1=k1,
            K2=0.03,
        )
    )


def decibels(similarity: float) -> float:
    """Return -10 log10(1 - similarity), in which curves are compared; infinite for 1.

    Examples
    --------
    >>> round(decibels(0.99), 12)
    20.0
    """
    return -10 * math.log10(1 - similarity) if similarity < 1 else math.inf
