"""Raw bits come back as they went in, and a section that is too short or too long is refused."""

import random

import pytest

from zarr_neural.entropy import RawReader, RawWriter
from zarr_neural.errors import DamagedChunkError


def test_bits_come_back() -> None:
    """Any sequence of numbers and Golomb codes survives, and the reader ends exactly at its end."""
    choose = random.Random(1)
    for _ in range(50):
        items = [(choose.choice([0, 1, 5, 14, 16]), choose.getrandbits(16)) for _ in range(choose.randrange(40))]
        golomb = [choose.getrandbits(choose.randrange(24)) for _ in items]
        writer = RawWriter()
        for (count, value), code in zip(items, golomb, strict=True):
            writer.put(value, count)
            writer.put_golomb(code)
        reader = RawReader(writer.finish())
        for (count, value), code in zip(items, golomb, strict=True):
            assert reader.get(count) == value & ((1 << count) - 1)
            assert reader.get_golomb() == code
        reader.check_end()


def test_bytes_are_fixed() -> None:
    """Bits fill bytes from the lowest upwards; Golomb codes of order 2 are unary ones, a zero, then low bits."""
    writer = RawWriter()
    writer.put(0b101, 3)
    writer.put_golomb(0)  # 0 00
    writer.put_golomb(5)  # 1 0 001, the low bit of 001 first
    writer.put(-1, 4)
    assert writer.finish() == bytes([0b01000101, 0b01111001])


def test_short_and_long_sections_are_refused() -> None:
    """Missing bits, whole bytes left over, bits set in the filling, and endless codes are damage."""
    with pytest.raises(DamagedChunkError, match="end before"):
        RawReader(b"\x00").get(9)
    reader = RawReader(b"\x00\x00")
    reader.get(8)
    with pytest.raises(DamagedChunkError, match="do not end"):
        reader.check_end()
    reader = RawReader(b"\x80")
    reader.get(3)
    with pytest.raises(DamagedChunkError, match="do not end"):
        reader.check_end()
    with pytest.raises(DamagedChunkError, match="longer than any"):
        RawReader(b"\xff" * 10).get_golomb()


def test_the_longest_code_at_its_edge() -> None:
    """A code of 22 ones is the longest that is read, as in the engine; one more is refused whatever follows it."""
    longest = RawReader(((1 << 22) - 1).to_bytes(16, "little"))
    assert longest.get_golomb() == sum(1 << bits for bits in range(2, 24))
    with pytest.raises(DamagedChunkError, match="longer than any"):
        RawReader(((1 << 23) - 1).to_bytes(16, "little")).get_golomb()
