"""The container's header: one table of fields, and the checks that hold between them."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zarr_neural.bitstream import Field, Reader, crc32c, pack, unpack
from zarr_neural.errors import ConfigurationError, DamagedChunkError

MAGIC = b"\x89ZNC"
VERSION = 1
CONSTANT, GENERIC, NETWORKS, TRANSFORM = range(4)
MODE_NAMES = {CONSTANT: "constant", GENERIC: "generic", NETWORKS: "networks", TRANSFORM: "transform"}
MODEL_PREFIX_NBYTES = 8
MAX_DIMENSIONS = 32
MAX_CHUNK_NBYTES = 2**31 - 1
LIMIT_VARIABLE = "ZARR_NEURAL_MAX_CHUNK_NBYTES"
DEFAULT_LIMIT_NBYTES = 2**29
# Position in this list is the dtype's code in the header; entries are added at the end only.
DTYPES = ("|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8", "<c8", "<c16")
BIG_ENDIAN, FORTRAN = 1, 2  # bits of `layout`


def _has_model(values: Mapping[str, Any]) -> bool:
    return bool(values["mode"] in (NETWORKS, TRANSFORM))


HEADER = (
    Field("mode", "fixed", 1, most=TRANSFORM),
    Field("dtype", "fixed", 1, most=len(DTYPES) - 1),
    Field("layout", "fixed", 1, most=BIG_ENDIAN | FORTRAN),
    Field("shape", "varints", MAX_DIMENSIONS, least=1, most=MAX_CHUNK_NBYTES),
    Field("quantiser", "fixed", 1, most=3),
    Field("parameters", "varints", 5),
    Field("model", "bytes", MODEL_PREFIX_NBYTES, when=_has_model),
    Field("payload_nbytes", "varint"),
    Field("payload_crc", "fixed", 4),
    Field("samples_crc", "fixed", 4),
)


@dataclass(frozen=True)
class Header:
    """What a chunk says about itself.

    Attributes
    ----------
    mode : int
        `CONSTANT`, `GENERIC`, `NETWORKS` or `TRANSFORM`.
    dtype : numpy.dtype
        Of the decoded array, byte order included.
    fortran : bool
        Whether the decoded array is laid out in Fortran order.
    shape : tuple of int
    quantiser : int
        Kind of quantiser, see `zarr_neural.chunk.quantise`.
    parameters : tuple of int
        Of the quantiser.
    model : bytes
        First bytes of the SHA-256 of the model, or nothing.
    payload_nbytes, payload_crc, samples_crc : int
        The CRCs are CRC-32C, of the payload and of the decoded samples as little-endian bytes in C order.
    """

    mode: int
    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    quantiser: int
    parameters: tuple[int, ...]
    model: bytes
    payload_nbytes: int
    payload_crc: int
    samples_crc: int

    @property
    def planes(self) -> tuple[int, int, int]:
        """Number, height and width of the planes that the array is coded as."""
        return plane_shape(self.shape)

    @property
    def working_dtype(self) -> np.dtype[Any]:
        """The dtype in native byte order."""
        return self.dtype.newbyteorder("=")


def limit_nbytes() -> int:
    """The most bytes that a chunk may decode to here: 512 MiB, or what $ZARR_NEURAL_MAX_CHUNK_NBYTES says.

    A chunk says itself how large it is, in 31 bytes if it likes, and Zarr v2 does not tell a codec what it expects.

    Raises
    ------
    ConfigurationError
        If the variable holds no whole number.
    """
    given = os.environ.get(LIMIT_VARIABLE)
    if given is None:
        return DEFAULT_LIMIT_NBYTES
    if not given.isdigit():
        raise ConfigurationError(f"{LIMIT_VARIABLE} must be a whole number of bytes, not {given!r}")
    return min(int(given), MAX_CHUNK_NBYTES)


def plane_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Number, height and width of the planes of an array: its last two axes longer than one span a plane."""
    height, width = [1, 1, *(n for n in shape if n > 1)][-2:]
    return math.prod(shape) // (height * width), height, width


def pack_header(header: Header) -> bytes:
    """Magic, version, fields, and the CRC-32C of all of them."""
    little = header.dtype.newbyteorder("<").str
    values = {
        **vars(header),
        "dtype": DTYPES.index(little),
        "layout": (BIG_ENDIAN if header.dtype != np.dtype(little) else 0) | (FORTRAN if header.fortran else 0),
    }
    data = MAGIC + bytes([VERSION]) + pack(HEADER, values)
    return data + crc32c(data).to_bytes(4, "little")


def unpack_header(data: bytes | memoryview) -> tuple[Header, memoryview]:
    """The header of a chunk and its payload, lengths and both checksums proven.

    Raises
    ------
    DamagedChunkError
        If the bytes are not a whole chunk of this version.
    """
    reader = Reader(data)
    if reader.remaining == 0:
        raise DamagedChunkError("the chunk is empty")
    magic = bytes(reader.take(min(len(MAGIC), reader.remaining), "the magic"))
    if magic != MAGIC:
        raise DamagedChunkError("this is not a chunk of zarr_neural", expected=MAGIC, found=magic)
    version = reader.unsigned(1, "the version")
    if version != VERSION:
        raise DamagedChunkError("the chunk has another format version", expected=VERSION, found=version)
    values = unpack(HEADER, reader)
    end = reader.position
    found, stored = crc32c(reader.data[:end]), reader.unsigned(4, "the checksum of the header")
    if found != stored:
        raise DamagedChunkError(
            "the checksum of the header does not fit", expected=f"{stored:08x}", found=f"{found:08x}"
        )
    little = np.dtype(DTYPES[values["dtype"]])
    shape = values["shape"]
    if len(shape) < 2 or math.prod(shape) * little.itemsize > MAX_CHUNK_NBYTES:
        raise DamagedChunkError("the shape is impossible", expected="two or more axes, below 2 GiB", found=shape)
    if reader.remaining != values["payload_nbytes"]:
        raise DamagedChunkError(
            "the payload has another length",
            expected=f"{values['payload_nbytes']} bytes",
            found=f"{reader.remaining} bytes",
        )
    payload = reader.take(reader.remaining, "the payload")
    if (found := crc32c(payload)) != values["payload_crc"]:
        raise DamagedChunkError(
            "the checksum of the payload does not fit", expected=f"{values['payload_crc']:08x}", found=f"{found:08x}"
        )
    layout = values.pop("layout")
    values["dtype"] = little.newbyteorder(">") if layout & BIG_ENDIAN else little
    values["model"] = values.get("model", b"")
    return Header(fortran=bool(layout & FORTRAN), **values), payload
