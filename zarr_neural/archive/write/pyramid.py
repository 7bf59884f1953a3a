"""Halving an image for its overviews: 2 x 2 mean for intensities, nearest pixel for labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def halve(block: npt.NDArray[Any], *, labels: bool) -> npt.NDArray[Any]:
    """Return `block` at half the size in its last two axes (rounded up), in the same dtype.

    Parameters
    ----------
    block : ndarray, (..., Y, X)
        Its first pixel must lie at even coordinates of the image.
    labels : bool
        True: keep every second pixel, so that no new label appears. False: mean of 2 x 2 pixels, halves rounded up;
        at an odd edge the last row or column counts twice. 64-bit integers and booleans are always treated as labels.
    """
    if labels or block.dtype.kind == "b" or (block.dtype.kind in "iu" and block.dtype.itemsize == 8):
        return np.ascontiguousarray(block[..., ::2, ::2])
    pad = [(0, 0)] * (block.ndim - 2) + [(0, size % 2) for size in block.shape[-2:]]
    even = np.pad(block, pad, mode="edge") if block.shape[-1] % 2 or block.shape[-2] % 2 else block
    if block.dtype.kind == "f":
        wide = even.astype(np.float64)
        total = wide[..., ::2, :] + wide[..., 1::2, :]
        mean: npt.NDArray[Any] = ((total[..., ::2] + total[..., 1::2]) / 4).astype(block.dtype)
        return mean
    exact = np.int64 if block.dtype.itemsize > 2 else np.int32
    rows = np.add(even[..., ::2, :], even[..., 1::2, :], dtype=exact)
    total = rows[..., ::2] + rows[..., 1::2]
    mean = np.empty(total.shape, block.dtype)
    np.right_shift(total + 2, 2, out=mean, casting="unsafe")
    return mean
