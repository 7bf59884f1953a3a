"""The bytes of a chunk of a research codec: what its decoder must know, and checksums of its bytes and samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream import Field, Reader, crc32c, pack, unpack
from zarr_neural.errors import DamagedChunkError, MismatchError, UnsupportedInputError

MAGIC = b"\x93ZZ1"
DTYPES = ("<u1", "<u2", "<i1", "<i2", "<f4")
"""Sample types, by their number in the header; big-endian arrays are stored as little-endian ones."""
MAX_NBYTES = 2**32
"""Largest chunk, in bytes of its samples."""
MOST_AXES = 8

FIELDS = (
    Field("magic", "bytes", 4),
    Field("identity", "fixed", 4, most=2**32 - 1),
    Field("dtype", "fixed", 1, most=len(DTYPES) - 1),
    Field("shape", "varints", MOST_AXES, least=1, most=2**32),
    Field("parameters", "varints", 64),
    Field("payload_crc", "fixed", 4, most=2**32 - 1),
    Field("decoded_crc", "fixed", 4, most=2**32 - 1),
    Field("payload_nbytes", "varint", most=2**40),
)
"""Header fields in order; the payload follows them and ends the chunk."""
CHECKED = FIELDS[2:5]
"""What the payload's checksum covers too: a decoder in C must never be handed a shape that was altered."""


@dataclass(frozen=True)
class Stream:
    """A chunk taken apart.

    Attributes
    ----------
    codec
        What the codec is called in errors.
    dtype, shape
        Of the samples.
    parameters
        Unsigned integers that the codec stored for itself.
    payload
        Its bytes, whose checksum, and that of what stands above, was found right.
    decoded_crc
        CRC-32C of the samples that the encoder decoded, C-contiguous and little-endian.
    """

    codec: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    parameters: tuple[int, ...]
    payload: bytes
    decoded_crc: int

    def checked(self, decoded: NDArray[Any]) -> NDArray[Any]:
        """Return `decoded` where it is what the encoder saw.

        Raises
        ------
        MismatchError
            If this machine decodes to other samples than the encoder's.
        """
        found = _samples_crc(decoded)
        if decoded.shape != self.shape or decoded.dtype != self.dtype or found != self.decoded_crc:
            raise MismatchError(self.codec, expected=self.decoded_crc, found=found)
        return decoded


def pack_stream(codec: str, decoded: NDArray[Any], payload: bytes, parameters: Sequence[int] = ()) -> bytes:
    """Return the bytes of a chunk.

    Parameters
    ----------
    codec : str
        All that a decoder must have in common with the encoder: name, settings, hash of the weights. Four bytes of
        its checksum are stored.
    decoded : (..., Y, X) ndarray
        What the payload decodes to on this machine, of the dtype and shape of the chunk.
    payload : bytes
    parameters : sequence of int
        At most 64 unsigned integers.

    Raises
    ------
    UnsupportedInputError
        If the dtype is none of `DTYPES`.
    """
    values = {
        "magic": MAGIC,
        "identity": crc32c(codec.encode()),
        "dtype": dtype_number(decoded.dtype),
        "shape": decoded.shape,
        "parameters": tuple(parameters),
        "decoded_crc": _samples_crc(decoded),
        "payload_nbytes": len(payload),
    }
    values["payload_crc"] = crc32c(pack(CHECKED, values) + payload)
    return pack(FIELDS, values) + payload


def dtype_number(dtype: np.dtype[Any]) -> int:
    """Return the number of a sample type in the header.

    Raises
    ------
    UnsupportedInputError
        If it is none of `DTYPES`.
    """
    kind = dtype.newbyteorder("<").str.replace("|", "<")
    if kind not in DTYPES:
        raise UnsupportedInputError(f"dtype {dtype} is not taken; there are: {', '.join(DTYPES)}")
    return DTYPES.index(kind)


def unpack_stream(codec: str, data: bytes | memoryview) -> Stream:
    """Return a chunk taken apart, its checksum verified.

    Raises
    ------
    DamagedChunkError
        If the bytes are not a whole chunk of this codec with these settings and weights.
    """
    reader = Reader(data)
    values = unpack(FIELDS, reader)
    if values["magic"] != MAGIC:
        raise DamagedChunkError("not a chunk of a research codec", expected=MAGIC, found=values["magic"])
    if values["identity"] != crc32c(codec.encode()):
        raise DamagedChunkError(f"the chunk was written with other settings or weights than {codec}")
    dtype = np.dtype(DTYPES[values["dtype"]])
    shape = tuple(values["shape"])
    if math.prod(shape) * dtype.itemsize > MAX_NBYTES:
        raise DamagedChunkError("the chunk is too large", expected=f"at most {MAX_NBYTES} bytes", found=shape)
    payload = bytes(reader.take(values["payload_nbytes"], "payload"))
    if reader.remaining:
        raise DamagedChunkError("bytes follow the chunk", expected=0, found=reader.remaining)
    found = crc32c(pack(CHECKED, values) + payload)
    if found != values["payload_crc"]:
        raise DamagedChunkError("checksum of the payload", expected=values["payload_crc"], found=found)
    return Stream(codec, dtype, shape, tuple(values["parameters"]), payload, values["decoded_crc"])


def _samples_crc(samples: NDArray[Any]) -> int:
    little = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    return crc32c(little.reshape(-1).view(np.uint8))
