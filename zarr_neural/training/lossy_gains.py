"""Norms of the bands of path Y, the gains made of them, and steps as the format counts them."""

import numpy as np
from numpy.typing import NDArray

LEVELS, BANDS = 10, 3
LOWPASS = 194 / 128  # what a coarser grid is multiplied with, once a level
OCTAVE = 64  # steps and gains are in 1/64 octave
STEP_MAX = 2047
MARGIN = 16  # coefficients on either side of the one whose synthesis is looked at


def join(s: NDArray[np.float64], d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the line that the lifting steps of the format make of s (n - n // 2,) and d (n // 2,), without rounding.

    Mirror of `zarr_neural/spec/path_y.md`, section 3.
    """
    if d.size == 0:
        return s

    def sums_of_d() -> NDArray[np.float64]:
        around = np.concatenate([d[:1], d, d[-1:]])
        return np.asarray((around[:-1] + around[1:])[: s.size])

    def sums_of_s() -> NDArray[np.float64]:
        after = np.concatenate([s, s[-1:]])
        return np.asarray((after[:-1] + after[1:])[: d.size])

    s = s - 227 / 512 * sums_of_d()
    d = d - 113 / 128 * sums_of_s()
    s = s + 217 / 4096 * sums_of_d()
    d = d + 203 / 128 * sums_of_s()
    line = np.empty(s.size + d.size)
    line[::2], line[1::2] = s, d
    return line


def band_norms(levels: int = LEVELS) -> NDArray[np.float64]:
    """Return the L2 norms (levels, 3), in samples, of what a coefficient 1 of a level and band becomes.

    Examples
    --------
    >>> np.round(band_norms(2), 3).tolist()
    [[1.011, 1.011, 0.787], [2.0, 2.0, 1.466]]
    """
    unit, zero = np.zeros(2 * MARGIN), np.zeros(2 * MARGIN)
    unit[MARGIN] = 1
    low, high = join(unit, zero), join(zero, unit)
    norms = np.empty((levels, BANDS))
    for level in range(levels):
        along, across = np.linalg.norm(low), np.linalg.norm(high)
        norms[level] = LOWPASS**level * np.array([along * across, along * across, across * across])
        low, high = (join(line, np.zeros_like(line)) for line in (low, high))
    return norms


def norm_gains() -> NDArray[np.int16]:
    """Return the gains (1, 10, 3) with which an error of quantisation costs the same squared error in every band."""
    return np.asarray(np.rint(-OCTAVE * np.log2(band_norms())).astype(np.int16)[None])


def step_for(width: float, top: int) -> int:
    """Return the step, in the format's units, of this many grey levels for a band of norm 1.

    Parameters
    ----------
    width : float
        Grey levels between two points of the union of both quantisers.
    top : int
        Largest value of the plane; it decides the fractional bits.

    Examples
    --------
    >>> step_for(1.0, 255), step_for(1.0, 65535), step_for(0.5, 255)
    (768, 448, 704)
    """
    fraction = min(8, 19 - int(top).bit_length())
    return int(np.clip(np.rint(OCTAVE * (np.log2(width) + fraction + 4)), 0, STEP_MAX))
