"""Frequency tables of the entropy coder, from integer tails of a few unit distributions.

Mirror of `native/tables.cpp`. No float takes part: the tails come with the model, the rest is integer arithmetic.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

PROB_BITS = 14
PROB_SCALE = 1 << PROB_BITS
FINE_ROWS = 24
ROWS = 28
TABLES_PER_SHAPE = FINE_ROWS * 8 + (ROWS - FINE_ROWS)
MAX_HALF = 62
TAIL_STEPS = 1024
_ONE = 1 << 30
_INVERSE_QUARTER = (65536, 55109, 46341, 38968)  # round(2^16 * 2^(-r/4))


class RowRule(NamedTuple):
    """How symbols of a (shape, row) are coded.

    Attributes
    ----------
    table : int
        The table of fraction 0, where the row has fractions; otherwise the row's only table.
    fractions : int
        Mask of the fraction: 7 where the row has eight tables, 0 where it has one.
    bits : int
        Raw bits below the symbol, 0..14.
    """

    table: int
    fractions: int
    bits: int


def row_of(shape: int, row: int) -> RowRule:
    """Return how symbols of a row are coded; rows past the last table share its four, with raw bits below.

    Parameters
    ----------
    shape : int
        Index of the unit distribution.
    row : int
        0..83; row j stands for a standard deviation of 2^(j/4 - 4) grey levels.

    Examples
    --------
    >>> row_of(0, 23)
    RowRule(table=184, fractions=7, bits=0)
    >>> row_of(1, 33)
    RowRule(table=389, fractions=0, bits=2)
    """
    first = shape * TABLES_PER_SHAPE
    if row < FINE_ROWS:
        return RowRule(first + 8 * row, 7, 0)
    return RowRule(first + 8 * FINE_ROWS + (row & 3), 0, (row - FINE_ROWS) >> 2)


class TableSet:
    """Every frequency table of a model.

    Parameters
    ----------
    tails : array_like of int, shape (shapes, 1025)
        Upper tails Q(i/64 standard deviations) in units of 2^-30; the first is 2^29 and they never increase.

    Attributes
    ----------
    shapes : int
        Number of unit distributions.
    half : list of int
        Per table: its symbols stand for -half..half; one more, the last, is the escape.
    starts : list of list of int
        Per table: where the range of each symbol starts, and 2^14 as the end of the last.

    Notes
    -----
    Largest number met: (8 * 63 + 8) * 65536 < 2^26 in the abscissa, 2^30 * 16384 in the widths; int64 holds both.
    """

    def __init__(self, tails: ArrayLike) -> None:
        unit = np.asarray(tails, np.int64)
        self.shapes = unit.shape[0]
        self.half: list[int] = []
        self.starts: list[list[int]] = []
        for tail in unit:
            for row in range(ROWS):
                below = _below(tail, row)
                for fraction in range(8) if row < FINE_ROWS else (4,):
                    half, starts = _build(below, fraction)
                    self.half.append(half)
                    self.starts.append(starts)


_REACH = 8 * (MAX_HALF + 1) + 8  # the farthest abscissa that a table asks for, in eighths


def _below(tail: NDArray[np.int64], row: int) -> NDArray[np.int64]:
    """Return the probability, in units of 2^-30, that a variate lies below t eighths of a grey level, by t + _REACH."""
    t = np.arange(-_REACH, _REACH + 1)
    z = (np.abs(t) * _INVERSE_QUARTER[row & 3]) >> (5 + (row >> 2))  # 1/1024 standard deviations
    i, fraction = z >> 4, z & 15
    inside = np.minimum(i, TAIL_STEPS - 1)
    q = (tail[inside] * (16 - fraction) + tail[inside + 1] * fraction) >> 4
    q = np.where(i >= TAIL_STEPS, tail[TAIL_STEPS], q)
    below: NDArray[np.int64] = np.where(t > 0, _ONE - q, q)
    return below


def _build(below: NDArray[np.int64], fraction: int) -> tuple[int, list[int]]:
    """Return half and starts of the table of a row and fraction."""
    edges = _REACH - (fraction - 4) - 4 + 8 * np.arange(-MAX_HALF - 1, MAX_HALF + 3)
    mass = np.diff(below[edges])
    zero = MAX_HALF + 1
    half = 0
    while half < MAX_HALF and mass[zero + half + 1] + mass[zero - half - 1] >= _ONE >> 13:
        half += 1
    kept = mass[zero - half : zero + half + 1]
    p = np.append(kept, _ONE - kept.sum())
    width = 1 + ((p * (PROB_SCALE - p.size)) >> 30)
    width[half] += PROB_SCALE - width.sum()
    return half, [0, *np.cumsum(width).tolist()]
