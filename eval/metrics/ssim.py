"""Structural similarity as its authors define it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter
from skimage.metrics import structural_similarity

Image = NDArray[Any]

WINDOW = 11
"""Side of the window in pixels: a Gaussian of 1.5 pixels, cut off there."""
UNIFORM_WINDOW = 7


def ssim(
    original: Image,
    decoded: Image,
    data_range: float,
    k1: float = 0.01,
    valid: NDArray[np.bool_] | None = None,
) -> float:
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
    valid
        Pixels that count: the mean is over those whose window holds no other; nan where there are none.

    Raises
    ------
    ValueError
        For planes smaller than the window.
    """
    return _mean_similarity(
        original, decoded, WINDOW, valid,
        data_range=data_range, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, K1=k1, K2=0.03,
    )  # fmt: skip


def ssim_uniform(original: Image, decoded: Image, data_range: float, valid: NDArray[np.bool_] | None = None) -> float:
    """Return the mean structural similarity as scikit-image has it by default, which many studies print.

    Uniform window of 7 x 7, sample covariances; the rest as in `ssim`.
    """
    return _mean_similarity(original, decoded, UNIFORM_WINDOW, valid, data_range=data_range)


def _mean_similarity(
    original: Image, decoded: Image, window: int, valid: NDArray[np.bool_] | None, **options: Any
) -> float:
    if min(original.shape) < window:
        raise ValueError(f"expected at least {window} pixels a side, found {original.shape}")
    pair = original.astype(np.float64), decoded.astype(np.float64)
    if valid is None:
        return float(structural_similarity(*pair, **options))
    _mean, everywhere = structural_similarity(*pair, full=True, **options)
    inside = slice(window // 2, -(window // 2))
    counts = minimum_filter(valid, size=window, mode="nearest")[inside, inside]
    return float(everywhere[inside, inside][counts].mean()) if counts.any() else math.nan


def decibels(similarity: float) -> float:
    """Return -10 log10(1 - similarity), in which curves are compared; infinite for 1.

    Examples
    --------
    >>> round(decibels(0.99), 12)
    20.0
    """
    return -10 * math.log10(1 - similarity) if similarity < 1 else math.inf
