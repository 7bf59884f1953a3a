"""Array -> chunk: the smallest of the modes that keep the promise."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream import crc32c
from zarr_neural.chunk import quantise
from zarr_neural.chunk.candidates import little_bytes, smallest
from zarr_neural.chunk.decode import decode_chunk
from zarr_neural.chunk.fidelity import Fidelity
from zarr_neural.chunk.header import (
    CONSTANT,
    DTYPES,
    LIMIT_VARIABLE,
    MAX_CHUNK_NBYTES,
    MAX_DIMENSIONS,
    MODEL_PREFIX_NBYTES,
    NETWORKS,
    TRANSFORM,
    Header,
    limit_nbytes,
    pack_header,
    plane_shape,
)
from zarr_neural.chunk.mean_error import root_mean_square_error
from zarr_neural.chunk.names import hardly_varies, holds_names
from zarr_neural.chunk.quantise import Quantiser
from zarr_neural.errors import BoundError, UnsupportedInputError


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
        Samples that are names (labels, masks, indices of a palette) are coded without loss whatever is allowed,
        and so are chunks that hardly vary, of which too little is seen to tell.
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
    fidelity.check_dtype(array.dtype)
    kept = Fidelity() if not fidelity.lossless and (hardly_varies(planes) or holds_names(planes)) else fidelity
    mode, quantiser, payload, decoded = smallest(planes, kept, model_id, lossy_id)
    if fidelity.rmse is not None:
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
        model=bytes.fromhex({NETWORKS: model_id, TRANSFORM: lossy_id or ""}.get(mode, ""))[:MODEL_PREFIX_NBYTES],
        payload_nbytes=len(payload),
        payload_crc=crc32c(payload),
        samples_crc=crc32c(little_bytes(decoded)),
    )
    data = pack_header(header) + payload
    if verify and not np.array_equal(
        little_bytes(decode_chunk(data, tuple(i for i in (model_id, lossy_id) if i))), little_bytes(decoded)
    ):
        raise BoundError("decoding the chunk that was just encoded did not give what was promised")
    return data


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Raise `UnsupportedInputError` unless a dtype has a code in the header."""
    if dtype.kind not in "biufc" or dtype.newbyteorder("<").str not in DTYPES:
        raise UnsupportedInputError(
            f"arrays of dtype {dtype} cannot be coded; the possible dtypes are {', '.join(DTYPES)}"
        )


def _check(array: NDArray[Any]) -> None:
    check_dtype(array.dtype)
    if array.ndim == 1:
        raise UnsupportedInputError(
            f"chunks must have two or more axes (..., Y, X), not the shape {array.shape}; a filter in front of "
            "the codec may have flattened the chunk: remove the filters"
        )
    if not 2 <= array.ndim <= MAX_DIMENSIONS:
        raise UnsupportedInputError(f"chunks must have 2 to {MAX_DIMENSIONS} axes (..., Y, X), not {array.ndim}")
    if array.size == 0:
        raise UnsupportedInputError(f"an array of shape {array.shape} holds nothing to encode")
    if array.nbytes > MAX_CHUNK_NBYTES:
        raise UnsupportedInputError(
            f"a chunk may hold up to {MAX_CHUNK_NBYTES} bytes, not {array.nbytes}: use smaller chunks"
        )
    if array.nbytes > limit_nbytes():
        raise UnsupportedInputError(
            f"a chunk of {array.nbytes} bytes exceeds the limit of {limit_nbytes()}: use smaller chunks, or set "
            f"{LIMIT_VARIABLE} here and wherever the chunk is read"
        )


def _check_bound(planes: NDArray[Any], decoded: NDArray[Any], bound: float) -> None:
    worst: float = 0
    for plane, other in zip(planes, decoded, strict=True):
        wide = np.float64 if plane.dtype.kind == "f" else np.int32
        error = np.abs(plane.astype(wide) - other.astype(wide))
        if plane.dtype.kind == "f":  # a margin of NaN comes back as it was
            error[np.isnan(plane) & np.isnan(other)] = 0
        worst = max(worst, error.max())
    if not worst <= bound or math.isnan(worst):
        raise BoundError(f"the error would be {worst}, but at most {bound} was promised")


def _check_mean_error(planes: NDArray[Any], decoded: NDArray[Any], rmse: float) -> None:
    found = root_mean_square_error(planes, decoded)
    if not found <= rmse * (1 + 1e-9):
        raise BoundError(f"the root mean square error would be {found:g}, but at most {rmse:g} was promised")


def _check_intervals(planes: NDArray[Any], decoded: NDArray[Any], quantiser: Quantiser) -> None:
    for plane, other in zip(planes, decoded, strict=True):
        if not np.array_equal(quantiser.levels(plane), quantiser.levels(other)):
            raise BoundError("a sample would decode to a different noise step from its own")
