"""The mode that knows no pixels: byte shuffle and zstd of samples or of quantised levels, or the bytes as they are."""

from typing import Any

import numpy as np
from numcodecs import zstd
from numcodecs.shuffle import Shuffle
from numpy.typing import NDArray

from zarr_neural.bitstream import Reader, unzigzag, zigzag
from zarr_neural.bitstream.reader import pack_varint
from zarr_neural.chunk.frames import unpack_zstd
from zarr_neural.chunk.quantise import IDENTITY, MAX_LEVEL, Quantiser
from zarr_neural.errors import DamagedChunkError

STORED, SHUFFLED_ZSTD, LEVELS = range(3)
_LEVEL, _FAST_LEVEL = 7, 1
_WORTH_A_TRY = 1.08  # size at the fast level over the size to beat
_REPETITIVE = 4  # times that the fast level shrinks what is tried in any case


def pack_generic(samples: NDArray[Any]) -> bytes:
    """The payload of C-contiguous samples: one byte that tells how, then the bytes."""
    body = zstd.compress(_shuffled(samples), _LEVEL)
    if len(body) < samples.nbytes:
        return bytes([SHUFFLED_ZSTD]) + bytes(body)
    return bytes([STORED]) + samples.tobytes()


def pack_levels(indices: NDArray[Any], lowest: int) -> bytes:
    """The payload of quantised samples: index 0 stands for level ``lowest``.

    Parameters
    ----------
    indices : (N, Y, X) array of uint8 or uint16
    lowest : int
    """
    head = bytes([LEVELS, indices.itemsize]) + pack_varint(zigzag(lowest))
    return head + bytes(zstd.compress(_shuffled(indices), _LEVEL))


def may_beat(samples: NDArray[Any], nbytes: int) -> bool:
    """Whether zstd is worth a try against ``nbytes``, judged by its fastest level.

    What that level shrinks to a quarter repeats so much that a slower one may find far more, and soon.
    """
    fast = min(samples.nbytes, len(zstd.compress(_shuffled(samples), _FAST_LEVEL)))
    return fast < max(_WORTH_A_TRY * nbytes, samples.nbytes / _REPETITIVE)


def unpack_generic(payload: memoryview, count: int, dtype: np.dtype[Any], quantiser: Quantiser) -> NDArray[Any]:
    """``count`` samples of ``dtype`` (native byte order).

    Raises
    ------
    DamagedChunkError
        If the payload does not hold exactly those.
    """
    nbytes = count * dtype.itemsize
    little = dtype.newbyteorder("<")
    how, body = payload[0] if len(payload) else None, payload[1:]
    if how == STORED:
        if len(body) != nbytes:
            raise DamagedChunkError(
                "stored samples have another size", expected=f"{nbytes} bytes", found=f"{len(body)} bytes"
            )
        return np.frombuffer(body, little).astype(dtype)
    if how == SHUFFLED_ZSTD:
        return _unshuffled(body, count, little).astype(dtype, copy=False)
    if how == LEVELS:
        return _unpack_levels(Reader(body), count, dtype, quantiser)
    raise DamagedChunkError(
        "the generic payload is of no known kind", expected=(STORED, SHUFFLED_ZSTD, LEVELS), found=how
    )


def _unpack_levels(reader: Reader, count: int, dtype: np.dtype[Any], quantiser: Quantiser) -> NDArray[Any]:
    itemsize = reader.unsigned(1, "the size of an index")
    lowest = unzigzag(reader.varint("the lowest level"))
    if itemsize not in (1, 2) or abs(lowest) > MAX_LEVEL or dtype.kind not in "iuf" or quantiser.kind == IDENTITY:
        raise DamagedChunkError(
            "the quantised payload is impossible", found=(itemsize, lowest, str(dtype), quantiser.kind)
        )
    indices = _unshuffled(reader.take(reader.remaining, "the payload"), count, np.dtype(f"<u{itemsize}"))
    table = quantiser.values(np.arange(lowest, lowest + int(indices.max()) + 1), dtype)
    samples: NDArray[Any] = table[indices]
    return samples


def _unshuffled(data: memoryview, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    shuffled = unpack_zstd(data, count * dtype.itemsize, "the payload")
    if dtype.itemsize > 1:
        shuffled = np.frombuffer(Shuffle(dtype.itemsize).decode(shuffled), np.uint8)
    return shuffled.view(dtype)


def _shuffled(samples: NDArray[Any]) -> Any:
    flat = np.ascontiguousarray(samples).reshape(-1)
    return Shuffle(flat.itemsize).encode(flat) if flat.itemsize > 1 else flat.view(np.uint8)
