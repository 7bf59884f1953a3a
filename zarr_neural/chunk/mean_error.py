"""A chunk at a stated mean error: planes by path Y, and a hard bound beside it where one is asked for or promised.

The payload begins with a byte of flags; with `HAS_RESIDUAL`, the first bytes of the SHA-256 of the lossless model that
codes the corrections, and their bound in levels. Then come the records of the planes.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import models
from zarr_neural.bitstream import Reader, pack_varint
from zarr_neural.chunk import quantise
from zarr_neural.chunk.fidelity import Fidelity
from zarr_neural.chunk.header import MODEL_PREFIX_NBYTES
from zarr_neural.chunk.margin import without_nan_margin
from zarr_neural.chunk.quantise import NoiseSteps, Quantiser
from zarr_neural.chunk.transform import NotForPathYError, Residual, decode_transform_plane, encode_transform_plane
from zarr_neural.errors import DamagedChunkError

HAS_RESIDUAL = 1
MAX_BOUND = 65535
_NOISE_FINENESS = 9  # fine steps of the transform in one of the noise
_ATTEMPTS = 5
_LARGEST_ERROR = 2.0**17  # levels, more than any two are apart
_BLOCK = 16384  # samples that stay in the cache
_FLOAT_FINENESS = 4  # levels of floats per unit of the mean error: their rounding takes half a percent of it


def encode_at_mean_error(
    planes: NDArray[Any], fidelity: Fidelity, lossless_id: str, lossy_id: str
) -> tuple[Quantiser, bytes, NDArray[Any]]:
    """Quantiser and payload of planes within a root mean square error of ``fidelity.rmse``, and what they decode to.

    Parameters
    ----------
    planes : (N, Y, X) array
        8- or 16-bit integers, or floats.
    fidelity : Fidelity
        With ``rmse``, and ``max_error`` or not.
    lossless_id, lossy_id : str
        SHA-256 of the models of corrections and transform.

    Raises
    ------
    NotForPathYError
        If a plane spans too many levels, or the error asked for is too small for the transform.
    """
    assert fidelity.rmse is not None  # the caller asks for nothing else
    quantiser, unit = _quantiser(without_nan_margin(planes), fidelity)
    # levels of floats are off by up to half a level themselves, and divided by a step that is not exact
    rounding, exact = (0.5, 1 - 2.0**-20) if planes.dtype.kind == "f" else (0, 1)
    max_mse = min(fidelity.rmse / unit, _LARGEST_ERROR) ** 2 - rounding**2 / 3
    bound = None
    if fidelity.max_error is not None:
        bound = min(math.floor(fidelity.max_error / unit * exact - rounding), MAX_BOUND)
        if bound < 0:
            raise NotForPathYError
    for _ in range(_ATTEMPTS):
        payload, decoded = _encode_planes(planes, quantiser, max_mse, bound, lossless_id, lossy_id)
        if planes.dtype.kind != "f" and bound is None:
            return quantiser, payload, decoded  # levels are samples, and a margin only lowers their mean error
        excess = root_mean_square_error(planes, decoded) / fidelity.rmse
        if excess <= 1:
            return quantiser, payload, decoded
        max_mse *= 0.995 / excess**2  # the rounding of floats was larger than even chances make it
    raise NotForPathYError


def encode_within_noise(
    planes: NDArray[Any], noise: NoiseSteps, lossless_id: str, lossy_id: str
) -> tuple[Quantiser, bytes, NDArray[Any]]:
    """Quantiser and payload of planes within half a step of a noise quantiser, and what they decode to.

    The transform works on ninths of the noise's steps, where the noise is alike at every level of intensity. Its mean
    error is that of the coarse steps, and corrections keep every sample within four fine steps.

    Parameters
    ----------
    planes : (N, Y, X) array
        8- or 16-bit integers.
    noise : NoiseSteps
        What path L would code with.
    lossless_id, lossy_id : str
        SHA-256 of the models of corrections and transform.

    Raises
    ------
    NotForPathYError
        If the noise is too faint to divide its steps, or a sample would not keep the promise.
    """
    q, *rest = noise.parameters
    fine = NoiseSteps((q // _NOISE_FINENESS, *rest))
    if fine.parameters[0] < 1:
        raise NotForPathYError
    max_mse = _NOISE_FINENESS**2 / 12
    payload, decoded = _encode_planes(planes, fine, max_mse, _NOISE_FINENESS // 2, lossless_id, lossy_id)
    for plane, other in zip(planes, decoded, strict=True):
        if not noise.close(plane, other):
            raise NotForPathYError
    return fine, payload, decoded


def _encode_planes(
    planes: NDArray[Any], quantiser: Quantiser, max_mse: float, bound: int | None, lossless_id: str, lossy_id: str
) -> tuple[bytes, NDArray[Any]]:
    residual = None
    head = bytes([0])
    if bound is not None:
        residual = Residual(models.load_lossless(lossless_id), bound)
        head = bytes([HAS_RESIDUAL]) + bytes.fromhex(lossless_id)[:MODEL_PREFIX_NBYTES] + pack_varint(bound)
    model = models.load_lossy(lossy_id)
    records, decoded = zip(
        *(encode_transform_plane(model, quantiser, residual, plane, max_mse) for plane in planes), strict=True
    )
    return head + b"".join(records), np.stack(decoded)


def decode_at_mean_error(
    reader: Reader, quantiser: Quantiser, lossy_id: str, full_id: Callable[[bytes], str], out: NDArray[Any]
) -> None:
    """Fills ``out`` (N, Y, X) with the planes of a payload.

    Parameters
    ----------
    reader : Reader
    quantiser : Quantiser
    lossy_id : str
        SHA-256 of the model of the transform.
    full_id : callable
        Finds the SHA-256 of a model by its first bytes.
    out : (N, Y, X) array

    Raises
    ------
    DamagedChunkError
        If the payload contradicts itself or the planes.
    """
    head = read_head(reader)
    residual = None if head is None else Residual(models.load_lossless(full_id(head[0])), head[1])
    model = models.load_lossy(lossy_id)
    for plane in out:
        decode_transform_plane(model, quantiser, residual, reader, plane)


def read_head(reader: Reader) -> tuple[bytes, int] | None:
    """The first bytes of the SHA-256 of the model of the corrections and their bound, if a payload has corrections.

    Raises
    ------
    DamagedChunkError
        If the flags are unknown or the bound is out of range.
    """
    flags = reader.unsigned(1, "the flags of the planes")
    if flags & ~HAS_RESIDUAL:
        raise DamagedChunkError("the flags of the planes are unknown", expected="0 or 1", found=flags)
    if not flags & HAS_RESIDUAL:
        return None
    prefix = bytes(reader.take(MODEL_PREFIX_NBYTES, "the model of the corrections"))
    bound = reader.varint("the bound of the corrections")
    if bound > MAX_BOUND:
        raise DamagedChunkError(
            "the bound of the corrections is out of range", expected=f"0 to {MAX_BOUND}", found=bound
        )
    return prefix, bound


def root_mean_square_error(planes: NDArray[Any], decoded: NDArray[Any]) -> float:
    """The root of the mean squared difference of two sets of planes, by float64; NaN for NaN is no difference."""
    with np.errstate(over="ignore"):
        mean = _mean_squared(planes, decoded, 1.0)
        if math.isfinite(mean) or planes.dtype.kind != "f":
            return math.sqrt(mean)
        scale = 2.0**600  # squares of huge floats are beyond float64
        return math.sqrt(_mean_squared(planes, decoded, scale)) * scale


def _mean_squared(planes: NDArray[Any], decoded: NDArray[Any], scale: float) -> float:
    total = 0.0
    rows = max(1, _BLOCK // planes.shape[2])
    for plane, other in zip(planes, decoded, strict=True):
        for i in range(0, len(plane), rows):
            error = np.subtract(plane[i : i + rows], other[i : i + rows], dtype=np.float64)
            if plane.dtype.kind == "f":  # a margin of NaN comes back as it was
                error[np.isnan(plane[i : i + rows]) & np.isnan(other[i : i + rows])] = 0
            if scale != 1:
                error /= scale
            total += float(np.square(error, out=error).sum())
    return total / planes.size


def _quantiser(planes: NDArray[Any], fidelity: Fidelity) -> tuple[Quantiser, float]:
    """The map to levels, and the size of a level in grey levels."""
    if planes.dtype.kind != "f":
        return quantise.Identity(), 1
    assert fidelity.rmse is not None
    finest = min(fidelity.rmse / _FLOAT_FINENESS, math.inf if fidelity.max_error is None else fidelity.max_error / 2)
    asked = f"rmse={fidelity.rmse:g}" + (
        "" if fidelity.max_error is None else f" with max_error={fidelity.max_error:g}"
    )
    quantiser = quantise.float_step(finest / 2, planes, asked)
    return quantiser, quantiser.step
