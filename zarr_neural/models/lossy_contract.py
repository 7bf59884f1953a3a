"""The numeric contract of a lossy model: tables and gains here, networks as in `contract`.

The numbers are those of `zarr_neural/spec/path_y.md`, section 2.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ModelError

from .contract import NETWORK_DTYPES, check_dtypes, check_networks, within

CLASSES = 4
BANDS = 3
PHASES = 4
QUANTISERS = 2
ROWS = 48
MAX_HALF = 60
MAX_SYMBOLS = 128
PROB_SCALE = 2**14
MAX_GAIN_VECTORS = 16
GAIN_LEVELS = 10
MIN_GAIN, MAX_GAIN = -2048, 2047
LOSSY_DTYPES = {"half": "uint8", "widths": "uint16", "gains": "int16", **NETWORK_DTYPES}


def validate_lossy(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check that arrays make a lossy model that fulfils the numeric contract; called at export and at load.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        For G gain vectors and hidden layers of H1 and H2 units:
        `half` uint8 (2, 48), by quantiser and row: values -half..half have symbols, even, 0..60;
        `widths` uint16 (2, 48, 128), ranges of the 2*half + 3 symbols, each at least 1, then zeros; their sum is 2^14;
        `gains` int16 (G, 10, 3), what level and band add to the step, in 1/64 octave;
        `w1` int8 (4, 3, 4, H1, 32), `b1` int32 and `s1` uint8 (4, 3, 4, H1), and so on for layers 2 (H2) and 3 (9).

    Raises
    ------
    ModelError
        Naming what was found and what is allowed.
    """
    check_dtypes(arrays, LOSSY_DTYPES)
    _check_tables(arrays["half"], arrays["widths"])
    _check_gains(arrays["gains"])
    check_networks(arrays, (CLASSES, BANDS, PHASES))


def _check_tables(half: NDArray[Any], widths: NDArray[Any]) -> None:
    for name, array, expected in (
        ("half", half, (QUANTISERS, ROWS)),
        ("widths", widths, (QUANTISERS, ROWS, MAX_SYMBOLS)),
    ):
        if array.shape != expected:
            raise ModelError(f"{name} has shape {array.shape}, expected {expected}")
    within("half of a table", half, 0, MAX_HALF)
    if (half % 2 != 0).any():
        raise ModelError(f"half of a table is {half[half % 2 != 0][0]}, expected an even number")
    used = np.arange(MAX_SYMBOLS) < 2 * half.astype(np.int64)[..., None] + 3
    within("the width of a symbol", widths[used], 1, PROB_SCALE)
    within("the width of what is no symbol", widths[~used], 0, 0)
    within("the sum of the widths of a table", widths.sum(-1, dtype=np.int64), PROB_SCALE, PROB_SCALE)


def _check_gains(gains: NDArray[Any]) -> None:
    if gains.ndim != 3 or gains.shape[1:] != (GAIN_LEVELS, BANDS):
        raise ModelError(f"gains has shape {gains.shape}, expected (vectors, {GAIN_LEVELS}, {BANDS})")
    within("the number of gain vectors", gains.shape[0], 1, MAX_GAIN_VECTORS)
    within("a gain", gains, MIN_GAIN, MAX_GAIN)
