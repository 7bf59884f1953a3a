"""Types of the compiled extension (native/module.cpp)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

class DamagedStream(ValueError): ...  # noqa: N818
class Model: ...
class LossyModel: ...

def make_model(
    tails: NDArray[Any],
    bank: NDArray[Any],
    rules: NDArray[Any],
    w1: NDArray[Any],
    b1: NDArray[Any],
    s1: NDArray[Any],
    w2: NDArray[Any],
    b2: NDArray[Any],
    s2: NDArray[Any],
    w3: NDArray[Any],
    b3: NDArray[Any],
    s3: NDArray[Any],
    /,
) -> Model: ...
def encode_plane(model: Model, samples: NDArray[np.uint16], top: int, kernels: str = "") -> tuple[bytes, int]: ...
def decode_plane(
    model: Model,
    bytes: NDArray[np.uint8],  # noqa: A002
    words_nbytes: int,
    height: int,
    width: int,
    top: int,
    kernels: str = "",
) -> NDArray[np.uint16]: ...
def encode_repeats(samples: NDArray[np.uint16], top: int) -> bytes: ...
def decode_repeats(
    bytes: NDArray[np.uint8],  # noqa: A002
    height: int,
    width: int,
    top: int,
) -> NDArray[np.uint16]: ...
def training_pixels(model: Model, samples: NDArray[np.uint16], top: int) -> dict[str, NDArray[Any]]: ...
def make_lossy_model(
    half: NDArray[np.uint8],
    widths: NDArray[np.uint16],
    gains: NDArray[np.int16],
    w1: NDArray[np.int8],
    b1: NDArray[np.int32],
    s1: NDArray[np.uint8],
    w2: NDArray[np.int8],
    b2: NDArray[np.int32],
    s2: NDArray[np.uint8],
    w3: NDArray[np.int8],
    b3: NDArray[np.int32],
    s3: NDArray[np.uint8],
) -> LossyModel: ...
def encode_transform(
    model: LossyModel, samples: NDArray[np.uint16], top: int, max_mse: float, lam: float, kernels: str = ""
) -> tuple[bytes, int, int, int, int, float, NDArray[np.uint16]] | None: ...
def decode_transform(
    model: LossyModel,
    bytes: NDArray[np.uint8],  # noqa: A002
    words_nbytes: int,
    height: int,
    width: int,
    top: int,
    step: int,
    quality: int,
    lanes: int,
    kernels: str = "",
) -> NDArray[np.uint16]: ...
def transform_coefficients(
    model: LossyModel, samples: NDArray[np.uint16], top: int, step: int, quality: int, lam: float
) -> dict[str, NDArray[Any]]: ...
def kernel_names() -> list[str]: ...
def in_main_interpreter() -> bool: ...
def crc32c(data: NDArray[np.uint8], crc: int = 0) -> int: ...
