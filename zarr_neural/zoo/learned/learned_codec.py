"""What the learned codecs share: from chunks to planes or volumes of samples 0..1, to streams, and back."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import UnsupportedInputError, ZarrNeuralError
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream

from .planes import IntensityMap, checked_range, padded, padded_sides
from .strings import pack_strings, unpack_strings


class LearnedCodec(ResearchCodec):
    """A codec whose network codes the last axes of a chunk, one plane or volume at a time.

    Attributes
    ----------
    multiples
        What the sides of a plane or volume are padded to multiples of.
    channels
        How often the network is given the same grey samples; the mean of what it decodes is the result.
    """

    multiples: ClassVar[tuple[int, ...]]
    channels: int = 1

    def __init__(self, weights: str | None, low: float | None, high: float | None) -> None:
        self.weights = None if weights is None else str(weights)
        self.low, self.high = checked_range(low, high)

    def weights_digest(self) -> str:
        """The SHA-256 of the weights."""
        return self._file()[1]

    def pinned(self) -> Self:
        """Return this codec with its weights named by their SHA-256: stores then record it, and readers check it."""
        return type(self).from_config({**self.get_config(), "weights": self.weights_digest()})

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return streams, intensity map and decoded samples of a chunk."""
        axes = len(self.multiples)
        if chunk.ndim < axes:
            raise UnsupportedInputError(f"a chunk (Z, Y, X) is needed, found shape {chunk.shape}")
        scale = IntensityMap.of_chunk(chunk, self.low, self.high)
        parts = chunk.reshape(-1, *chunk.shape[-axes:]) if scale.low < scale.high else chunk[:0]
        payload = pack_strings([self._coder().compress(self._given(scale.to_unit(part))) for part in parts])
        return payload, scale.parameters, self._samples(payload, scale, chunk.shape)

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the samples of a stream."""
        return self._samples(stream.payload, IntensityMap.of_parameters(stream.dtype, stream.parameters), stream.shape)

    @abstractmethod
    def _file(self) -> tuple[Path, str]:
        """Path and SHA-256 of the weights."""

    @abstractmethod
    def _coder(self) -> Any:
        """The network at work; torch and CompressAI are loaded by the first chunk."""

    def _given(self, unit: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.repeat(padded(unit, self.multiples)[None], self.channels, axis=0)

    def _samples(self, payload: bytes, scale: IntensityMap, shape: tuple[int, ...]) -> NDArray[Any]:
        if scale.low == scale.high:
            unpack_strings(payload, 0, 0)
            return np.full(shape, scale.low, scale.dtype)
        coder, axes = self._coder(), len(self.multiples)
        inside = tuple(slice(side) for side in shape[-axes:])
        sides = padded_sides(shape[-axes:], self.multiples)
        parts = [
            scale.from_unit(coder.decompress(strings, sides).mean(axis=0)[inside])
            for strings in unpack_strings(payload, math.prod(shape[:-axes]), coder.streams)
        ]
        return np.stack(parts).reshape(shape)


def lacking(make: Callable[[], LearnedCodec]) -> str:
    """Say why a codec cannot be used here: the library or its file of weights is missing; "" if it can."""
    try:
        make()._file()
    except ZarrNeuralError as error:
        return str(error)
    return ""
