"""What `noise=q` with a known camera promises of every pixel, worked out anew from the codec's configuration.

A pixel is off by at most half a step, rounded up, and a step is max(1, q * sigma) grey levels, sigma being taken at the
source or at the decoded level, whichever is larger. Nothing of the quantiser is used here: it is what is checked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.stores import codec_records
from zarr_neural.chunk import NoiseModel

_UNIT = 2**16  # gain, variance and steps are counted in 1/65536, as in the header of a chunk


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
