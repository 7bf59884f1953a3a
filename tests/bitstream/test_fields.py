"""Every kind of header field keeps its value, and no bytes outside its range get through."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from zarr_neural.bitstream import Field, Reader, pack, unpack
from zarr_neural.bitstream.reader import pack_varint
from zarr_neural.errors import DamagedChunkError

MOST = 2**64 - 1


@dataclass(frozen=True)
class Kept:
    """A field, a value, and the bytes that hold it."""

    field: Field
    value: Any
    packed: bytes

    def __str__(self) -> str:
        return f"{self.field.kind}{self.field.nbytes or ''}-{self.packed[:6].hex()}"


ONE, TWO, EIGHT = Field("one", "fixed", 1), Field("two", "fixed", 2), Field("eight", "fixed", 8)
VARINT, SIGNED = Field("any", "varint"), Field("signed", "signed", least=-(2**63), most=2**63 - 1)
LIST, RAW = Field("list", "varints", 3), Field("raw", "bytes", 4)
KEPT = [
    Kept(ONE, 0, b"\0"),
    Kept(ONE, 255, b"\xff"),
    Kept(TWO, 0x1234, b"\x34\x12"),
    Kept(Field("four", "fixed", 4), 2**32 - 1, b"\xff" * 4),
    Kept(EIGHT, 1, b"\1" + b"\0" * 7),
    Kept(EIGHT, MOST, b"\xff" * 8),
    Kept(VARINT, 0, b"\0"),
    Kept(VARINT, 127, b"\x7f"),
    Kept(VARINT, 128, b"\x80\x01"),
    Kept(VARINT, 2**63, b"\x80" * 9 + b"\x01"),
    Kept(VARINT, MOST, b"\xff" * 9 + b"\x01"),
    Kept(SIGNED, 0, b"\0"),
    Kept(SIGNED, -1, b"\1"),
    Kept(SIGNED, 1, b"\2"),
    Kept(SIGNED, -64, b"\x7f"),
    Kept(SIGNED, 2**63 - 1, b"\xfe" + b"\xff" * 8 + b"\x01"),
    Kept(SIGNED, -(2**63), b"\xff" * 9 + b"\x01"),
    Kept(LIST, (), b"\0"),
    Kept(LIST, (0, 300, MOST), b"\3\0\xac\2" + b"\xff" * 9 + b"\x01"),
    Kept(RAW, b"\0\xff\0a", b"\0\xff\0a"),
    Kept(Field("none", "bytes", 0), b"", b""),
]


@pytest.mark.parametrize("case", KEPT, ids=str)
def test_a_field_keeps_its_value(case: Kept) -> None:
    """Packing a value at the extremes gives the stated bytes; unpacking gives the value and reads no further."""
    assert case.field.pack(case.value) == case.packed
    reader = Reader(case.packed + b"after")
    assert case.field.unpack(reader) == case.value
    assert reader.position == len(case.packed)


@pytest.mark.parametrize("case", [case for case in KEPT if case.packed], ids=str)
def test_a_field_that_is_cut_off_is_damage(case: Kept) -> None:
    """No prefix of the bytes of a field passes for a field, and the message names the field."""
    for end in range(len(case.packed)):
        with pytest.raises(DamagedChunkError, match=case.field.name):
            case.field.unpack(Reader(case.packed[:end]))


@dataclass(frozen=True)
class Refused:
    """A field, bytes that it refuses, and what the message says."""

    field: Field
    packed: bytes
    says: str

    def __str__(self) -> str:
        return f"{self.field.kind}-{self.packed[:6].hex()}-{self.says[:12]}"


SMALL = Field("small", "fixed", 1, least=3, most=9)
REFUSED = [
    Refused(SMALL, b"\2", "expected 3 to 9, found 2"),
    Refused(SMALL, b"\x0a", "expected 3 to 9, found 10"),
    Refused(Field("sum", "varint", most=300), b"\xad\x02", "expected 0 to 300, found 301"),
    Refused(Field("way", "signed", least=-2, most=2), b"\5", "expected -2 to 2, found -3"),
    Refused(Field("way", "signed", least=-2, most=2), b"\6", "expected -2 to 2, found 3"),
    Refused(Field("way", "signed", least=-2, most=2), b"\xff" * 9 + b"\x01", "found -9223372036854775808"),
    Refused(LIST, b"\4\0\0\0\0", "expected at most 3, found 4"),
    Refused(LIST, b"\xff" + b"\0" * 300, "expected at most 3, found 255"),
    Refused(Field("list", "varints", 3, least=1), b"\2\1\0", "found 0"),
    Refused(VARINT, b"\x80\x00", "not the shortest"),
    Refused(VARINT, b"\xff\x80\x00", "not the shortest"),
    Refused(VARINT, b"\xff" * 9 + b"\x02", "64-bit"),
    Refused(VARINT, b"\xff" * 9 + b"\x7f", "64-bit"),
    Refused(VARINT, b"\x80" * 10 + b"\x01", "64-bit"),
    Refused(VARINT, b"\xff" * 10_000, "64-bit"),
]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_values_out_of_range_are_damage(case: Refused) -> None:
    """A value that its field does not allow, and a number that is not in its shortest form, are refused by name."""
    with pytest.raises(DamagedChunkError, match=case.says) as raised:
        case.field.unpack(Reader(case.packed))
    assert case.field.name in str(raised.value)


@pytest.mark.parametrize("value", [-1, 256, 10**30])
def test_writers_refuse_what_readers_refuse(value: int) -> None:
    """A value outside its field is never written."""
    with pytest.raises(DamagedChunkError, match=str(value)):
        Field("byte", "fixed", 1, most=255).pack(value)
    with pytest.raises(DamagedChunkError, match=str(value)):
        Field("few", "varint", most=200).pack(value)


TABLE = (
    Field("kind", "fixed", 1, most=2),
    Field("extra", "signed", least=-(2**40), most=2**40, when=lambda values: values["kind"] == 1),
    Field("sizes", "varints", 5),
    Field("tag", "bytes", 3, when=lambda values: len(values["sizes"]) > 1),
)


def test_a_table_is_walked_alike_in_both_directions() -> None:
    """Random values of a table with conditional fields come back, for fields that are there and no others."""
    random = np.random.default_rng(0)
    for _ in range(500):
        kind, count = int(random.integers(3)), int(random.integers(6))
        values: dict[str, Any] = {
            "kind": kind,
            "sizes": tuple(int(n) >> int(random.integers(63)) for n in random.integers(2**62, size=count)),
        }
        if kind == 1:
            values["extra"] = int(random.integers(-(2**40), 2**40 + 1))
        if count > 1:
            values["tag"] = random.bytes(3)
        packed = pack(TABLE, values)
        reader = Reader(packed)
        assert unpack(TABLE, reader) == values
        assert reader.remaining == 0
        with pytest.raises(DamagedChunkError):
            unpack(TABLE, Reader(packed[:-1]))


def test_varints_of_every_length_are_exact_inverses() -> None:
    """Numbers round every power of two survive, in the least number of bytes."""
    for bits in range(64):
        for value in {max(0, (1 << bits) - 1), 1 << bits, min(MOST, (1 << bits) + 1)}:
            packed = pack_varint(value)
            assert len(packed) == max(1, -(-value.bit_length() // 7))
            assert Reader(packed).varint("number") == value


def test_random_bytes_never_escape_our_error() -> None:
    """Any bytes give values that pack to the bytes that were read, or DamagedChunkError."""
    random = np.random.default_rng(1)
    read = 0
    for _ in range(3000):
        reader = Reader(
            random.bytes(int(random.integers(0, 40)))
            if random.random() < 0.5
            else random.integers(0, 3, 30, np.uint8).tobytes()
        )
        try:
            values = unpack(TABLE, reader)
        except DamagedChunkError:
            continue
        read += 1
        assert pack(TABLE, values) == bytes(reader.data[: reader.position])
    assert read > 300


def test_a_reader_checks_before_it_takes() -> None:
    """Asking for more than is left is an error that tells both numbers, whatever is asked."""
    reader = Reader(memoryview(b"abc"))
    assert bytes(reader.take(2, "start")) == b"ab"
    with pytest.raises(DamagedChunkError, match="rest is cut off: expected 2 bytes, found 1 bytes"):
        reader.take(2, "rest")
    with pytest.raises(DamagedChunkError):
        reader.take(2**63, "rest")
    assert reader.remaining == 1
