"""Array -> chunk: the smallest of the modes that keep the promise."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import models
from zarr_neural.bitstream import crc32c
from zarr_neural.chunk import quantise
from zarr_neural.chunk.decode import decode_chunk
from zarr_neural.chunk.fidelity import Fidelity
from zarr_neural.chunk.generic import may_beat, pack_generic, pack_levels
from zarr_neural.chunk.header import (
    CONSTANT,
    DTYPES,
    GENERIC,
    MAX_CHUNK_NBYTES,
    MAX_DIMENSIONS,
    MODEL_PREFIX_NBYTES,
    NETWORKS,
    TRANSFORM,
    Header,
    pack_header,
    plane_shape,
)
from zarr_neural.chunk.mean_error import encode_at_mean_error, encode_within_noise
from zarr_neural.chunk.plane import NotForPathLError, encode_plane, repeats_often
from zarr_neural.chunk.quantise import NoiseSteps, Quantiser
from zarr_neural.chunk.transform import NotForPathYError
from zarr_neural.errors import BoundError, ConfigurationError, UnsupportedInputError


def encode_chunk(
    array: NDArray[Any], fidelity: Fidelity, model_id: str, lossy_id: str | None = None, *, verify: bool = True
) -> bytes:
    """The bytes of one chunk, which decode to what ``fidelity`` promises.

    Parameters
    ----------
    array : (leading axes..., Y, X) array
        Two to 32 axes, none empty; bool, integer, float or complex of any byte order; C or Fortran order is kept,
        anything else becomes C order.
    fidelity : Fidelity
    model_id : str
        SHA-256 of the lossless model to use, in hexadecimal.
    lossy_id : str, optional
        SHA-256 of the lossy model, which ``fidelity.rmse`` needs.
    verify : bool
        Decode the bytes again and compare.

    Raises
    ------
    UnsupportedInputError
        If the array is not of that kind or the fidelity makes no sense for it.
    BoundError
        If verification fails: a defect of ours, after which nothing should be written.
    ModelNotFoundError
        If no such model is to be found.
    """
    _check(array)
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    planes = native.reshape(plane_shape(array.shape))
    if fidelity.rmse is None:
        quantiser = quantise.choose(fidelity, planes)
        mode, payload, decoded = _smallest(planes, quantiser, model_id)
        if lossy_id is not None and fidelity.transforms:
            mode, quantiser, payload, decoded = _smaller_by_transform(
                planes, (mode, quantiser, payload, decoded), model_id, lossy_id
            )
    else:
        mode, quantiser, payload, decoded = _at_mean_error(planes, fidelity, model_id, lossy_id)
        _check_mean_error(planes, decoded, fidelity.rmse)
    if fidelity.max_error is not None:
        _check_bound(planes, decoded, fidelity.max_error)
    if verify and quantiser.kind == quantise.NOISE and mode not in (CONSTANT, TRANSFORM):
        _check_intervals(planes, decoded, quantiser)
    header = Header(
        mode=mode,
        dtype=array.dtype,
        fortran=bool(array.flags.f_contiguous and not array.flags.c_contiguous),
        shape=array.shape,
        quantiser=quantiser.kind,
        parameters=quantiser.parameters,
        model=bytes.fromhex(_encoder(mode, model_id, lossy_id))[:MODEL_PREFIX_NBYTES],
        payload_nbytes=len(payload),
        payload_crc=crc32c(payload),
        samples_crc=crc32c(_bytes_of(decoded)),
    )
    data = pack_header(header) + payload
    if verify and not np.array_equal(
        _bytes_of(decode_chunk(data, tuple(i for i in (model_id, lossy_id) if i))), _bytes_of(decoded)
    ):
        raise BoundError("decoding the chunk that was just encoded did not give what was promised")
    return data


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raise `UnsupportedInputError` unless a dtype has a code in the header."""
    if dtype.kind not in "biufc" or dtype.newbyteorder("<").str not in DTYPES:
        raise UnsupportedInputError(f"arrays of dtype {dtype} cannot be coded; possible are {', '.join(DTYPES)}")


def _check(array: NDArray[Any]) -> None:
    check_dtype(array.dtype)
    if array.ndim == 1:
        raise UnsupportedInputError(
            f"chunks must have two or more axes (..., Y, X), not the one of shape {array.shape}; a filter in front of "
            "the codec flattens what it hands on: remove the filters"
        )
    if not 2 <= array.ndim <= MAX_DIMENSIONS:
        raise UnsupportedInputError(f"chunks must have 2 to {MAX_DIMENSIONS} axes (..., Y, X), not {array.ndim}")
    if array.size == 0:
        raise UnsupportedInputError(f"an array of shape {array.shape} holds nothing to code")
    if array.nbytes > MAX_CHUNK_NBYTES:
        raise UnsupportedInputError(
            f"a chunk may hold up to {MAX_CHUNK_NBYTES} bytes, not {array.nbytes}: use smaller chunks"
        )


def _smallest(planes: NDArray[Any], quantiser: Quantiser, model_id: str) -> tuple[int, bytes, NDArray[Any]]:
    """Mode, payload, and the planes that it decodes to."""
    first = _bytes_of(planes[:1, :1, :1])
    if planes.size == 1 or _is_constant(planes):
        return CONSTANT, first.tobytes(), planes
    try:
        payload, decoded = _by_networks(planes, quantiser, model_id)
    except NotForPathLError:
        return GENERIC, pack_generic(_little(planes)), planes
    if quantiser.kind == quantise.IDENTITY:
        if may_beat(planes, len(payload)) and len(other := pack_generic(_little(planes))) <= len(payload):
            return GENERIC, other, planes
        return NETWORKS, payload, decoded
    indices, lowest = _indices(planes, quantiser)
    if may_beat(indices, len(payload)) and len(other := pack_levels(indices, lowest)) <= len(payload):
        table = quantiser.values(np.arange(lowest, lowest + int(indices.max()) + 1), planes.dtype)
        return GENERIC, other, table[indices]
    return NETWORKS, payload, decoded


_BLOCK = 16384  # samples
_Coded = tuple[int, Quantiser, bytes, NDArray[Any]]  # mode, quantiser, payload, and what it decodes to
_FINE_RMSE = 0.75  # grey levels below which lossless coding may be smaller


def _at_mean_error(planes: NDArray[Any], fidelity: Fidelity, model_id: str, lossy_id: str | None) -> _Coded:
    """The smaller of path Y and, where it may be small, lossless coding."""
    fidelity.check_dtype(planes.dtype)
    if lossy_id is None:
        raise ConfigurationError("coding at a mean error needs a lossy model, and none is given")
    assert fidelity.rmse is not None  # the caller has looked
    if _is_constant(planes):
        return _with_identity(planes, model_id)
    try:
        coded = (TRANSFORM, *encode_at_mean_error(planes, fidelity, model_id, lossy_id))
    except NotForPathYError:
        return _with_identity(planes, model_id)
    if planes.dtype.kind in "iu" and (fidelity.rmse < _FINE_RMSE or any(repeats_often(plane) for plane in planes)):
        return min(_with_identity(planes, model_id), coded, key=lambda c: len(c[2]))
    return coded


def _smaller_by_transform(planes: NDArray[Any], coded: _Coded, model_id: str, lossy_id: str) -> _Coded:
    """What path L made of a noise quantiser, or path Y under the same promise if that is smaller."""
    quantiser = coded[1]
    if not isinstance(quantiser, NoiseSteps) or _is_constant(planes):
        return coded
    try:
        other = (TRANSFORM, *encode_within_noise(planes, quantiser, model_id, lossy_id))
    except NotForPathYError:
        return coded
    return min(coded, other, key=lambda c: len(c[2]))


def _with_identity(planes: NDArray[Any], model_id: str) -> _Coded:
    quantiser = quantise.Identity()
    mode, payload, decoded = _smallest(planes, quantiser, model_id)
    return mode, quantiser, payload, decoded


def _encoder(mode: int, model_id: str, lossy_id: str | None) -> str:
    """The SHA-256 of the model that a mode names, or nothing."""
    return {NETWORKS: model_id, TRANSFORM: lossy_id or ""}.get(mode, "")


def _indices(planes: NDArray[Any], quantiser: Quantiser) -> tuple[NDArray[Any], int]:
    """Levels of all planes above the lowest, in as few bytes as hold them, and the lowest."""
    ends = np.array([planes.min(), planes.max()])  # levels grow with samples
    lowest, highest = (int(level) for level in quantiser.levels(ends))
    indices = np.empty(planes.shape, np.min_scalar_type(highest - lowest))
    for plane, out in zip(planes, indices, strict=True):
        out[...] = quantiser.levels(plane) - lowest
    return indices, lowest


def _by_networks(planes: NDArray[Any], quantiser: Quantiser, model_id: str) -> tuple[bytes, NDArray[Any]]:
    if planes.dtype.kind not in "iu" and quantiser.kind == quantise.IDENTITY:
        raise NotForPathLError  # bool, float and complex as they are
    model = models.load_lossless(model_id)
    records, decoded = zip(*(encode_plane(model, quantiser, plane) for plane in planes), strict=True)
    return b"".join(records), planes if quantiser.kind == quantise.IDENTITY else np.stack(decoded)


def _check_bound(planes: NDArray[Any], decoded: NDArray[Any], bound: float) -> None:
    worst: float = 0
    for plane, other in zip(planes, decoded, strict=True):
        wide = np.float64 if plane.dtype.kind == "f" else np.int32
        worst = max(worst, np.abs(plane.astype(wide) - other.astype(wide)).max())
    if not worst <= bound or math.isnan(worst):
        raise BoundError(f"the error would be {worst}, promised was at most {bound}")


def _check_mean_error(planes: NDArray[Any], decoded: NDArray[Any], rmse: float) -> None:
    total = 0.0
    rows = max(1, _BLOCK // planes.shape[2])
    for plane, other in zip(planes, decoded, strict=True):
        for i in range(0, len(plane), rows):  # blocks that stay in the cache
            error = np.subtract(plane[i : i + rows], other[i : i + rows], dtype=np.float64)
            total += float(np.square(error, out=error).sum())
    found = math.sqrt(total / planes.size)
    if not found <= rmse * (1 + 1e-9):
        raise BoundError(f"the root mean square error would be {found:g}, promised was at most {rmse:g}")


def _check_intervals(planes: NDArray[Any], decoded: NDArray[Any], quantiser: Quantiser) -> None:
    for plane, other in zip(planes, decoded, strict=True):
        if not np.array_equal(quantiser.levels(plane), quantiser.levels(other)):
            raise BoundError("a sample would decode to another step of the noise than its own")


def _is_constant(planes: NDArray[Any]) -> bool:
    """Whether all samples have the same bits."""
    words = planes.reshape(-1).view(f"u{min(planes.itemsize, 8)}").reshape(planes.size, -1)
    return all((part == words[0]).all() for part in (words[-1:], words[:4096], words))


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _bytes_of(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The samples as little-endian bytes in C order."""
    return np.ascontiguousarray(_little(array)).reshape(-1).view(np.uint8)
