"""The engine that users run: planes to payloads and back, by the compiled extension with the interpreter lock released.

Which of its kernel sets runs is this machine's affair and never part of a codec's configuration: all give the same
integers. The variable ZARR_NEURAL_KERNELS forces one, for tests and for hunting a fault.
"""

import os
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zarr_neural._native import DamagedStream, Model, kernel_names, make_model
from zarr_neural._native import decode_plane as _decode_plane
from zarr_neural._native import decode_repeats as _decode_repeats
from zarr_neural._native import encode_plane as _encode_plane
from zarr_neural._native import encode_repeats as _encode_repeats
from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.fork import ForkSafeLock
from zarr_neural.intnet import selftest

KERNELS_VARIABLE = "ZARR_NEURAL_KERNELS"
ARRAY_NAMES = ("tails", "bank", "rules", "w1", "b1", "s1", "w2", "b2", "s2", "w3", "b3", "s3")

_handles: dict[str, Model] = {}
_lock = ForkSafeLock()


class IntegerModel(Protocol):
    """What a model must offer here: `zarr_neural.models.LosslessModel` does.

    Attributes
    ----------
    id : str
        SHA-256 of the model's file: names the arrays for ever.
    arrays : mapping of str to ndarray
        The arguments of the native engine, inside the numeric contract.
    """

    @property
    def id(self) -> str:
        """SHA-256 of the model's file."""

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Integer arrays by name."""


def encode_plane(model: IntegerModel, samples: NDArray[np.uint16], top: int) -> tuple[bytes, int]:
    """Return the payload of a plane, and how many of its bytes hold rANS states and words.

    Parameters
    ----------
    model : IntegerModel
        Networks, filters and distributions.
    samples : ndarray of uint16, shape (height, width)
        1 to 2^24 rows and columns, every sample within 0..top.
    top : int
        Largest value that the plane may hold, 0..65535.

    Raises
    ------
    UnsupportedInputError
        The plane is not of that kind.
    EngineError
        The kernels do not give known answers on this machine.
    """
    _check_plane(samples, top)
    payload, words_nbytes = _encode_plane(handle(model), np.ascontiguousarray(samples), top, ready_kernels())
    return payload, words_nbytes


def decode_plane(
    model: IntegerModel, payload: bytes | memoryview, words_nbytes: int, height: int, width: int, top: int
) -> NDArray[np.uint16]:
    """Return the plane that a payload holds, a new writable array of shape (height, width).

    The caller has checked that a plane of that size is wanted: it is allocated before the payload is read.

    Parameters
    ----------
    model : IntegerModel
        The model that the plane was encoded with.
    payload : bytes-like
        The coded plane.
    words_nbytes : int
        Bytes of `payload` that hold rANS states and words.
    height, width : int
        Size of the plane, 1 to 2^24 each.
    top : int
        Largest value of the plane, 0..65535.

    Raises
    ------
    DamagedChunkError
        The payload is not what an encoder writes for such a plane.
    EngineError
        The kernels do not give known answers on this machine.
    """
    data = np.frombuffer(payload, np.uint8)
    if not 0 <= words_nbytes <= data.size:
        raise DamagedChunkError("the symbol section has an impossible length", found=words_nbytes)
    try:
        return _decode_plane(handle(model), data, words_nbytes, height, width, top, ready_kernels())
    except DamagedStream as error:
        raise DamagedChunkError(str(error)) from error


def handle(model: IntegerModel) -> Model:
    """Return the native form of a model, made once per process and model id."""
    made = _handles.get(model.id)
    if made is None:
        with _lock:
            made = _handles.get(model.id)
            if made is None:
                made = _handles[model.id] = make_handle(model.arrays)
    return made


def make_handle(arrays: Mapping[str, NDArray[Any]]) -> Model:
    """Return the native form of arrays that fulfil the numeric contract."""
    return make_model(*(np.ascontiguousarray(arrays[name]) for name in ARRAY_NAMES))


def ready_kernels(path: selftest.Coding = "planes") -> str:
    """Return the name of the kernel set to use, after its known-answer test for that path.

    Raises
    ------
    ConfigurationError
        ZARR_NEURAL_KERNELS names a set that this processor does not run.
    EngineError
        The set failed its test.
    """
    names = kernel_names()
    name = os.environ.get(KERNELS_VARIABLE) or names[0]
    if name not in names:
        raise ConfigurationError(f"{KERNELS_VARIABLE} is {name!r}, this processor runs {', '.join(names)}")
    selftest.require(name, path)
    return name


def encode_repeats(samples: NDArray[np.uint16], top: int) -> bytes:
    """Return the payload of a plane whose samples repeat their neighbours; no model is needed.

    Parameters
    ----------
    samples : ndarray of uint16, shape (height, width)
        Not empty, every sample within 0..top.
    top : int
        Largest value that the plane may hold, 0..65535.

    Raises
    ------
    UnsupportedInputError
        The plane is not of that kind.
    """
    _check_plane(samples, top)
    return _encode_repeats(np.ascontiguousarray(samples), top)


def decode_repeats(payload: bytes | memoryview, height: int, width: int, top: int) -> NDArray[np.uint16]:
    """Return the plane that `encode_repeats` was given, a new writable array of shape (height, width).

    Raises
    ------
    DamagedChunkError
        The payload does not end where the plane does, or a sample lies outside 0..top.
    """
    try:
        return _decode_repeats(np.frombuffer(payload, np.uint8), height, width, top)
    except DamagedStream as error:
        raise DamagedChunkError(str(error)) from error


def _check_plane(samples: NDArray[np.uint16], top: int) -> None:
    if samples.dtype != np.uint16 or samples.ndim != 2 or samples.size == 0:
        raise UnsupportedInputError(f"a plane is a non-empty 2D array of uint16, not {samples.dtype} {samples.shape}")
    if not 0 <= top <= 65535 or samples.max() > top:
        raise UnsupportedInputError(f"a plane with samples up to {samples.max()} has no largest value of {top}")
