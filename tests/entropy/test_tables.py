"""Every table gives every symbol a range, the ranges fill 2^14 exactly, and native code builds the same ones."""

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.entropy import TableSet, row_of
from zarr_neural.entropy.tables import MAX_HALF, PROB_SCALE, TABLES_PER_SHAPE
from zarr_neural.intnet.known_answer import known_arrays

FLAT = [1 << 29] * 1025  # all the mass lies beyond 16 standard deviations
SUDDEN = [1 << 29] + [0] * 1024  # all of it at zero
EXTREME = np.array([FLAT, SUDDEN, [1 << 29, *range(1 << 29, (1 << 29) - 1024, -1)]], np.uint32)


@pytest.mark.parametrize("tails", [known_arrays()["tails"], EXTREME], ids=["known", "extreme"])
def test_every_symbol_has_a_range_and_they_fill_the_scale(tails: np.ndarray) -> None:
    """Every symbol has a width of at least 1, and widths sum to 2^14."""
    tables = TableSet(tails)
    assert len(tables.starts) == len(tables.half) == len(tails) * TABLES_PER_SHAPE
    for half, starts in zip(tables.half, tables.starts, strict=True):
        assert 0 <= half <= MAX_HALF
        assert len(starts) == 2 * half + 3
        assert starts[0] == 0
        assert starts[-1] == PROB_SCALE
        assert min(np.diff(starts)) >= 1


def test_tables_are_those_of_native_code() -> None:
    """Tables of the known model are those whose CRC-32C `native/check` prints."""
    tables = TableSet(known_arrays()["tails"])
    ranges = [np.array(s[:-1]) | np.array(s[1:]) << 16 for s in tables.starts]
    assert _native.crc32c(np.concatenate(ranges).astype("<u4").view(np.uint8)) == 0x91BBACA2


def test_tables_are_centred_on_the_fraction() -> None:
    """A mean of f - 4 eighths shifts the mass: fraction 4 is even about zero, others mirror one another."""
    tables = TableSet(known_arrays()["tails"])
    for row in range(24):
        first = row_of(0, row).table
        widths = [np.diff(tables.starts[first + f])[:-1] for f in range(8)]
        assert (np.abs(widths[4] - widths[4][::-1]) <= 1).all()
        for f in (1, 2, 3):
            assert tables.half[first + f] == tables.half[first + 8 - f]
            assert (np.abs(widths[f] - widths[8 - f][::-1]) <= 1).sum() >= len(widths[f]) - 1  # zero takes the rest


def test_rows_past_the_last_table_share_it() -> None:
    """Four rows on means one raw bit more and the same table."""
    for row in range(24, 80):
        assert row_of(2, row + 4)[:2] == row_of(2, row)[:2]
        assert row_of(2, row + 4).bits == row_of(2, row).bits + 1
    assert row_of(0, 83).bits == 14
