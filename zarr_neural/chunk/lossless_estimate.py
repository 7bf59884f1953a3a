"""What lossless coding would need at least, told from a few rows: whether it is worth a try."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.chunk.plane import repeats_often

_PAIRS = 64  # of neighbouring rows that are looked at, over all planes
_ACTIVITIES = 8  # classes of the differences round a sample, in octaves
_LEAST_PART = 0.75  # of the estimate that path L needed was 0.86 and more
_LEAST_PART_REPEATING = 0.4  # was 0.63 and more where samples repeat, and drawings may hold more than neighbours tell


def least_nbytes(planes: NDArray[Any]) -> float:
    """A size, in bytes, below which lossless coding of planes is not to be expected.

    Parameters
    ----------
    planes : (N, Y, X) array
        8- or 16-bit integers.
    """
    repeats = any(repeats_often(plane) for plane in planes)
    return entropy_bits(planes) * planes.size / 8 * (_LEAST_PART_REPEATING if repeats else _LEAST_PART)


def entropy_bits(planes: NDArray[Any]) -> float:
    """Bits per sample of prediction errors, given how much their surroundings differ, of some pairs of rows.

    The prediction is the median of the samples on the left, above, and their sum less the one between (the predictor
    of JPEG-LS). Planes of one row or column, for which there is none, give 0.

    Examples
    --------
    >>> entropy_bits(np.zeros((1, 8, 8), np.uint8))
    0.0
    """
    count, height, width = planes.shape
    if height < 2 or width < 2:
        return 0.0
    first = np.unique(np.linspace(0, height - 2, max(2, _PAIRS // count)).astype(int))
    above, here = (planes[:, first + i].astype(np.int32) for i in (0, 1))
    left, top, corner = here[..., :-1], above[..., 1:], above[..., :-1]
    low, high = np.minimum(left, top), np.maximum(left, top)
    predicted = np.clip(left + top - corner, low, high)
    error = here[..., 1:] - predicted
    activity = np.abs(left - corner) + np.abs(top - corner)
    octave = np.minimum(np.log2(activity + 1).astype(np.int32), _ACTIVITIES - 1)
    symbols, totals = np.unique((error * _ACTIVITIES + octave).reshape(-1), return_counts=True)
    in_class = np.bincount(symbols % _ACTIVITIES, totals, _ACTIVITIES)[symbols % _ACTIVITIES]
    return float(np.sum(totals * np.log2(in_class / totals)) / error.size)
