"""A cursor over bytes that may be damaged: every step is checked before it is made."""

from zarr_neural.errors import DamagedChunkError

MAX_VARINT_BITS = 64


class Reader:
    """Reads fields from ``data``, and raises `DamagedChunkError` where it ends too early.

    Parameters
    ----------
    data : bytes or memoryview of bytes
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = memoryview(data)
        self.position = 0

    @property
    def remaining(self) -> int:
        """Bytes that have not been read."""
        return len(self.data) - self.position

    def take(self, nbytes: int, what: str) -> memoryview:
        """The next ``nbytes`` bytes, without a copy."""
        if nbytes > self.remaining:
            raise DamagedChunkError(f"{what} is cut off", expected=f"{nbytes} bytes", found=f"{self.remaining} bytes")
        self.position += nbytes
        return self.data[self.position - nbytes : self.position]

    def unsigned(self, nbytes: int, what: str) -> int:
        """A little-endian unsigned integer of fixed size."""
        return int.from_bytes(self.take(nbytes, what), "little")

    def varint(self, what: str) -> int:
        """An unsigned integer in LEB128: seven bits a byte, lowest first, the high bit set on all but the last."""
        value = shift = 0
        while True:
            byte = self.unsigned(1, what)
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift >= MAX_VARINT_BITS:
                raise DamagedChunkError(f"{what} is longer than a 64-bit integer")
        if value >> MAX_VARINT_BITS or (shift and byte == 0):
            raise DamagedChunkError(f"{what} is not the shortest code of a 64-bit integer")
        return value


def pack_varint(value: int) -> bytes:
    """``value`` (0 <= value < 2**64) in LEB128."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
