"""The payload of a chunk whose codec knows 2D planes alone: an index, then one stream for each plane.

The index has one LEB128 integer a plane: four times the number of bytes of its stream, plus how it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream.reader import Reader, pack_varint
from zarr_neural.errors import DamagedChunkError

Image = NDArray[Any]

CODED, STORED, CONSTANT = range(3)
"""How a plane is kept: the codec's stream; its samples, where the stream would be no smaller; its one value."""


def bits(samples: Image) -> Image:
    """Return samples as unsigned integers of their bits: not-a-numbers and zeros compare too."""
    return samples.view(f"u{samples.dtype.itemsize}")


def pack_planes(planes: Image, encode: Callable[[int], bytes | bytearray]) -> bytes:
    """Return the payload of planes.

    Parameters
    ----------
    planes : (N, Y, X) ndarray
        Little-endian.
    encode : callable
        Returns the codec's stream of the plane of an index.
    """
    index, streams = bytearray(), []
    for i, plane in enumerate(planes):
        same = bits(plane)
        if np.all(same == same[0, 0]):
            kept, stream = CONSTANT, plane[0, 0].tobytes()
        else:
            kept, stream = CODED, bytes(encode(i))
            if len(stream) >= plane.nbytes:
                kept, stream = STORED, plane.tobytes()
        index += pack_varint(4 * len(stream) + kept)
        streams.append(stream)
    return bytes(index) + b"".join(streams)


def unpack_planes(
    payload: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any], decode: Callable[[bytes], Image]
) -> Image:
    """Return the planes of a payload; the inverse of `pack_planes`, but for what the codec loses.

    Parameters
    ----------
    payload : bytes
    shape : (N, Y, X)
    dtype : numpy.dtype
    decode : callable
        Returns the plane in a stream of the codec.

    Raises
    ------
    DamagedChunkError
        If the index does not fit the payload or a plane the shape.
    """
    reader = Reader(payload)
    index = [reader.varint("index of planes") for _ in range(shape[0])]
    planes = np.empty(shape, dtype)
    for plane, entry in zip(planes, index, strict=True):
        stream = bytes(reader.take(entry >> 2, "stream of a plane"))
        kept = entry & 3
        if kept == CODED:
            plane[...] = _checked(decode(stream), plane)
        elif kept == STORED and len(stream) == plane.nbytes:
            plane[...] = np.frombuffer(stream, dtype).reshape(plane.shape)
        elif kept == CONSTANT and len(stream) == dtype.itemsize:
            plane[...] = np.frombuffer(stream, dtype)[0]
        else:
            raise DamagedChunkError("index of planes", expected="coded, stored or constant", found=(kept, len(stream)))
    if reader.remaining:
        raise DamagedChunkError("bytes follow the planes", expected=0, found=reader.remaining)
    return planes


def _checked(decoded: Image, plane: Image) -> Image:
    if decoded.shape != plane.shape or decoded.dtype != plane.dtype:
        raise DamagedChunkError(
            "decoded plane", expected=f"{plane.dtype} {plane.shape}", found=f"{decoded.dtype} {decoded.shape}"
        )
    return decoded
