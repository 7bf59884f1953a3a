"""The arrays of a lossy model in the order and shapes that the compiled engine takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOSSY_ARRAY_NAMES = ("half", "widths", "gains", "w1", "b1", "s1", "w2", "b2", "s2", "w3", "b3", "s3")
_FIRST_LAYER = 3  # from here on arrays are of networks, led by class, band and phase


def native_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the arguments of the extension's `make_lossy_model`: the three leading axes of networks become one."""
    ordered = [np.ascontiguousarray(arrays[name]) for name in LOSSY_ARRAY_NAMES]
    return ordered[:_FIRST_LAYER] + [array.reshape(-1, *array.shape[3:]) for array in ordered[_FIRST_LAYER:]]
