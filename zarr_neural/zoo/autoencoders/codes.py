"""Codes as integers and as bytes: uniform quantisation, static tables of integers, rANS.

The tables follow from quantiles of the codes of training images, which lie beside the weights, and from the step: one
description serves every step. An element that no training image came near is an escape with raw bits.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.entropy import RansReader, RansWriter
from zarr_neural.entropy.tables import PROB_SCALE
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError

QUANTILES = 128
"""Equal parts that the values of a class are divided into."""
MOST_SYMBOLS = 512
"""Of a table; wider classes have raw bits below the symbol."""
ESCAPE_WIDTH = 32
"""Of 2^14: one in 512 elements is expected outside the range of the training images."""
LENGTH_BITS = 6
"""Of an escape: so many bits say how many bits follow."""
MAX_INTEGER = 2**40
"""Codes beyond so many steps are refused."""


@dataclass(frozen=True)
class Statistics:
    """What is known of the codes of a network.

    Attributes
    ----------
    classes : ndarray of int, shape (elements,)
        Which elements are alike: a channel, or elements of like spread.
    quantiles : ndarray of float32, shape (classes, 129)
        Of the codes of training images; they never decrease.
    """

    classes: NDArray[np.int32]
    quantiles: NDArray[np.float32]


def statistics_of(codes: NDArray[np.float32], classes: NDArray[np.int32]) -> Statistics:
    """Return the statistics of codes (images, elements)."""
    parts = np.linspace(0, 1, QUANTILES + 1)
    found = [np.quantile(codes[:, classes == k], parts) for k in range(int(classes.max()) + 1)]
    return Statistics(classes.astype(np.int32), np.array(found, np.float32))


def classes_by_spread(codes: NDArray[np.float32], most: int = 16) -> NDArray[np.int32]:
    """Return classes of elements whose root mean square over images (images, elements) is alike."""
    size = np.sqrt(np.mean(np.square(codes.astype(np.float64)), axis=0))
    alive = size > 1e-6 * max(float(size.max()), 1e-30)
    result = np.zeros(size.size, np.int32)
    if alive.any():
        parts = np.quantile(size[alive], np.linspace(0, 1, most)[1:-1])
        result[alive] = 1 + np.searchsorted(parts, size[alive])
    return np.asarray(np.unique(result, return_inverse=True)[1], np.int32)


@dataclass(frozen=True)
class _Table:
    least: int  # smallest symbol
    bits: int  # raw bits below the symbol
    starts: list[int]


class CodeCoder:
    """Codes to integers, integers to bytes, and back.

    Parameters
    ----------
    statistics : Statistics
    step : float
        Distance of two integers, in units of the code.
    """

    def __init__(self, statistics: Statistics, step: float) -> None:
        self._statistics, self._step = statistics, step

    def quantise(self, codes: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the nearest integers of codes, in steps.

        Raises
        ------
        UnsupportedInputError
            If a code is not finite or beyond 2^40 steps.
        """
        scaled = np.rint(codes.astype(np.float64) / self._step)
        if not np.isfinite(scaled).all() or np.abs(scaled).max() > MAX_INTEGER:
            raise UnsupportedInputError(f"the network gives codes that are no numbers of steps of {self._step}")
        return scaled.astype(np.int64)

    def dequantise(self, integers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the codes that integers stand for."""
        return (integers * self._step).astype(np.float32)

    def pack(self, integers: NDArray[np.int64]) -> tuple[bytes, int]:
        """Return the bytes of integers (images, elements), and how many of them hold states and words."""
        writer = RansWriter(1)
        tables, classes = self._tables, self._statistics.classes.tolist()
        for image in integers.tolist():
            ranges = []
            for kind, value in zip(classes, image, strict=True):
                table = tables[kind]
                index, last = (value >> table.bits) - table.least, len(table.starts) - 2
                if 0 <= index < last:
                    writer.raw.put(value & ((1 << table.bits) - 1), table.bits)
                else:
                    writer.raw.put(int(value < 0), 1)
                    writer.raw.put(abs(value).bit_length(), LENGTH_BITS)
                    writer.raw.put(abs(value), abs(value).bit_length())
                    index = last
                ranges.append((table.starts[index], table.starts[index + 1] - table.starts[index]))
            writer.put_ranges(ranges)
        return writer.finish()

    def unpack(self, payload: bytes, words_nbytes: int, images: int) -> NDArray[np.int64]:
        """Return the integers (images, elements) that `pack` wrote.

        Raises
        ------
        DamagedChunkError
            If the bytes do not end where the integers do.
        """
        reader = RansReader(1, payload, words_nbytes)
        tables, classes = self._tables, self._statistics.classes.tolist()
        integers: list[int] = []
        for _ in range(images * len(classes)):
            table = tables[classes[len(integers) % len(classes)]]
            index = reader.symbol(0, table.starts)
            if index == len(table.starts) - 2:
                negative = reader.raw.get(1)
                magnitude = reader.raw.get(reader.raw.get(LENGTH_BITS))
                integers.append(-magnitude if negative else magnitude)
            else:
                integers.append((index + table.least << table.bits) + reader.raw.get(table.bits))
        reader.check_end()
        if max(map(abs, integers)) > MAX_INTEGER:
            raise DamagedChunkError("an element of a code", expected=f"at most {MAX_INTEGER}", found=max(integers))
        return np.array(integers, np.int64).reshape(images, len(classes))

    @cached_property
    def _tables(self) -> list[_Table]:
        return [_table(row.astype(np.float64), self._step) for row in self._statistics.quantiles]


def _table(quantiles: NDArray[Any], step: float) -> _Table:
    low, high = (int(np.rint(value / step)) for value in (quantiles[0], quantiles[-1]))
    bits = 0
    while (high >> bits) - (low >> bits) >= MOST_SYMBOLS:
        bits += 1
    symbols = np.arange(low >> bits, (high >> bits) + 2)
    edges = ((symbols << bits) - 0.5) * step
    # ties are spread by next to nothing: a jump stays a jump, and no division by zero
    rising = quantiles + np.arange(quantiles.size) * 1e-9 * max(float(np.abs(quantiles).max()), 1e-30)
    below = np.interp(edges, rising, np.linspace(0, 1, quantiles.size))
    below[0], below[-1] = 0, 1
    free = PROB_SCALE - ESCAPE_WIDTH - (symbols.size - 1)
    widths = 1 + np.floor(np.diff(below) * free).astype(np.int64)
    widths[np.argmax(widths)] += PROB_SCALE - ESCAPE_WIDTH - widths.sum()
    return _Table(int(symbols[0]), bits, [0, *np.cumsum(widths).tolist(), PROB_SCALE])
