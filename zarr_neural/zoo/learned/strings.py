"""The payload of a chunk: the streams of its planes one behind the other, each with its length before it."""

from __future__ import annotations

from collections.abc import Sequence

from zarr_neural.bitstream import Reader, pack_varint
from zarr_neural.errors import DamagedChunkError


def pack_strings(planes: Sequence[Sequence[bytes]]) -> bytes:
    """Return the payload of planes, each of as many streams as its network has densities.

    Examples
    --------
    >>> pack_strings([[b"latents", b"z"]])
    b'\\x07latents\\x01z'
    """
    return b"".join(pack_varint(len(string)) + string for plane in planes for string in plane)


def unpack_strings(payload: bytes, planes: int, streams: int) -> list[list[bytes]]:
    """Return what `pack_strings` was given: `planes` lists of `streams` streams.

    Raises
    ------
    DamagedChunkError
        If the payload ends early, or goes on after the last stream.
    """
    reader = Reader(payload)
    found = [
        [bytes(reader.take(reader.varint("length of a stream"), "stream of a plane")) for _ in range(streams)]
        for _ in range(planes)
    ]
    if reader.remaining:
        raise DamagedChunkError("bytes follow the last stream", expected=0, found=reader.remaining)
    return found
