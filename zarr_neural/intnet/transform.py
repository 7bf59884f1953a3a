"""Path Y by the compiled engine: planes to payloads and back, with the interpreter lock released."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zarr_neural._native import DamagedStream, LossyModel, make_lossy_model
from zarr_neural._native import decode_transform as _decode_transform
from zarr_neural._native import encode_transform as _encode_transform
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError
from zarr_neural.fork import ForkSafeLock
from zarr_neural.intnet.lossy_arrays import native_arrays
from zarr_neural.intnet.native import IntegerModel, ready_kernels

MAX_STEP = 2047
MAX_QUALITY = 255
MAX_LANES = 5
PRICE_OF_A_BIT = 0.25  # in squared steps: what lowers the rate most at equal error, found by trial

_handles: dict[str, LossyModel] = {}
_lock = ForkSafeLock()


class Parameters(NamedTuple):
    """What the record of a plane says of its payload.

    Attributes
    ----------
    step : int
        Quantiser step, 1/64 octave, 0..2047.
    quality : int
        Place between the gain vectors of the model, 0..255.
    lanes : int
        2^lanes interleaved states, 0..5.
    words_nbytes : int
        Bytes of the payload that hold rANS states and words.
    """

    step: int
    quality: int
    lanes: int
    words_nbytes: int


class CodedPlane(NamedTuple):
    """The payload of a plane, its parameters, what it decodes to, and the mean squared error of that."""

    payload: bytes
    parameters: Parameters
    decoded: NDArray[np.uint16]
    mse: float


def encode_transform(model: IntegerModel, samples: NDArray[np.uint16], top: int, max_mse: float) -> CodedPlane | None:
    """Return the shortest payload found whose mean squared error is at most `max_mse`; None if there is none.

    Parameters
    ----------
    model : IntegerModel
        A lossy one.
    samples : ndarray of uint16, shape (height, width)
        1 to 2^24 rows and columns, every sample within 0..top.
    top : int
        1..65535.
    max_mse : float
        In squared units of the samples, positive.

    Raises
    ------
    UnsupportedInputError
        The plane is not of that kind.
    EngineError
        The kernels do not give known answers on this machine.
    """
    if samples.dtype != np.uint16 or samples.ndim != 2 or samples.size == 0:
        raise UnsupportedInputError(f"a plane is a non-empty 2D array of uint16, not {samples.dtype} {samples.shape}")
    if not 1 <= top <= 65535 or samples.max() > top:
        raise UnsupportedInputError(f"a plane with samples up to {samples.max()} has no largest value of {top}")
    coded = _encode_transform(
        handle(model), np.ascontiguousarray(samples), top, max_mse, PRICE_OF_A_BIT, ready_kernels("transforms")
    )
    if coded is None:
        return None
    payload, words_nbytes, step, quality, lanes, mse, decoded = coded
    return CodedPlane(payload, Parameters(step, quality, lanes, words_nbytes), decoded, mse)


def decode_transform(
    model: IntegerModel, payload: bytes | memoryview, parameters: Parameters, height: int, width: int, top: int
) -> NDArray[np.uint16]:
    """Return the plane that a payload holds, a new writable array of shape (height, width).

    The caller has checked that a plane of that size is wanted: it is allocated before the payload is read.

    Raises
    ------
    DamagedChunkError
        The payload is not what an encoder writes for such a plane.
    EngineError
        The kernels do not give known answers on this machine.
    """
    data = np.frombuffer(payload, np.uint8)
    if not 0 <= parameters.words_nbytes <= data.size:
        raise DamagedChunkError("the symbol section has an impossible length", found=parameters.words_nbytes)
    try:
        return _decode_transform(
            handle(model), data, parameters.words_nbytes, height, width, top,
            parameters.step, parameters.quality, parameters.lanes, ready_kernels("transforms"),
        )  # fmt: skip
    except DamagedStream as error:
        raise DamagedChunkError(str(error)) from error


def handle(model: IntegerModel) -> LossyModel:
    """Return the native form of a lossy model, made once per process and model id."""
    with _lock:
        made = _handles.get(model.id)
        if made is None:
            made = _handles[model.id] = make_lossy_model(*native_arrays(model.arrays))
        return made
