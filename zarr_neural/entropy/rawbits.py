"""Raw bits: what tables cannot shorten. Bits fill each byte from the lowest upwards; numbers come low bit first."""

from zarr_neural.errors import DamagedChunkError

GOLOMB_ORDER = 2
GOLOMB_LONGEST = 24  # no escape of a 16-bit sample needs more


class RawWriter:
    """Collects bits; `finish` fills up the last byte with zeros."""

    def __init__(self) -> None:
        self._held = 0
        self._used = 0

    def put(self, value: int, count: int) -> None:
        """Append the `count` low bits of a number (of its two's complement, where it is negative)."""
        self._held |= (value & ((1 << count) - 1)) << self._used
        self._used += count

    def put_golomb(self, value: int) -> None:
        """Append a number >= 0 as an exponential Golomb code of order 2: 3 bits for 0..3, 5 for 4..11, and so on."""
        bits = GOLOMB_ORDER
        while value >= 1 << bits:
            value -= 1 << bits
            bits += 1
            self.put(1, 1)
        self.put(0, 1)
        self.put(value, bits)

    def finish(self) -> bytes:
        """Return all bytes."""
        return self._held.to_bytes((self._used + 7) // 8, "little")


class RawReader:
    """Reads what `RawWriter` wrote; asks for no bit that is not there.

    Parameters
    ----------
    data : bytes
        The raw section, whole.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def get(self, count: int) -> int:
        """Return the next `count` bits as a number.

        Raises
        ------
        DamagedChunkError
            The section ends before.
        """
        end = self._at + count
        if end > 8 * len(self._data):
            raise DamagedChunkError("the raw bits end before the pixels do")
        window = int.from_bytes(self._data[self._at >> 3 : (end + 7) >> 3], "little")
        value = window >> (self._at & 7) & ((1 << count) - 1)
        self._at = end
        return value

    def get_golomb(self) -> int:
        """Return the next number that `put_golomb` wrote.

        Raises
        ------
        DamagedChunkError
            The section ends before, or the code is longer than any value needs.
        """
        bits = GOLOMB_ORDER
        base = 0
        while self.get(1) == 1:
            if bits == GOLOMB_LONGEST:
                raise DamagedChunkError("an escape code is longer than any value needs")
            base += 1 << bits
            bits += 1
        return base + self.get(bits)

    def check_end(self) -> None:
        """Raise DamagedChunkError unless fewer than eight bits are left and all of them are zero."""
        left = 8 * len(self._data) - self._at
        if left >= 8 or (left > 0 and self.get(left) != 0):
            raise DamagedChunkError("the raw bits do not end where the pixels do")
