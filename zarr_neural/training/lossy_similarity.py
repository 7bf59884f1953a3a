"""Multi-scale structural similarity, as far as gains are tuned for it; results are measured by `eval.metrics`."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2

Image = NDArray[np.float64]


def ms_ssim_decibels(original: NDArray[Any], decoded: NDArray[Any]) -> float:
    """Return -10 log10(1 - MS-SSIM) of two planes, against the range of the first; at most 60.

    The measure is that of Wang, Simoncelli and Bovik (Asilomar 2003) with five scales, or as many as fit.

    Examples
    --------
    >>> plane = np.arange(4096).reshape(64, 64)
    >>> ms_ssim_decibels(plane, plane)
    60.0
    """
    a, b = original.astype(np.float64), decoded.astype(np.float64)
    span = np.ptp(a)
    scales = min(len(WEIGHTS), 1 + int(math.log2(min(a.shape) / WINDOW)))
    powers = np.array(WEIGHTS[:scales]) * sum(WEIGHTS) / sum(WEIGHTS[:scales])
    similarity = 1.0
    for scale, power in enumerate(powers):
        luminance, structure = _terms(a / span, b / span)
        term = luminance * structure if scale == scales - 1 else structure
        similarity *= max(0.0, float(term.mean())) ** float(power)
        a, b = _halved(a), _halved(b)
    return -10 * math.log10(max(1 - similarity, 1e-6))


def _terms(a: Image, b: Image) -> tuple[Image, Image]:
    mean_a, mean_b = _smooth(a), _smooth(b)
    variances = _smooth(a * a) - mean_a**2 + _smooth(b * b) - mean_b**2
    covariance = _smooth(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return np.asarray(luminance), np.asarray((2 * covariance + C2) / (variances + C2))


def _smooth(x: Image) -> Image:
    edge = WINDOW // 2
    return np.asarray(gaussian_filter(x, SIGMA, truncate=3.5)[edge:-edge, edge:-edge])


def _halved(x: Image) -> Image:
    rows, columns = (side // 2 for side in x.shape)
    return np.asarray(x[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)))
