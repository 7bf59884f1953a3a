"""Symbols of path L: residuals, each coded with a table and a number of raw bits. Mirror of `native/streams.cpp`."""

from collections.abc import Sequence

from zarr_neural.entropy.rans import RansReader, RansWriter
from zarr_neural.entropy.tables import TableSet


class SymbolWriter(RansWriter):
    """Codes blocks of residuals.

    Parameters
    ----------
    tables : TableSet
        The model's tables.
    lanes : int
        Interleaved states, as from `lane_count`.
    """

    def __init__(self, tables: TableSet, lanes: int) -> None:
        super().__init__(lanes)
        self._tables = tables

    def put_block(self, table: Sequence[int], bits: Sequence[int], residual: Sequence[int]) -> None:
        """Append residuals, each with its table and its number of raw bits; the first belongs to the first lane."""
        ranges = []
        for t, b, r in zip(table, bits, residual, strict=True):
            shifted = r + (1 << b >> 1)
            symbol = shifted >> b
            half, starts = self._tables.half[t], self._tables.starts[t]
            index = symbol + half if abs(symbol) <= half else 2 * half + 1
            ranges.append((starts[index], starts[index + 1] - starts[index]))
            if abs(symbol) > half:
                self.raw.put(int(symbol < 0), 1)
                self.raw.put_golomb(abs(symbol) - half - 1)
            self.raw.put(shifted, b)
        self.put_ranges(ranges)


class SymbolReader(RansReader):
    """Reads the blocks that `SymbolWriter` coded, in their order.

    Parameters
    ----------
    tables : TableSet
        The model's tables.
    lanes, payload, words_nbytes
        As for `RansReader`.
    """

    def __init__(self, tables: TableSet, lanes: int, payload: bytes, words_nbytes: int) -> None:
        super().__init__(lanes, payload, words_nbytes)
        self._tables = tables

    def get_block(self, table: Sequence[int], bits: Sequence[int]) -> list[int]:
        """Return the residuals of a block, given the table and the number of raw bits of each.

        Raises
        ------
        DamagedChunkError
            Words or raw bits end before the block does, or an escape is longer than any value needs.
        """
        residuals = []
        for i, (t, b) in enumerate(zip(table, bits, strict=True)):
            index = self.symbol(i % self.lanes, self._tables.starts[t])
            half = self._tables.half[t]
            value = index - half
            if index == 2 * half + 1:
                negative = self.raw.get(1)
                magnitude = self.raw.get_golomb() + half + 1
                value = -magnitude if negative else magnitude
            residuals.append((value << b) + self.raw.get(b) - (1 << b >> 1))
        return residuals
