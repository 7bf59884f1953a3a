"""`ZooCodec`: the learned codecs of the literature, as CompressAI implements them, for chunks of grey planes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ZarrNeuralError
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream
from zarr_neural.zoo.weights import sha256

from . import weights as files
from .architectures import ARCHITECTURES, METRICS, QUALITIES, RGB_QUALITIES, check
from .planes import IntensityMap, check_range, padded, padded_sides
from .strings import pack_strings, unpack_strings

MULTIPLE = 64
"""Sides of a plane are padded to multiples of it."""


class ZooCodec(ResearchCodec):
    """A learned codec of CompressAI: each plane of a chunk is one pair of real `compress` and `decompress` calls.

    With three channels a grey plane is given three times to a network for colour pictures, as in the study, and the
    mean of the three decoded channels is the result. With one channel the networks were trained here on microscopy:
    the same classes with their first and last layers rebuilt, narrower, and with gains that serve all qualities.

    Parameters
    ----------
    name : str
        One of `ARCHITECTURES`.
    metric : str
        ``mse`` or ``ms-ssim``: what the network was trained for.
    quality : int
        1 to 8; to 6 for cheng2020 with three channels.
    channels : int
        3 for CompressAI's published weights, 1 for those trained here.
    weights : str, optional
        File of weights, or a folder to search before `$ZARR_NEURAL_ZOO` and the user's own.
    low, high : float, optional
        Grey levels that are brought to 0 and 1: the range of the whole image, for one quality in all its chunks.
        Samples outside are clipped. By default the range of each chunk.

    Raises
    ------
    ConfigurationError
        If there is no such codec.

    Examples
    --------
    >>> ZooCodec("bmshj2018-hyperprior", metric="ms-ssim", quality=8).get_config()["quality"]
    8
    """

    codec_id = "zarr_neural.zoo"

    def __init__(
        self,
        name: str,
        metric: str = "mse",
        quality: int = 8,
        channels: int = 3,
        weights: str | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        check(name, metric, quality, channels)
        check_range(low, high)
        self.name, self.metric, self.quality, self.channels = name, metric, quality, channels
        self.weights, self.low, self.high = None if weights is None else str(weights), low, high

    @property
    def identity(self) -> str:
        """Name, settings and SHA-256 of the weights."""
        return f"{self.name} {self.metric} quality={self.quality} channels={self.channels} weights={self._file()[1]}"

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return streams, intensity map and decoded samples of a chunk."""
        scale = IntensityMap.of_chunk(chunk, self.low, self.high)
        planes = chunk.reshape(-1, *chunk.shape[-2:]) if scale.low < scale.high else chunk[:0].reshape(0, 1, 1)
        payload = pack_strings([self._coder().compress(self._channels(scale.to_unit(plane))) for plane in planes])
        return payload, scale.parameters, self._samples(payload, scale, chunk.shape)

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the samples of a stream."""
        return self._samples(stream.payload, IntensityMap.of_parameters(stream.dtype, stream.parameters), stream.shape)

    @staticmethod
    def missing(name: str, metric: str = "mse", quality: int = 8, channels: int = 3, weights: str | None = None) -> str:
        """Say why a codec cannot be used here: the library or its file of weights is missing; "" if it can."""
        try:
            ZooCodec(name, metric, quality, channels, weights)._file()
        except ZarrNeuralError as error:
            return str(error)
        return ""

    def _file(self) -> tuple[Path, str]:
        """Path and SHA-256 of the weights."""
        from . import library  # noqa: F401 (heavy; the absence of CompressAI comes before that of a file)

        if self.channels == 1:
            path = files.locate(files.grey_file_name(self.name), self.weights, advice=files.TRAINED)
            return path, sha256(path)
        file_name = files.rgb_file_name(self.name, self.metric, self.quality)
        address = files.rgb_address(self.name, self.metric, self.quality)
        path = files.locate(file_name, self.weights, advice=f"published at {address}; ")
        return path, files.checked_digest(path, file_name)

    def _coder(self) -> Any:
        from .coder import grey_coder, rgb_coder  # torch and CompressAI: loaded by the first chunk

        path, digest = self._file()
        if self.channels == 1:
            return grey_coder(self.name, self.metric, self.quality, path, digest)
        return rgb_coder(self.name, path, digest)

    def _channels(self, unit: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.repeat(padded(unit, (MULTIPLE, MULTIPLE))[None], self.channels, axis=0)

    def _samples(self, payload: bytes, scale: IntensityMap, shape: tuple[int, ...]) -> NDArray[Any]:
        if scale.low == scale.high:
            unpack_strings(payload, 0, 0)
            return np.full(shape, scale.low, scale.dtype)
        coder = self._coder()
        height, width = shape[-2:]
        sides = padded_sides((height, width), (MULTIPLE, MULTIPLE))
        planes = [
            scale.from_unit(coder.decompress(strings, sides).mean(axis=0)[:height, :width])
            for strings in unpack_strings(payload, math.prod(shape[:-2]), coder.streams)
        ]
        return np.stack(planes).reshape(shape)


def available(channels: int | None = None, weights: str | None = None) -> list[ZooCodec]:
    """Return every codec that can be used here: its library is installed and its file of weights is found.

    Parameters
    ----------
    channels : int, optional
        1 or 3; both by default.
    weights : str, optional
        A folder to search first.
    """
    return [
        ZooCodec(name, metric, quality, count, weights)
        for count in ((1, 3) if channels is None else (channels,))
        for name in ARCHITECTURES
        for metric in METRICS
        for quality in QUALITIES[: RGB_QUALITIES[name] if count == 3 else None]
        if not ZooCodec.missing(name, metric, quality, count, weights)
    ]
