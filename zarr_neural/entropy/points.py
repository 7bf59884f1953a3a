"""Symbols of path Y: points of two quantisers that a trellis alternates between, with tables that the model states.

Points are in steps: quantiser 0 has 0, ±2, ±4, ..., quantiser 1 has 0, ±1, ±3, ... Index k of quantiser Q is the point
2k - Q*sign(k). Specification: `zarr_neural/spec/path_y.md`, section 7.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from zarr_neural.entropy.rans import RansReader, RansWriter
from zarr_neural.errors import DamagedChunkError

TABLE_ROWS = 48
SHARED_ROWS = 44
INDEX_END = 1 << 17


class PointRow(NamedTuple):
    """How symbols of a row are coded: with the tables of row `table`, and `bits` raw bits inside the index."""

    table: int
    bits: int


def point_row(row: int) -> PointRow:
    """Return how symbols of a row, 0..87, are coded; rows past the last table share its four.

    Examples
    --------
    >>> point_row(47), point_row(48), point_row(87)
    (PointRow(table=47, bits=0), PointRow(table=44, bits=1), PointRow(table=47, bits=10))
    """
    if row < TABLE_ROWS:
        return PointRow(row, 0)
    return PointRow(SHARED_ROWS + ((row - SHARED_ROWS) & 3), (row - SHARED_ROWS) >> 2)


def next_state(state: int, index: int) -> int:
    """Return the state of a trellis, 0..7, after an index; the lowest bit of a state is its quantiser."""
    t0, t1, t2 = state & 1, state >> 1 & 1, state >> 2
    return (t0 ^ t1) + 2 * (t2 ^ (index & 1)) + 4 * t0


class PointTables:
    """The frequency tables of a lossy model.

    Parameters
    ----------
    half : array_like of int, shape (2, 48)
        By quantiser and row: symbols stand for -half..half; two more are escapes.
    widths : array_like of int, shape (2, 48, 128)
        Widths of the symbols' ranges, inside the numeric contract.

    Attributes
    ----------
    half : list of list of int
    starts : list of list of list of int
        By quantiser and row: where the range of each symbol starts, and 2^14 as the end of the last.
    """

    def __init__(self, half: ArrayLike, widths: ArrayLike) -> None:
        self.half: list[list[int]] = np.asarray(half).tolist()
        ends = np.cumsum(np.asarray(widths, np.int64), axis=-1).tolist()
        self.starts = [
            [[0, *row[: 2 * h + 3]] for h, row in zip(*of, strict=True)] for of in zip(self.half, ends, strict=True)
        ]


class PointWriter(RansWriter):
    """Codes blocks of indices.

    Parameters
    ----------
    tables : PointTables
    lanes : int
        Interleaved states.
    """

    def __init__(self, tables: PointTables, lanes: int) -> None:
        super().__init__(lanes)
        self._tables = tables

    def put_block(self, rows: Sequence[int], indices: Sequence[int], trellis: bool) -> None:
        """Append indices, each with its row; the first belongs to the first lane."""
        ranges = []
        quantisers = TrellisPath(self._lanes, trellis)
        for i, (row, k) in enumerate(zip(rows, indices, strict=True)):
            table, bits = point_row(row)
            quantiser = quantisers.at(i)
            quantisers.step(i, k)
            half, starts = self._tables.half[quantiser][table], self._tables.starts[quantiser][table]
            j = k if bits == 0 else (k >> (bits + 1)) * 2 + (k & 1)
            symbol = j + half if abs(j) <= half else 2 * half + 2 - (j & 1)
            ranges.append((starts[symbol], starts[symbol + 1] - starts[symbol]))
            if abs(j) > half:
                self.raw.put(int(j < 0), 1)
                self.raw.put_golomb((abs(j) - half - 1) // 2)
            self.raw.put(k >> 1, bits)
        self.put_ranges(ranges)


class PointReader(RansReader):
    """Reads the blocks that `PointWriter` coded, in their order.

    Parameters
    ----------
    tables : PointTables
    lanes, payload, words_nbytes
        As for `RansReader`.
    """

    def __init__(self, tables: PointTables, lanes: int, payload: bytes, words_nbytes: int) -> None:
        super().__init__(lanes, payload, words_nbytes)
        self._tables = tables

    def get_block(self, rows: Sequence[int], trellis: bool) -> list[int]:
        """Return the points of a block, given the row of each.

        Raises
        ------
        DamagedChunkError
            Words or raw bits end before the block does, an escape is longer than any value needs, or an index is
            2^17 or more.
        """
        points = []
        quantisers = TrellisPath(self.lanes, trellis)
        for i, row in enumerate(rows):
            table, bits = point_row(row)
            quantiser = quantisers.at(i)
            half = self._tables.half[quantiser][table]
            symbol = self.symbol(i % self.lanes, self._tables.starts[quantiser][table])
            j = symbol - half
            if j > half:
                negative = self.raw.get(1)
                magnitude = j + 2 * self.raw.get_golomb()
                j = -magnitude if negative else magnitude
            k = j if bits == 0 else ((j >> 1) << (bits + 1)) + 2 * self.raw.get(bits) + (j & 1)
            if abs(k) >= INDEX_END:
                raise DamagedChunkError("an index lies beyond that of any value", expected=INDEX_END, found=k)
            quantisers.step(i, k)
            points.append(2 * k - quantiser * ((k > 0) - (k < 0)))
        return points


class TrellisPath:
    """The states of all lanes in one block.

    Parameters
    ----------
    lanes : int
    trellis : bool
        Without it states stay 0.
    """

    def __init__(self, lanes: int, trellis: bool) -> None:
        self._state, self._trellis = [0] * lanes, trellis

    def at(self, i: int) -> int:
        """Return the quantiser of symbol i of the block."""
        return self._state[i % len(self._state)] & 1

    def step(self, i: int, index: int) -> None:
        """Go on after symbol i had an index."""
        if self._trellis:
            lane = i % len(self._state)
            self._state[lane] = next_state(self._state[lane], index)
