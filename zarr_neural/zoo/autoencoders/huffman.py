"""Canonical Huffman codes of bytes: 256 code lengths, then the bits, as the study of radiographs counts them.

Source: D. A. Huffman, "A method for the construction of minimum-redundancy codes", Proc. IRE 40 (1952); canonical order
as in RFC 1951, 3.2.2.
"""

import heapq

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import DamagedChunkError

SYMBOLS = 256
LONGEST = 57
"""Bits of the longest code: 2^32 symbols need no more than 47."""


def encode(values: NDArray[np.uint8]) -> bytes:
    """Return lengths (256 bytes), the number of unused bits in the last byte (1 byte) and the codes.

    Examples
    --------
    >>> len(encode(np.zeros(80, np.uint8))), len(encode(np.arange(256, dtype=np.uint8)))
    (267, 513)
    """
    flat = values.reshape(-1)
    lengths = _lengths(np.bincount(flat, minlength=SYMBOLS))
    codes = _codes(lengths)
    taken = lengths[flat]
    total = int(taken.sum())
    bits = np.zeros(total, np.uint8)
    ends = np.cumsum(taken)
    for place in range(int(lengths.max(initial=0))):
        has = taken > place
        bits[(ends - taken + place)[has]] = codes[flat[has]] >> (taken[has] - 1 - place) & 1
    return lengths.astype(np.uint8).tobytes() + bytes([-total % 8]) + np.packbits(bits).tobytes()


def decode(data: bytes, count: int) -> NDArray[np.uint8]:
    """Return the `count` values that `encode` wrote.

    Raises
    ------
    DamagedChunkError
        If the lengths are no code, or the bits do not end where the values do.
    """
    if len(data) < SYMBOLS + 1 or data[SYMBOLS] > 7:
        raise DamagedChunkError("the Huffman table", expected=f"at least {SYMBOLS + 1} bytes", found=len(data))
    lengths = np.frombuffer(data[:SYMBOLS], np.uint8).astype(np.int64)
    used = int((lengths > 0).sum())
    if lengths.max() > LONGEST or (used > 1 and sum(2.0 ** -int(n) for n in lengths if n) != 1) or used == 0:
        raise DamagedChunkError("the lengths of the Huffman codes are no code")
    symbols = {(int(n), int(code)): value for value, (n, code) in enumerate(zip(lengths, _codes(lengths), strict=True))}
    bits = np.unpackbits(np.frombuffer(data[SYMBOLS + 1 :], np.uint8)).tolist()
    bits = bits[: len(bits) - data[SYMBOLS]]
    values = bytearray()
    length = code = 0
    for bit in bits:
        length, code = length + 1, code << 1 | bit
        found = symbols.get((length, code))
        if found is not None:
            values.append(found)
            length = code = 0
        elif length > LONGEST:
            raise DamagedChunkError("a Huffman code that is none")
    if length or len(values) != count:
        raise DamagedChunkError("the number of Huffman codes", expected=count, found=len(values))
    return np.frombuffer(bytes(values), np.uint8)


def _lengths(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the length of the code of every symbol, 0 for those that do not occur."""
    lengths = np.zeros(SYMBOLS, np.int64)
    heap: list[tuple[int, int, tuple[int, ...]]] = [
        (int(count), value, (value,)) for value, count in enumerate(counts) if count
    ]
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    heapq.heapify(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        members = first[2] + second[2]
        lengths[list(members)] += 1
        heapq.heappush(heap, (first[0] + second[0], first[1], members))
    return lengths


def _codes(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the canonical codes: shorter ones first, among equals in the order of the symbols."""
    codes = np.zeros(SYMBOLS, np.int64)
    code = before = 0
    for value in sorted(np.flatnonzero(lengths).tolist(), key=lambda value: (lengths[value], value)):
        code <<= int(lengths[value]) - before
        before = int(lengths[value])
        codes[value] = code
        code += 1
    return codes
