"""Sums over two arrays, block by block: errors, means and correlation that do not depend on how the work was cut.

Sums over integers are exact; those over floats are added in the order of the blocks without rounding in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Number = int | float
PIECE = 1 << 13
"""Pixels that are summed at once: they stay in the cache, and sums of so many products below 2**32 are below 2**53,
and BLAS adds so few on one thread."""


@dataclass(frozen=True)
class Sums:
    """Of one block: count, sums of x, y, x*x, y*y, x*y and (x - y)**2, the largest |x - y|, and the ends of x and y."""

    count: int
    x: Number = 0
    y: Number = 0
    xx: Number = 0
    yy: Number = 0
    xy: Number = 0
    dd: Number = 0
    largest: Number = 0
    x_ends: tuple[Number, Number] = (math.inf, -math.inf)
    y_ends: tuple[Number, Number] = (math.inf, -math.inf)


def sums_of(x: NDArray[Any], y: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Sums:
    """Return the sums over two blocks of one shape, over the valid pixels alone.

    Examples
    --------
    >>> sums_of(np.array([[1, 2]], "u2"), np.array([[1, 4]], "u2")).dd
    4
    """
    if valid is not None:
        x, y = x[valid], y[valid]
    x, y = np.ravel(x), np.ravel(y)
    whole = x.dtype.kind in "iub" and y.dtype.kind in "iub" and max(x.dtype.itemsize, y.dtype.itemsize) <= 2
    pieces = [slice(start, start + PIECE) for start in range(0, x.size, PIECE)]
    return added(_sums_of_piece(x[piece], y[piece], int if whole else float) for piece in pieces)


def _sums_of_piece(x: NDArray[Any], y: NDArray[Any], number: type[int] | type[float]) -> Sums:
    """Return the sums of some pixels; those of 16-bit integers are whole numbers below 2**53, exact in float64."""
    a, b = x.astype(np.float64), y.astype(np.float64)
    difference = a - b
    return Sums(
        int(a.size),
        number(a.sum()),
        number(b.sum()),
        number(a @ a),
        number(b @ b),
        number(a @ b),
        number(difference @ difference),
        number(np.abs(difference).max()),
        (number(a.min()), number(a.max())),
        (number(b.min()), number(b.max())),
    )


def added(parts: Iterable[Sums]) -> Sums:
    """Return the sums over all blocks."""
    blocks = [part for part in parts if part.count]
    if not blocks:
        return Sums(0)

    def total(name: str) -> Number:
        values = [getattr(block, name) for block in blocks]
        return sum(values) if all(isinstance(value, int) for value in values) else math.fsum(values)

    return Sums(
        count=sum(block.count for block in blocks),
        x=total("x"),
        y=total("y"),
        xx=total("xx"),
        yy=total("yy"),
        xy=total("xy"),
        dd=total("dd"),
        largest=max(block.largest for block in blocks),
        x_ends=(min(block.x_ends[0] for block in blocks), max(block.x_ends[1] for block in blocks)),
        y_ends=(min(block.y_ends[0] for block in blocks), max(block.y_ends[1] for block in blocks)),
    )


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation (of the whole population) of one image."""

    mean: float
    deviation: float


def moments(count: int, total: Number, squares: Number) -> Moments:
    """Return mean and standard deviation from sums, exact until the last division where the sums are integers."""
    if not count:
        return Moments(math.nan, math.nan)
    variance = (count * squares - total * total) / (count * count)
    return Moments(total / count, math.sqrt(max(0.0, variance)))


def correlation(sums: Sums) -> float:
    """Return the Pearson correlation of x and y; nan where one of them is constant.

    Examples
    --------
    >>> correlation(sums_of(np.array([[1, 2, 3]], "u2"), np.array([[2, 4, 6]], "u2")))
    1.0
    """
    n = sums.count
    top = n * sums.xy - sums.x * sums.y
    below = math.sqrt(max(0, n * sums.xx - sums.x**2)) * math.sqrt(max(0, n * sums.yy - sums.y**2))
    if not below:
        return math.nan
    return 1.0 if sums.dd == 0 else max(-1.0, min(1.0, top / below))  # roots round: equal arrays would have 1 - 1e-16
