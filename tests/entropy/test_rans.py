"""Residuals come back as they went in for every number of lanes, and streams that no writer makes are refused."""

import random

import pytest

from zarr_neural.entropy import SymbolReader, SymbolWriter, TableSet, lane_count, row_of
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.known_answer import known_arrays

TABLES = TableSet(known_arrays()["tails"])
Block = tuple[list[int], list[int], list[int]]


def random_blocks(seed: int, blocks: int, longest: int) -> list[Block]:
    choose = random.Random(seed)
    out = []
    for _ in range(blocks):
        n = choose.randrange(longest + 1)
        rows = [row_of(choose.randrange(3), choose.randrange(84)) for _ in range(n)]
        table = [row.table + (choose.getrandbits(3) & row.fractions) for row in rows]
        residual = [choose.choice([0, 1, -1, choose.randrange(-70, 71), choose.randrange(-65535, 65536)]) for _ in rows]
        out.append((table, [row.bits for row in rows], residual))
    return out


@pytest.mark.parametrize("lanes", [1, 8, 32])
def test_blocks_come_back(lanes: int) -> None:
    """Blocks of any length, tables and residuals, escapes included, survive, and both streams end exactly."""
    for seed in range(20):
        blocks = random_blocks(seed, 8, 60)
        writer = SymbolWriter(TABLES, lanes)
        for block in blocks:
            writer.put_block(*block)
        payload, words_nbytes = writer.finish()
        reader = SymbolReader(TABLES, lanes, payload, words_nbytes)
        for table, bits, residual in blocks:
            assert reader.get_block(table, bits) == residual
        reader.check_end()


def test_nothing_costs_the_states_alone() -> None:
    """An empty stream is the initial state of every lane."""
    payload, words_nbytes = SymbolWriter(TABLES, 8).finish()
    assert payload == b"\x00\x00\x01\x00" * 8
    assert words_nbytes == 32
    SymbolReader(TABLES, 8, payload, words_nbytes).check_end()


def test_lane_count_depends_on_the_pixels_alone() -> None:
    """Lanes are part of the format: 1 below 4096 pixels, 8 below 16384, 16 below 65536, then 32."""
    assert [lane_count(n) for n in (1, 4095, 4096, 16383, 16384, 65535, 65536, 1 << 40)] == [1, 1, 8, 8, 16, 16, 32, 32]


def test_impossible_lengths_are_refused() -> None:
    """The symbol section holds at least the states, at most the payload, and whole words."""
    for lanes, nbytes, words_nbytes in [(1, 0, 0), (1, 3, 3), (8, 40, 30), (1, 8, 5), (1, 8, 10), (1, 8, -2)]:
        with pytest.raises(DamagedChunkError, match="impossible length"):
            SymbolReader(TABLES, lanes, bytes(nbytes), words_nbytes)


def test_an_altered_stream_does_not_end_well() -> None:
    """A flipped bit anywhere in states and words gives other residuals or is refused at the end."""
    (block,) = random_blocks(3, 1, 400)
    writer = SymbolWriter(TABLES, 1)
    writer.put_block(*block)
    payload, words_nbytes = writer.finish()
    for bit in range(0, 8 * words_nbytes, 13):
        altered = bytearray(payload)
        altered[bit >> 3] ^= 1 << (bit & 7)
        reader = SymbolReader(TABLES, 1, bytes(altered), words_nbytes)
        try:
            got = reader.get_block(block[0], block[1])
            reader.check_end()
        except DamagedChunkError:
            continue
        assert got != block[2]
