"""Interleaved rANS and the two streams of a coded plane: symbols, given by their ranges, and raw bits.

Mirror of `native/streams.cpp`. States are 32-bit numbers that live in [2^16, 2^32); 16-bit words move in and out, so a
step moves at most one. Source: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540; interleaving: F. Giesen,
"Interleaved entropy coders", arXiv:1402.3392.
"""

from bisect import bisect_right
from collections.abc import Sequence

from zarr_neural.entropy.rawbits import RawReader, RawWriter
from zarr_neural.entropy.tables import PROB_BITS, PROB_SCALE
from zarr_neural.errors import DamagedChunkError

RANS_LOW = 1 << 16


def lane_count(pixels: int) -> int:
    """Return how many interleaved states code a plane of path L: each costs two bytes, and wide vectors want many.

    Examples
    --------
    >>> lane_count(4095), lane_count(4096), lane_count(65536)
    (1, 8, 32)
    """
    return 32 if pixels >= 65536 else 16 if pixels >= 16384 else 8 if pixels >= 4096 else 1


class RansWriter:
    """Codes blocks of symbols. Kept to the end, because rANS codes backwards.

    Parameters
    ----------
    lanes : int
        Interleaved states.

    Attributes
    ----------
    raw : RawWriter
        The raw bits.
    """

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        self._blocks: list[Sequence[tuple[int, int]]] = []
        self.raw = RawWriter()

    def put_ranges(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Append a block of symbols, each its start and its width; the first belongs to the first lane."""
        self._blocks.append(ranges)

    def finish(self) -> tuple[bytes, int]:
        """Return the payload (states, words, raw bits) and the number of bytes that states and words take."""
        state = [RANS_LOW] * self._lanes
        words = []  # last word first
        for block in reversed(self._blocks):
            for i in range(len(block) - 1, -1, -1):
                start, width = block[i]
                x = state[i % self._lanes]
                if x >= width << (32 - PROB_BITS):
                    words.append(x & 0xFFFF)
                    x >>= 16
                state[i % self._lanes] = ((x // width) << PROB_BITS) + x % width + start
        coded = b"".join(x.to_bytes(4, "little") for x in state)
        coded += b"".join(word.to_bytes(2, "little") for word in reversed(words))
        return coded + self.raw.finish(), len(coded)


class RansReader:
    """Reads the symbols that `RansWriter` coded, in their order.

    Parameters
    ----------
    lanes : int
        Interleaved states.
    payload : bytes
        The coded plane.
    words_nbytes : int
        Bytes of `payload` that hold states and words; raw bits follow.

    Attributes
    ----------
    lanes : int
    raw : RawReader
        The raw bits.

    Raises
    ------
    DamagedChunkError
        The symbol section cannot hold the states and whole words.
    """

    def __init__(self, lanes: int, payload: bytes, words_nbytes: int) -> None:
        if not 4 * lanes <= words_nbytes <= len(payload) or words_nbytes % 2 != 0:
            raise DamagedChunkError("the symbol section has an impossible length", found=words_nbytes)
        self.lanes = lanes
        self._state = [int.from_bytes(payload[4 * k : 4 * k + 4], "little") for k in range(lanes)]
        words = payload[4 * lanes : words_nbytes]
        self._words = [words[k] | words[k + 1] << 8 for k in range(0, len(words), 2)]
        self._next = 0
        self.raw = RawReader(payload[words_nbytes:])

    def symbol(self, lane: int, starts: Sequence[int]) -> int:
        """Return the next symbol of a lane, by a table whose ranges begin at `starts`, which ends with 2^14.

        Raises
        ------
        DamagedChunkError
            The words end before.
        """
        x = self._state[lane]
        slot = x & (PROB_SCALE - 1)
        index = bisect_right(starts, slot) - 1
        x = (starts[index + 1] - starts[index]) * (x >> PROB_BITS) + slot - starts[index]
        if x < RANS_LOW:
            if self._next == len(self._words):
                raise DamagedChunkError("the symbols end before the pixels do")
            x = x << 16 | self._words[self._next]
            self._next += 1
        self._state[lane] = x
        return index

    def check_end(self) -> None:
        """Raise DamagedChunkError unless both streams ended exactly here, with every state as the writer began."""
        if self._next != len(self._words):
            raise DamagedChunkError("the symbol section does not end where its symbols do")
        if any(x != RANS_LOW for x in self._state):
            raise DamagedChunkError("the entropy coder does not end in its initial state")
        self.raw.check_end()
