"""Header fields as data: one table that the writer and the reader both walk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zarr_neural.bitstream.reader import Reader, pack_varint
from zarr_neural.errors import DamagedChunkError

Kind = Literal["fixed", "varint", "signed", "varints", "bytes"]
Values = Mapping[str, Any]


def _always(_: Values) -> bool:
    return True


@dataclass(frozen=True)
class Field:
    """One field of a header.

    Parameters
    ----------
    name : str
    kind : {"fixed", "varint", "signed", "varints", "bytes"}
        ``fixed``: unsigned, ``nbytes`` bytes, little endian. ``varint``: unsigned LEB128. ``signed``: zigzag LEB128.
        ``varints``: a count in one byte, then as many LEB128 integers. ``bytes``: ``nbytes`` bytes as they are.
    nbytes : int
        Size of ``fixed`` and ``bytes``.
    least, most : int
        Allowed range of the value (of each value; for ``varints`` the count is at most ``nbytes``).
    when : callable
        Says from the fields before it whether this field is there.
    """

    name: str
    kind: Kind
    nbytes: int = 0
    least: int = 0
    most: int = 2**64 - 1
    when: Callable[[Values], bool] = _always

    def _check(self, value: int) -> int:
        if not self.least <= value <= self.most:
            raise DamagedChunkError(
                f"header field {self.name!r} is out of range", expected=f"{self.least} to {self.most}", found=value
            )
        return value

    def pack(self, value: Any) -> bytes:
        """The bytes of this field for a value."""
        if self.kind == "bytes":
            return bytes(value)
        if self.kind == "varints":
            return bytes([len(value)]) + b"".join(pack_varint(self._check(v)) for v in value)
        self._check(value)
        if self.kind == "fixed":
            return int(value).to_bytes(self.nbytes, "little")
        return pack_varint(value if self.kind == "varint" else zigzag(value))

    def unpack(self, reader: Reader) -> Any:
        """The value of this field, taken from a reader."""
        what = f"header field {self.name!r}"
        if self.kind == "bytes":
            return bytes(reader.take(self.nbytes, what))
        if self.kind == "fixed":
            return self._check(reader.unsigned(self.nbytes, what))
        if self.kind == "varints":
            count = reader.unsigned(1, what)
            if count > self.nbytes:
                raise DamagedChunkError(f"{what} has too many entries", expected=f"at most {self.nbytes}", found=count)
            return tuple(self._check(reader.varint(what)) for _ in range(count))
        value = reader.varint(what)
        return self._check(value if self.kind == "varint" else unzigzag(value))


def zigzag(value: int) -> int:
    """A signed integer as an unsigned one: 0, -1, 1, -2, ... become 0, 1, 2, 3, ..."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def unzigzag(value: int) -> int:
    """The inverse of `zigzag`."""
    return (value >> 1) ^ -(value & 1)


def pack(fields: Sequence[Field], values: Values) -> bytes:
    """The bytes of a table of fields; the inverse of `unpack`."""
    return b"".join(f.pack(values[f.name]) for f in fields if f.when(values))


def unpack(fields: Sequence[Field], reader: Reader) -> dict[str, Any]:
    """The values of a table of fields.

    Raises
    ------
    DamagedChunkError
        Where the bytes end too early or a value is out of its range.
    """
    values: dict[str, Any] = {}
    for f in fields:
        if f.when(values):
            values[f.name] = f.unpack(reader)
    return values
