"""Indices of two quantisers come back as the points that they stand for, on every lane and in every row."""

import random

import numpy as np
import pytest

from zarr_neural.entropy import PointReader, PointTables, PointWriter, TrellisPath, point_row
from zarr_neural.entropy.points import next_state
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.known_answer import known_transform_arrays

ARRAYS = known_transform_arrays()
TABLES = PointTables(ARRAYS["half"], ARRAYS["widths"])
Block = tuple[list[int], list[int], bool]


def random_blocks(seed: int, blocks: int, longest: int) -> list[Block]:
    choose = random.Random(seed)
    out = []
    for _ in range(blocks):
        n = choose.randrange(longest + 1)
        rows = [choose.randrange(88) for _ in range(n)]
        reach = [choose.choice([1, 3, 70, 300, 1 << 17]) for _ in rows]
        out.append((rows, [choose.randrange(-r + 1, r) for r in reach], bool(choose.getrandbits(1))))
    return out


def points(indices: list[int], lanes: int, trellis: bool) -> list[int]:
    """By the text of the specification: states as three bits, lane by lane."""
    found = list(indices)
    for lane in range(lanes):
        t = [0, 0, 0]
        for i in range(lane, len(indices), lanes):
            k = indices[i]
            found[i] = 2 * k - t[0] * int(np.sign(k))
            if trellis:
                t = [t[0] ^ t[1], t[2] ^ (k % 2), t[0]]
    return found


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16, 32])
def test_blocks_come_back(lanes: int) -> None:
    """Blocks of any length, rows and indices, escapes and raw bits included, survive; both streams end exactly."""
    for seed in range(12):
        blocks = random_blocks(seed, 6, 80)
        writer = PointWriter(TABLES, lanes)
        for block in blocks:
            writer.put_block(*block)
        payload, words_nbytes = writer.finish()
        reader = PointReader(TABLES, lanes, payload, words_nbytes)
        for rows, indices, trellis in blocks:
            assert reader.get_block(rows, trellis) == points(indices, lanes, trellis)
        reader.check_end()


def test_the_trellis_has_eight_states_in_pairs() -> None:
    """From every state two are reached, by parity; every state is reached from two, one of each quantiser's set."""
    reached = [next_state(state, parity) for state in range(8) for parity in range(2)]
    assert sorted(reached) == sorted([*range(8), *range(8)])
    for state in range(8):
        assert next_state(state, 4) == next_state(state, -2) == next_state(state, 0)
        assert next_state(state, 5) == next_state(state, -1) == next_state(state, 1) != next_state(state, 0)
    assert [next_state(state, 0) for state in range(8)] == [0, 5, 1, 4, 2, 7, 3, 6]


def test_scalar_blocks_stay_with_quantiser_0() -> None:
    """Without a trellis, no state moves."""
    path = TrellisPath(1, trellis=False)
    for i in range(10):
        path.step(i, i)
        assert path.at(i + 1) == 0


def test_rows_beyond_the_tables_have_raw_bits() -> None:
    """A row four further has the same table and one bit more."""
    assert [point_row(row).bits for row in (0, 43, 44, 47, 48, 51, 52, 87)] == [0, 0, 0, 0, 1, 1, 2, 10]
    for row in range(48, 88):
        assert point_row(row).table == point_row(row - 4).table
        assert point_row(row).bits == point_row(row - 4).bits + 1


@pytest.mark.parametrize("row", [0, 20, 47, 48, 87])
@pytest.mark.parametrize("sign", [1, -1])
def test_indices_beyond_the_largest_are_refused(row: int, sign: int) -> None:
    """An index of 2^17 is damage; so is one that 32 bits could not hold."""
    for index, fine in ((131071, True), (131072, False), (200_000, False), (1 << 32, False), ((1 << 33) + 1, False)):
        if index >> max(0, (row - 44) >> 2) >= 1 << 26:
            continue  # longer than any Golomb code
        writer = PointWriter(TABLES, 1)
        writer.put_block([row], [sign * index], False)
        reader = PointReader(TABLES, 1, *writer.finish())
        if fine:
            assert reader.get_block([row], False) == [2 * sign * index]
        else:
            with pytest.raises(DamagedChunkError, match="index lies beyond"):
                reader.get_block([row], False)


def test_an_endless_escape_is_refused() -> None:
    """A Golomb code of more than 22 ones is damage."""
    writer = PointWriter(TABLES, 1)
    writer.put_ranges([(TABLES.starts[0][0][1], 4096)])  # the escape of odd indices of the table that has 0 alone
    writer.raw.put(2**40 - 1, 40)
    reader = PointReader(TABLES, 1, *writer.finish())
    with pytest.raises(DamagedChunkError, match="escape code"):
        reader.get_block([0], False)
