"""The tables of path Y: what rows stand for, the prior they start from, and their integers.

A table gives probabilities to magnitudes 0..60 of the numbers j that symbols stand for, and to all that lie beyond;
both signs are alike. From row 48 on the low bits of an index are raw, so that rows 44..47 serve every larger scale.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

QUANTISERS, TABLES, ROWS = 2, 48, 88
FIRST_REPEATED = 44
MAX_HALF = 60
MAGNITUDES = MAX_HALF + 2  # 0..60, and what lies beyond
SYMBOLS = 128
ONE = 2**14
WIDEST = 11.0  # steps: scale of row 44, whose magnitudes and those of the next rows then nearly all have symbols
FINER = 6  # rows an octave below row 44; the format asks for four above
DEAD_ZONE = 0.1  # steps by which rate-distortion optimisation moves a threshold, about
RARE = 2.0**-13  # the probability below which a symbol is cheaper as an escape
FLOOR = 1e-7
GOLOMB_ORDER = 2

Ints = NDArray[np.int64]


class Tables(NamedTuple):
    """Integers as the format wants them: `half` uint8 (2, 48) and `widths` uint16 (2, 48, 128)."""

    half: NDArray[np.uint8]
    widths: NDArray[np.uint16]


def row_scales() -> NDArray[np.float64]:
    """Return the mean magnitudes (88,), in steps, that the rows start from."""
    row = np.arange(ROWS) - FIRST_REPEATED
    return np.asarray(WIDEST * np.exp2(row / np.where(row < 0, FINER, 4)))


def table_of(row: Ints) -> tuple[Ints, Ints]:
    """Return the number of the table of each row, and the number of its raw bits.

    Examples
    --------
    >>> [a.tolist() for a in table_of(np.array([0, 47, 48, 53]))]
    [[0, 47, 44, 45], [0, 0, 1, 2]]
    """
    raw_bits = np.maximum(row - FIRST_REPEATED, 0) >> 2
    return row - 4 * raw_bits, raw_bits


def prior() -> NDArray[np.float64]:
    """Return probabilities (2, 48, 62) of magnitudes by quantiser and table: those of Laplace distributions.

    Quantiser 0 has the points 0, 2, 4, ..., quantiser 1 has 0, 1, 3, ..., in steps.
    """
    scale = row_scales()[:TABLES, None]
    found = np.empty((QUANTISERS, TABLES, MAGNITUDES))
    for quantiser in range(QUANTISERS):
        point = np.maximum(2.0 * np.arange(MAGNITUDES) - quantiser, 0)
        threshold = (point[1:] + point[:-1]) / 2 + DEAD_ZONE
        above = np.exp(-threshold / scale)
        found[quantiser] = -np.diff(above, axis=1, prepend=1.0, append=0.0)
    found = np.maximum(found, FLOOR)
    return np.asarray(found / found.sum(-1, keepdims=True))


def symbol_of(index: Ints, raw_bits: Ints) -> Ints:
    """Return the magnitudes of the numbers j that stand for indices once their raw bits are taken away.

    Examples
    --------
    >>> symbol_of(np.array([5, 5, -5, 8, -8, 6]), np.array([0, 1, 1, 1, 1, 2])).tolist()
    [5, 3, 3, 4, 4, 0]
    """
    kept = ((index >> (raw_bits + 1)) << 1) + (index & 1)
    return np.asarray(np.abs(np.where(raw_bits > 0, kept, index)))


def golomb_length(n: Ints) -> Ints:
    """Return the length in bits of the exponential Golomb code, of order 2, of numbers from 0 up.

    Examples
    --------
    >>> golomb_length(np.array([0, 3, 4, 11, 12])).tolist()
    [3, 3, 5, 5, 7]
    """
    octave = np.frexp((n + 2**GOLOMB_ORDER) / 2.0**GOLOMB_ORDER)[1].astype(np.int64) - 1
    return np.asarray(2 * octave + 1 + GOLOMB_ORDER)


def integer_tables(probabilities: NDArray[np.float64]) -> Tables:
    """Return integer tables made of probabilities (2, 48, 62): symmetric, every width at least 1, their sum 2^14."""
    half = np.zeros((QUANTISERS, TABLES), np.uint8)
    widths = np.zeros((QUANTISERS, TABLES, SYMBOLS), np.uint16)
    for place in np.ndindex(QUANTISERS, TABLES):
        p = probabilities[place] / probabilities[place].sum()
        common = np.flatnonzero(p[1:-1] / 2 >= RARE)
        h = 0 if common.size == 0 else int(common[-1] + 2) // 2 * 2
        inside = np.concatenate([p[h:0:-1] / 2, p[:1], p[1 : h + 1] / 2])
        odd, even = p[h + 1 : -1 : 2].sum() + p[-1] / 2, p[h + 2 : -1 : 2].sum() + p[-1] / 2
        mass = np.concatenate([inside, [odd, even]])
        half[place] = h
        widths[(*place, slice(mass.size))] = _integers(mass, h)
    return Tables(half, widths)


def _integers(mass: NDArray[np.float64], h: int) -> Ints:
    """Return widths of symbols -h..h and two escapes: what rounding down leaves goes to the largest remainders."""
    exact = mass * (ONE - mass.size)
    width = 1 + np.floor(exact).astype(np.int64)
    left = ONE - int(width.sum())
    remainder = exact - np.floor(exact)
    for magnitude in 1 + np.argsort(-remainder[h + 1 : 2 * h + 1], kind="stable")[: left // 2]:
        width[[h - magnitude, h + magnitude]] += 1
    width[h] += ONE - int(width.sum())
    return width


def code_lengths(tables: Tables, row: Ints, quantiser: Ints, index: Ints) -> NDArray[np.float64]:
    """Return the bits (n,) that indices cost under integer tables, raw bits included.

    Parameters
    ----------
    tables : Tables
    row : ndarray of int64, (n,)
        0..87.
    quantiser, index : ndarray of int64, (n,)
    """
    table, raw_bits = table_of(row)
    magnitude = symbol_of(index, raw_bits)
    half = tables.half[quantiser, table].astype(np.int64)
    beyond = magnitude > half
    symbol = np.where(beyond, 2 * half + 2 - (magnitude & 1), half + np.minimum(magnitude, half))
    width = tables.widths[quantiser, table, symbol].astype(np.float64)
    escape = 1 + golomb_length(np.maximum(magnitude - half - 1, 0) >> 1)
    return np.asarray(14 - np.log2(width) + raw_bits + np.where(beyond, escape, 0))
