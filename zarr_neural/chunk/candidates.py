"""The ways to code the planes of a chunk, and the smallest that keeps the promise."""

import contextlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zarr_neural import models
from zarr_neural.chunk import quantise
from zarr_neural.chunk.fidelity import Fidelity
from zarr_neural.chunk.generic import may_beat, pack_generic, pack_levels
from zarr_neural.chunk.header import CONSTANT, GENERIC, NETWORKS, TRANSFORM
from zarr_neural.chunk.lossless_estimate import least_nbytes
from zarr_neural.chunk.margin import without_nan_margin
from zarr_neural.chunk.mean_error import encode_at_mean_error, encode_within_noise, root_mean_square_error
from zarr_neural.chunk.plane import NotForPathLError, encode_plane, repeats_often
from zarr_neural.chunk.quantise import NoiseSteps, Quantiser
from zarr_neural.chunk.transform import NotForPathYError
from zarr_neural.errors import ConfigurationError

_FINE_RMSE = 0.75  # grey levels below which lossless coding may be smaller
_UNIFORM = 1.75  # hard bounds up to so many mean errors: uniform steps may keep both


class Coded(NamedTuple):
    """Planes as a mode codes them: the quantiser, the payload, and what it decodes to."""

    mode: int
    quantiser: Quantiser
    payload: bytes
    decoded: NDArray[Any]


def smallest(planes: NDArray[Any], fidelity: Fidelity, lossless_id: str, lossy_id: str | None) -> Coded:
    """The smallest of the ways that keep a promise.

    Parameters
    ----------
    planes : (N, Y, X) array
        Native byte order.
    fidelity : Fidelity
    lossless_id : str
        SHA-256 of the lossless model.
    lossy_id : str, optional
        SHA-256 of the lossy model, which ``fidelity.rmse`` needs.

    Raises
    ------
    UnsupportedInputError
        If the promise makes no sense for the planes.
    ConfigurationError
        If there is no lossy model where one is needed.
    """
    fidelity.check_dtype(planes.dtype)
    measured = without_nan_margin(planes)
    quantiser = quantise.Identity() if fidelity.rmse is not None else quantise.choose(fidelity, measured)
    if _is_constant(planes):
        return Coded(CONSTANT, quantiser, little_bytes(planes[:1, :1, :1]).tobytes(), planes)
    if fidelity.rmse is not None:
        if lossy_id is None:
            raise ConfigurationError("coding at a mean error needs a lossy model, but none was given")
        ways = _at_mean_error(planes, fidelity, fidelity.rmse, lossless_id, lossy_id)
    else:
        ways = [_stepwise(planes, quantiser, lossless_id)]
        if lossy_id is not None and fidelity.transforms:
            ways += _within_noise(planes, quantiser, lossless_id, lossy_id)
    return min(ways, key=lambda way: len(way.payload))


def _stepwise(planes: NDArray[Any], quantiser: Quantiser, model_id: str) -> Coded:
    """The levels of a quantiser without further loss: by path L or, where that is smaller, by zstd."""
    try:
        payload, decoded = _by_networks(planes, quantiser, model_id)
    except NotForPathLError:
        return Coded(GENERIC, quantise.Identity(), pack_generic(_little(planes)), planes)
    if quantiser.kind == quantise.IDENTITY:
        if may_beat(planes, len(payload)) and len(other := pack_generic(_little(planes))) <= len(payload):
            return Coded(GENERIC, quantiser, other, planes)
        return Coded(NETWORKS, quantiser, payload, decoded)
    if planes.dtype.kind == "f" and np.isnan(planes).any():
        return Coded(NETWORKS, quantiser, payload, decoded)  # no index stands for a margin of NaN
    indices, lowest = _indices(planes, quantiser)
    if may_beat(indices, len(payload)) and len(other := pack_levels(indices, lowest)) <= len(payload):
        table = quantiser.values(np.arange(lowest, lowest + int(indices.max()) + 1), planes.dtype)
        return Coded(GENERIC, quantiser, other, table[indices])
    return Coded(NETWORKS, quantiser, payload, decoded)


def _at_mean_error(
    planes: NDArray[Any], fidelity: Fidelity, rmse: float, lossless_id: str, lossy_id: str
) -> list[Coded]:
    """Path Y; uniform steps where a narrow hard bound lets them keep both; no loss where little is allowed."""
    ways: list[Coded] = []
    if fidelity.max_error is not None and fidelity.max_error <= _UNIFORM * rmse:
        bounded = Fidelity(max_error=fidelity.max_error)
        way = _stepwise(planes, quantise.choose(bounded, without_nan_margin(planes)), lossless_id)
        if root_mean_square_error(planes, way.decoded) <= rmse:
            ways.append(way)
    if fidelity.max_error is None or fidelity.max_error > rmse or not ways:
        with contextlib.suppress(NotForPathYError):
            ways.append(Coded(TRANSFORM, *encode_at_mean_error(planes, fidelity, lossless_id, lossy_id)))
    if not ways or _lossless_may_win(planes, rmse, min(len(way.payload) for way in ways)):
        ways.append(_stepwise(planes, quantise.Identity(), lossless_id))
    return ways


def _lossless_may_win(planes: NDArray[Any], rmse: float, nbytes: int) -> bool:
    """Whether it may need less than so many bytes: where hardly any loss is allowed, samples repeat, or jump about."""
    if nbytes >= planes.nbytes:
        return True
    if planes.dtype.kind == "f" or not (rmse < _FINE_RMSE or any(repeats_often(plane) for plane in planes)):
        return False
    return least_nbytes(planes) < nbytes


def _within_noise(planes: NDArray[Any], quantiser: Quantiser, lossless_id: str, lossy_id: str) -> list[Coded]:
    """Path Y under the promise of a noise quantiser, where it can."""
    if not isinstance(quantiser, NoiseSteps):
        return []
    try:
        return [Coded(TRANSFORM, *encode_within_noise(planes, quantiser, lossless_id, lossy_id))]
    except NotForPathYError:
        return []


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


def _is_constant(planes: NDArray[Any]) -> bool:
    """Whether all samples have the same bits."""
    words = planes.reshape(-1).view(f"u{min(planes.itemsize, 8)}").reshape(planes.size, -1)
    return all((part == words[0]).all() for part in (words[-1:], words[:4096], words))


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def little_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The samples as little-endian bytes in C order."""
    return np.ascontiguousarray(_little(array)).reshape(-1).view(np.uint8)
