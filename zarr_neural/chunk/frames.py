"""zstd frames of a size that is known beforehand."""

import numpy as np
from numcodecs import zstd
from numpy.typing import NDArray

from zarr_neural.bitstream import Reader
from zarr_neural.errors import DamagedChunkError

_MAGIC = 0xFD2FB528
_DICTIONARY_NBYTES = (0, 1, 2, 4)


def unpack_zstd(data: memoryview, nbytes: int, what: str) -> NDArray[np.uint8]:
    """The ``nbytes`` bytes of a frame that announces exactly so many; more are never allocated.

    Raises
    ------
    DamagedChunkError
        If the frame announces another size, or none, or does not decompress to it.
    """
    announced = _announced_nbytes(Reader(data), what)
    if announced != nbytes:
        raise DamagedChunkError(f"{what} has another size", expected=f"{nbytes} bytes", found=f"{announced} bytes")
    out = np.zeros(nbytes, np.uint8)
    try:
        zstd.decompress(bytes(data), out)
    except (RuntimeError, ValueError) as error:
        raise DamagedChunkError(f"{what} does not decompress to {nbytes} bytes: {error}") from error
    return out


def _announced_nbytes(reader: Reader, what: str) -> int | None:
    """Content size in a frame's header (RFC 8878, section 3.1.1.1)."""
    magic = reader.unsigned(4, what)
    if magic != _MAGIC:
        raise DamagedChunkError(f"{what} is no zstd frame", expected=f"{_MAGIC:08x}", found=f"{magic:08x}")
    descriptor = reader.unsigned(1, what)
    single_segment = bool(descriptor & 32)
    reader.take((0 if single_segment else 1) + _DICTIONARY_NBYTES[descriptor & 3], what)
    size_nbytes = (int(single_segment), 2, 4, 8)[descriptor >> 6]
    if size_nbytes == 0:
        return None
    return reader.unsigned(size_nbytes, what) + (256 if size_nbytes == 2 else 0)
