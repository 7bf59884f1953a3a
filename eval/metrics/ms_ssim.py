"""Structural similarity over several scales."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.metrics.ssim import WINDOW, ssim

Image = NDArray[Any]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, finest first (Wang, Simoncelli and Bovik, 2003)."""
NO_LUMINANCE_K1 = 1e6
"""With so large a K1 the luminance term of SSIM is 1 within 1e-12: what is left is contrast and structure."""


def scales_for(shape: tuple[int, ...]) -> int:
    """Return how many of the five scales an image has room for: at the coarsest a window must still fit.

    Examples
    --------
    >>> scales_for((512, 512)), scales_for((176, 400)), scales_for((100, 100))
    (5, 5, 4)
    """
    return min(len(WEIGHTS), 1 + math.floor(math.log2(min(shape) / WINDOW))) if min(shape) >= WINDOW else 0


def halved(image: Image) -> Image:
    """Return means of 2 x 2 pixels; an odd last row or column is left out."""
    rows, columns = (side // 2 for side in image.shape)
    return np.asarray(image[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)))


def ms_ssim(original: Image, decoded: Image, data_range: float, valid: NDArray[np.bool_] | None = None) -> float:
    """Return the multi-scale structural similarity of Wang, Simoncelli and Bovik (Asilomar 2003), in float64.

    Contrast and structure at every scale, luminance at the coarsest alone, each to the power of the paper. An image
    without room for five scales has as many as fit (`scales_for`), with the powers scaled to the same sum. A mean
    below zero counts as zero. Of an image with pixels that do not count (`valid` is False) only windows without such
    a pixel are taken, at every scale; nan where there is none at the coarsest.

    Raises
    ------
    ValueError
        For planes smaller than the window.
    """
    count = max(1, scales_for(original.shape))
    powers = np.array(WEIGHTS[:count]) * sum(WEIGHTS) / sum(WEIGHTS[:count])
    a, b = original.astype(np.float64), decoded.astype(np.float64)
    result = 1.0
    for scale, power in enumerate(powers):
        last = scale == count - 1
        similarity = ssim(a, b, data_range, k1=0.01 if last else NO_LUMINANCE_K1, valid=valid)
        result *= math.nan if math.isnan(similarity) else max(0.0, similarity) ** float(power)
        a, b = halved(a), halved(b)
        valid = None if valid is None else halved(valid) == 1
    return result
