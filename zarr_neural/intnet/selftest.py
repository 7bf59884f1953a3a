"""Known-answer test of the compiled engine: run once per process, kernel set and path, before its first use.

A process begins with a short form of it that reaches every kernel; `run` is the whole, for continuous integration.
It asks what this machine and this build answer, not whether the code is right: a compiler that contracts where it must
not, a processor that lies about its instructions, a mixed-up library. There is no falling back: an engine that answers
wrongly is refused.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zarr_neural._native import (
    DamagedStream,
    crc32c,
    decode_plane,
    decode_transform,
    encode_plane,
    encode_transform,
    make_lossy_model,
    make_model,
)
from zarr_neural.errors import EngineError
from zarr_neural.fork import ForkSafeLock
from zarr_neural.intnet.known_answer import (
    PAYLOAD_FILE,
    known_arrays,
    known_plane,
    known_transform_arrays,
    known_transforms,
)
from zarr_neural.intnet.lossy_arrays import native_arrays

# Planes whose phases are too small for parameters of their own: the encoder uses no float for them, so that their
# bytes are known for every machine. (height, width, top) and CRC-32C of the payload;
# `native/check` prints the same numbers.
KNOWN_BYTES = {(21, 20, 255): 0x19B60C13, (11, 22, 4095): 0xD9C1CBD1, (5, 47, 65535): 0xEE581386}
MEDIUM = (72, 70, 4095)  # eight lanes
LARGE = (256, 256, 65535)  # 32 lanes; the plane of PAYLOAD_FILE
LARGE_CRC = 0x23493F62  # of its samples
# By transform: (height, width, top), largest mean squared error. The first suffices at the start of a process.
TRANSFORMED = {(128, 130, 4095): 400.0, (40, 33, 255): 0.5}

Coding = Literal["planes", "transforms"]
_passed: set[tuple[str, Coding]] = set()
_lock = ForkSafeLock()


def require(kernels: str, path: Coding = "planes") -> None:
    """Make sure that a kernel set gives the known answers; quick when it did before in this process.

    Parameters
    ----------
    kernels : str
        One of the extension's `kernel_names()`.
    path : {"planes", "transforms"}
        Path L or path Y: only what is used is tested.

    Raises
    ------
    EngineError
        Naming the set and the answer that was wrong.
    """
    if (kernels, path) in _passed:
        return
    with _lock:
        if (kernels, path) not in _passed:
            start(kernels, path)
            _passed.add((kernels, path))


def start(kernels: str, path: Coding) -> None:
    """Run the short test of a path, whether or not it was run before; raise EngineError as `require` does."""
    if path == "planes":
        _check_planes(kernels, _refusal(kernels))
    else:
        _check_transforms(kernels, _refusal(kernels), dict([next(iter(TRANSFORMED.items()))]))


def run(kernels: str) -> None:
    """Run the whole test, whether or not it was run before; raise EngineError as `require` does."""
    _check_planes(kernels, _refusal(kernels))
    _check_transforms(kernels, _refusal(kernels), TRANSFORMED)


def _refusal(kernels: str) -> Callable[[bool, str], None]:
    def refuse_unless(holds: bool, what: str) -> None:
        if not holds:
            raise EngineError(f"the kernels {kernels!r} fail their known-answer test on this machine: {what}")

    return refuse_unless


def _check_planes(kernels: str, refuse_unless: Callable[[bool, str], None]) -> None:
    model = make_model(*known_arrays().values())

    def decoded(payload: bytes, words_nbytes: int, key: tuple[int, int, int]) -> NDArray[np.uint16]:
        try:
            return decode_plane(model, np.frombuffer(payload, np.uint8), words_nbytes, *key, kernels)
        except DamagedStream as error:
            raise EngineError(f"the kernels {kernels!r} refuse a known payload of {key}: {error}") from error

    for key, crc in KNOWN_BYTES.items():
        payload, words_nbytes = encode_plane(model, known_plane(*key), key[2], kernels)
        refuse_unless(crc32c(np.frombuffer(payload, np.uint8)) == crc, f"wrong bytes of {key}")
        refuse_unless(np.array_equal(decoded(payload, words_nbytes, key), known_plane(*key)), f"wrong pixels of {key}")
    stored = PAYLOAD_FILE.read_bytes()
    large = decoded(stored[4:], int.from_bytes(stored[:4], "little"), LARGE)
    refuse_unless(_crc_of(large) == LARGE_CRC, f"wrong pixels of {LARGE}")
    for key in (MEDIUM, LARGE):
        plane = large if key == LARGE else known_plane(*key)
        payload, words_nbytes = encode_plane(model, plane, key[2], kernels)
        refuse_unless(np.array_equal(decoded(payload, words_nbytes, key), plane), f"other pixels of {key} than encoded")


def _check_transforms(
    kernels: str, refuse_unless: Callable[[bool, str], None], further: Mapping[tuple[int, int, int], float]
) -> None:
    model = make_lossy_model(*native_arrays(known_transform_arrays()))

    def decoded(
        payload: bytes, words_nbytes: int, size: tuple[int, int, int], step: int, quality: int, lanes: int
    ) -> NDArray[np.uint16]:
        data = np.frombuffer(payload, np.uint8)
        try:
            return decode_transform(model, data, words_nbytes, *size, step, quality, lanes, kernels)
        except DamagedStream as error:
            raise EngineError(f"the kernels {kernels!r} refuse a known transform of {size}: {error}") from error

    for known in known_transforms():
        key = known.height, known.width, known.top
        samples = decoded(known.payload, known.words_nbytes, key, known.step, known.quality, known.lanes)
        refuse_unless(_crc_of(samples) == known.samples_crc, f"wrong transform of {key}")
    for key, max_mse in further.items():
        coded = encode_transform(model, known_plane(*key), key[2], max_mse, 0.25, kernels)
        if coded is None:
            raise EngineError(f"the kernels {kernels!r} find no step for {key} on this machine")
        payload, words_nbytes, step, quality, lanes, mse, expected = coded
        samples = decoded(payload, words_nbytes, key, step, quality, lanes)
        refuse_unless(mse <= max_mse and np.array_equal(samples, expected), f"another transform of {key} than encoded")


def _crc_of(samples: NDArray[np.uint16]) -> int:
    return crc32c(samples.astype("<u2").reshape(-1).view(np.uint8))
