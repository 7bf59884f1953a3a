"""A numcodecs codec that stores the code of an auto-encoder, quantised and entropy coded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.zoo.autoencoders.codes import CodeCoder
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream, unpack_stream
from zarr_neural.zoo.weights import locate, sha256

if TYPE_CHECKING:
    from zarr_neural.zoo.autoencoders.model import Model

STEPS = (2.0**-20, 2.0**20)
"""Smallest and largest step."""


class AutoencoderCodec(ResearchCodec):
    """Lossy codec for chunks (..., side, side) of uint8, the side being that of the network.

    Parameters
    ----------
    weights : str
        SHA-256 of the weights, or the path of their file; see `zarr_neural.zoo.weights.locate`.
    step : float
        Of the quantiser, in units of the code: larger is smaller and worse.
    """

    codec_id = "zarr_neural.autoencoder"

    def __init__(self, weights: str, step: float) -> None:
        self.weights, self.step = str(weights), checked_step(step)

    @property
    def identity(self) -> str:
        """Hash of the weights and step."""
        return f"{self.codec_id} {self.weights_digest()} step={self.step!r}"

    def weights_digest(self) -> str:
        """The SHA-256 of the weights."""
        return sha256(locate(self.weights))

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return the coded codes of a chunk and what they decode to."""
        model = loaded(self.weights)
        images = as_images(chunk, model.side)
        coder = CodeCoder(model.statistics, self.step)
        integers = coder.quantise(model.encode(images))
        payload, words_nbytes = coder.pack(integers)
        return payload, [words_nbytes], model.decode(coder.dequantise(integers)).reshape(chunk.shape)

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the decoded images of a stream."""
        integers, coder = self._integers(stream)
        return loaded(self.weights).decode(coder.dequantise(integers)).reshape(stream.shape)

    def codes(self, buf: Any) -> NDArray[np.float32]:
        """Return the codes (images, elements) of the bytes of a chunk; no pixel is decoded.

        Raises
        ------
        DamagedChunkError
            If the bytes are not a whole chunk of this codec.
        """
        integers, coder = self._integers(unpack_stream(self.identity, memoryview(buf).cast("B")))
        return coder.dequantise(integers)

    def codes_of(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the codes (images, elements) that images (N, side, side) are stored as."""
        model = loaded(self.weights)
        coder = CodeCoder(model.statistics, self.step)
        return coder.dequantise(coder.quantise(model.encode(as_images(images, model.side))))

    def _integers(self, stream: Stream) -> tuple[NDArray[np.int64], CodeCoder]:
        model = loaded(self.weights)
        coder = CodeCoder(model.statistics, self.step)
        count = image_count(stream, model.side)
        if len(stream.parameters) != 1:
            raise DamagedChunkError("the number of parameters", expected=1, found=len(stream.parameters))
        return coder.unpack(stream.payload, stream.parameters[0], count), coder


def checked_step(step: float) -> float:
    """Return a step of a quantiser.

    Raises
    ------
    ConfigurationError
        If it is out of range or no number.
    """
    if not isinstance(step, int | float) or isinstance(step, bool) or not STEPS[0] <= step <= STEPS[1]:
        raise ConfigurationError(f"a step is a number from {STEPS[0]:g} to {STEPS[1]:g}, not {step!r}")
    return float(step)


def loaded(weights: str) -> Model:
    """Return the model of weights."""
    from zarr_neural.zoo.autoencoders.model import load  # torch: needed for chunks, not for configurations

    return load(weights)[1]


def as_images(chunk: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """Return a chunk as images (N, side, side).

    Raises
    ------
    UnsupportedInputError
        If its last axes are not one image, or its samples are not uint8.
    """
    if chunk.dtype != np.uint8:
        raise UnsupportedInputError(f"this auto-encoder codes uint8, not {chunk.dtype}")
    if chunk.shape[-2:] != (side, side):
        raise UnsupportedInputError(f"this auto-encoder codes chunks of (..., {side}, {side}), not {chunk.shape}")
    return chunk.reshape(-1, side, side)


def image_count(stream: Stream, side: int) -> int:
    """Return how many images a stream holds.

    Raises
    ------
    DamagedChunkError
        If it does not hold images of the network.
    """
    if stream.dtype != np.uint8 or stream.shape[-2:] != (side, side):
        raise DamagedChunkError("the chunk", expected=f"(..., {side}, {side}) uint8", found=stream.shape)
    return math.prod(stream.shape[:-2])
