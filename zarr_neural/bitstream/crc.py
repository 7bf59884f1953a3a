"""CRC-32C (Castagnoli), the checksum of every section."""

import numpy as np
from numpy.typing import NDArray

from zarr_neural import _native


def crc32c(data: bytes | memoryview | NDArray[np.uint8], crc: int = 0) -> int:
    """CRC-32C of the bytes of a C-contiguous buffer, continuing from ``crc``.

    Source: RFC 3720, appendix B.4 (polynomial 0x1EDC6F41, reflected).
    """
    return int(_native.crc32c(np.frombuffer(data, np.uint8), crc))
