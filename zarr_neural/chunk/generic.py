"""The mode that knows no pixels: byte shuffle and zstd, or the bytes as they are."""

from typing import Any

import numpy as np
from numcodecs import zstd
from numcodecs.shuffle import Shuffle
from numpy.typing import NDArray

from zarr_neural.chunk.frames import unpack_zstd
from zarr_neural.errors import DamagedChunkError

STORED, SHUFFLED_ZSTD = range(2)
_LEVEL, _FAST_LEVEL = 7, 1
_WORTH_A_TRY = 1.08  # size at the fast level over the size to beat


def pack_generic(samples: NDArray[Any]) -> bytes:
    """The payload of C-contiguous samples: one byte that tells how, then the bytes."""
    body = zstd.compress(_shuffled(samples), _LEVEL)
    if len(body) < samples.nbytes:
        return bytes([SHUFFLED_ZSTD]) + bytes(body)
    return bytes([STORED]) + samples.tobytes()


def may_beat(samples: NDArray[Any], nbytes: int) -> bool:
    """Whether `pack_generic` of samples is worth a try against ``nbytes``, judged by its fastest level."""
    fast = min(samples.nbytes, len(zstd.compress(_shuffled(samples), _FAST_LEVEL)))
    return fast < _WORTH_A_TRY * nbytes


def unpack_generic(payload: memoryview, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """``count`` samples of ``dtype`` (little endian).

    Raises
    ------
    DamagedChunkError
        If the payload does not hold exactly those.
    """
    nbytes = count * dtype.itemsize
    how, body = payload[0] if len(payload) else None, payload[1:]
    if how == STORED:
        if len(body) != nbytes:
            raise DamagedChunkError(
                "stored samples have another size", expected=f"{nbytes} bytes", found=f"{len(body)} bytes"
            )
        return np.frombuffer(body, dtype).copy()
    if how == SHUFFLED_ZSTD:
        shuffled = unpack_zstd(body, nbytes, "the payload")
        if dtype.itemsize > 1:
            shuffled = np.frombuffer(Shuffle(dtype.itemsize).decode(shuffled), np.uint8)
        return shuffled.view(dtype)
    raise DamagedChunkError("the generic payload is of no known kind", expected=(STORED, SHUFFLED_ZSTD), found=how)


def _shuffled(samples: NDArray[Any]) -> Any:
    flat = np.ascontiguousarray(samples).reshape(-1)
    return Shuffle(flat.itemsize).encode(flat) if flat.itemsize > 1 else flat.view(np.uint8)
