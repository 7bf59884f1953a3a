"""What the codec of an array promises of every chunk or pixel, worked out anew from its configuration.

`rmse=r`: the mean squared error of a chunk is at most r squared.

`noise=q` with a known camera: a pixel is off by at most half a step, rounded up, and a step is max(1, q * sigma) grey
levels, sigma being taken at the source or at the decoded level, whichever is larger. Nothing of the quantiser is used
here: it is what is checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.check.measure import tally
from zarr_neural.archive.layout import grid
from zarr_neural.archive.stores import codec_records
from zarr_neural.chunk import NoiseModel

_SLACK = 1 + 1e-9  # for sums of floating point
_UNIT = 2**16  # gain, variance and steps are counted in 1/65536, as in the header of a chunk


def rmse_limit(array: zarr.Array[Any]) -> float | None:
    """Return the rmse that the codec of the array promises, None where it promises something else."""
    for record in codec_records(array):
        config: Mapping[str, Any] = record.get("configuration", record)
        if config.get("rmse") is not None:
            return float(config["rmse"])
    return None


def largest_rmse(source: npt.NDArray[Any], decoded: npt.NDArray[Any], chunks: Sequence[int]) -> float:
    """Return the rmse of the worst chunk of a block that begins with one.

    Parameters
    ----------
    source, decoded : ndarray
        The same block before and after; at the edge of an image its last chunks may be cut.
    chunks : sequence of int
        Chunk shape.
    """
    worst = 0.0
    for part in grid(source.shape, chunks):
        (sums,) = tally(source[part], decoded[part], None, 0)
        worst = max(worst, sums["sq"] / sums["n"])
    return math.sqrt(worst)


def exceeds(rmse: float, limit: float) -> bool:
    """Return whether a measured rmse is more than was promised, roundings of its sum left aside."""
    return not rmse <= limit * _SLACK


def noise_bounds(array: zarr.Array[Any]) -> npt.NDArray[np.int64] | None:
    """Return the largest error at every grey level of the array's dtype, from the lowest level on.

    None where the codec of the array promises something else, or measures the noise of every chunk by itself.
    """
    if array.dtype.kind not in "iu" or array.dtype.itemsize > 2:
        return None
    for record in codec_records(array):
        config: Mapping[str, Any] = record.get("configuration", record)
        if config.get("noise") is not None and config.get("noise_model") is not None:
            model = NoiseModel(**config["noise_model"])
            return _table(float(config["noise"]), model, np.dtype(array.dtype).newbyteorder("="))
    return None


@lru_cache(maxsize=8)
def _table(q: float, model: NoiseModel, dtype: np.dtype[Any]) -> npt.NDArray[np.int64]:
    steps, gain, offset, variance = model.header_integers(q)
    bounds = []
    for level in range(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max) + 1):
        step = max(_UNIT, math.isqrt(steps * steps * (variance + gain * max(level - offset, 0))))
        bounds.append(-(-step // (2 * _UNIT)))
    return np.array(bounds, np.int64)


def count_beyond(source: npt.NDArray[Any], decoded: npt.NDArray[Any], bounds: npt.NDArray[np.int64]) -> int:
    """Return how many pixels are off by more than the bound of their level.

    Parameters
    ----------
    source, decoded : ndarray
        The same block before and after, 8- or 16-bit integers.
    bounds : ndarray
        See `noise_bounds`. It never falls with the level, so that the larger level has the larger bound.
    """
    error = np.abs(np.subtract(source, decoded, dtype=np.int32))
    if int(error.max(initial=0)) <= int(bounds[0]):
        return 0
    lowest = int(np.iinfo(source.dtype).min)
    levels = np.maximum(source, decoded).astype(np.int32) - lowest
    return int(np.count_nonzero(error > bounds[levels]))
