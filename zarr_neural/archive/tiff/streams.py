"""Compressed streams that end before their pixels, where the decoder fills in what is missing without a word."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

_LZW = 5
_JPEG = frozenset((6, 7, 33007, 34892))
_JPEG_XR = frozenset((22610, 34934))
_END_OF_IMAGE = b"\xff\xd9"  # cannot occur among coded pixels, where a zero follows each 0xff
_IMAGE_OFFSET, _IMAGE_NBYTES = 0xBCC0, 0xBCC1


def is_cut(data: bytearray, compression: int, decode: Callable[[bytearray], Any]) -> bool:
    """Return whether the stream of a strip or tile lacks its end, for those compressions whose decoders do not say so.

    Parameters
    ----------
    data : bytearray
        The stream as it lies in the file; what follows its end does not matter.
    compression : int
        As the TIFF names it.
    decode : callable
        Returns the pixels of a stream.
    """
    if compression in _JPEG:
        return data.rfind(_END_OF_IMAGE) < 0
    if compression in _JPEG_XR:
        return _jpeg_xr_nbytes(data) > len(data)
    return compression == _LZW and not _has_lzw_end(data) and _depends_on_what_follows(data, decode)


def _has_lzw_end(data: bytearray) -> bool:
    """Whether the last code is the end of information, 257, before bits that are zero."""
    last = int.from_bytes(data.rstrip(b"\0")[-4:], "big")
    return bool(last) and (last // (last & -last)) & 0x1FF == 257


def _depends_on_what_follows(data: bytearray, decode: Callable[[bytearray], Any]) -> bool:
    """Whether a code was cut: its missing bits then come from the bytes that happen to follow, or from nowhere."""
    try:
        pixels = decode(data)
        return not all(np.array_equal(pixels, decode(data + more)) for more in (b"\0\0", b"\x80\0"))
    except Exception:
        return True


def _jpeg_xr_nbytes(data: bytearray) -> int:
    """The bytes that a JPEG XR file takes by its own directory, 0 where that does not say."""
    found = {_IMAGE_OFFSET: 0, _IMAGE_NBYTES: 0}
    try:
        (start,) = struct.unpack_from("<I", data, 4)
        (count,) = struct.unpack_from("<H", data, start)
        for number in range(count):
            tag, _, _, value = struct.unpack_from("<HHII", data, start + 2 + 12 * number)
            if tag in found:
                found[tag] = value
    except struct.error:
        return 0
    return sum(found.values())
