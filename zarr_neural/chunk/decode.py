"""Chunk -> array: every length and checksum is proven before a sample is handed out."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import models
from zarr_neural.bitstream import Reader, crc32c
from zarr_neural.chunk import quantise
from zarr_neural.chunk.generic import unpack_generic
from zarr_neural.chunk.header import CONSTANT, GENERIC, LIMIT_VARIABLE, TRANSFORM, Header, limit_nbytes, unpack_header
from zarr_neural.chunk.mean_error import decode_at_mean_error
from zarr_neural.chunk.plane import decode_plane
from zarr_neural.errors import DamagedChunkError, ModelNotFoundError


def decode_chunk(
    data: bytes | memoryview,
    model_ids: Iterable[str] = (),
    expected: tuple[tuple[int, ...], np.dtype[Any]] | None = None,
) -> NDArray[Any]:
    """The array of a chunk: a new one, with the shape, dtype, byte order and memory order that was encoded.

    Parameters
    ----------
    data : bytes or memoryview of bytes
    model_ids : iterable of str
        SHA-256 of the models that the chunk may name; the shipped ones are known besides.
    expected : (shape, dtype), optional
        What the array around it says; a chunk of anything else is refused before memory is taken. Byte order is free.

    Raises
    ------
    DamagedChunkError
        If the bytes are not a whole chunk of this version, or decode to other samples than were encoded.
    ModelNotFoundError
        If no model of the name in the chunk is to be found.
    """
    header, payload = unpack_header(data)
    if expected is not None and (header.shape, header.working_dtype) != (expected[0], expected[1].newbyteorder("=")):
        raise DamagedChunkError(
            "the chunk does not belong to this array",
            expected=f"{expected[0]} {expected[1]}",
            found=f"{header.shape} {header.dtype}",
        )
    nbytes = math.prod(header.shape) * header.dtype.itemsize
    if expected is None and nbytes > limit_nbytes():
        raise DamagedChunkError(
            f"the chunk claims to hold more than the limit; if it is sound, raise the limit with {LIMIT_VARIABLE}",
            expected=f"at most {limit_nbytes()} bytes",
            found=f"{nbytes} bytes of shape {header.shape}",
        )
    quantiser = quantise.from_header(header.quantiser, header.parameters, header.dtype)
    if header.mode == CONSTANT:
        decoded = _constant(header, payload)
    elif header.mode == GENERIC:
        count, height, width = header.planes
        decoded = unpack_generic(payload, count * height * width, header.working_dtype, quantiser)
    else:
        decoded = _by_networks(header, quantiser, payload, model_ids)
    little_bytes = np.ascontiguousarray(decoded, header.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    if (found := crc32c(little_bytes)) != header.samples_crc:
        raise DamagedChunkError(
            "the decoded samples are not those that were encoded",
            expected=f"{header.samples_crc:08x}",
            found=f"{found:08x}",
        )
    return np.asarray(decoded.reshape(header.shape), header.dtype, order="F" if header.fortran else "C")


def _constant(header: Header, payload: memoryview) -> NDArray[Any]:
    if len(payload) != header.dtype.itemsize:
        raise DamagedChunkError("a constant chunk has one sample", expected=header.dtype.itemsize, found=len(payload))
    value = np.frombuffer(payload, header.dtype.newbyteorder("<"))
    return np.full(header.planes, value[0].astype(header.working_dtype), header.working_dtype)


def _by_networks(
    header: Header, quantiser: quantise.Quantiser, payload: memoryview, model_ids: Iterable[str]
) -> NDArray[Any]:
    if header.dtype.kind not in "iuf":
        raise DamagedChunkError("only integers and floats are coded by networks", found=header.dtype)
    if (header.dtype.kind == "f") != (quantiser.kind == quantise.FLOAT_STEP):
        raise DamagedChunkError(f"quantiser {quantiser.kind} is not for {header.dtype}")
    reader = Reader(payload)
    decoded = np.empty(header.planes, header.working_dtype)
    named = _full_id(header.model, model_ids)
    if header.mode == TRANSFORM:
        decode_at_mean_error(reader, quantiser, named, lambda prefix: _full_id(prefix, model_ids), decoded)
    else:
        model = models.load_lossless(named)
        for plane in decoded:
            decode_plane(model, quantiser, reader, plane)
    if reader.remaining:
        raise DamagedChunkError("bytes are left after the last plane", expected=0, found=reader.remaining)
    return decoded


def _full_id(prefix: bytes, model_ids: Iterable[str]) -> str:
    known = [*model_ids, *models.shipped()]
    for model_id in known:
        if model_id.startswith(prefix.hex()):
            return model_id
    raise ModelNotFoundError(f"whose SHA-256 begins with {prefix.hex()}", [f"model {model_id}" for model_id in known])
