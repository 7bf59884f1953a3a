"""`FactorizedPrior3D`: the factorised prior with 3D transforms, for chunks (Z, Y, X), with a real bitstream."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import UnsupportedInputError, ZarrNeuralError
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream
from zarr_neural.zoo.weights import sha256

from . import weights as files
from .architectures import VOLUME, check_volume
from .planes import IntensityMap, check_range, padded, padded_sides
from .strings import pack_strings, unpack_strings

MULTIPLES = (4, 16, 16)
"""Sides of a volume are padded to multiples of them."""


class FactorizedPrior3D(ResearchCodec):
    """bmshj2018-factorized with 3D convolutions and 3D GDN, trained here, for the last three axes of a chunk.

    Parameters
    ----------
    quality : int
        1 to 8.
    metric : str
        ``mse``, or ``ms-ssim`` (of planes): the second was trained on from the first, as in the study.
    weights : str, optional
        File of weights, or a folder to search before `$ZARR_NEURAL_ZOO` and the user's own.
    low, high : float, optional
        Grey levels that are brought to 0 and 1; samples outside are clipped. By default the range of each chunk.

    Raises
    ------
    ConfigurationError
        If there is no such codec.

    Examples
    --------
    >>> FactorizedPrior3D(quality=5).get_config()["metric"]
    'mse'
    """

    codec_id = "zarr_neural.zoo3d"

    def __init__(
        self,
        quality: int = 8,
        metric: str = "mse",
        weights: str | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        check_volume(metric, quality)
        check_range(low, high)
        self.quality, self.metric = quality, metric
        self.weights, self.low, self.high = None if weights is None else str(weights), low, high

    @property
    def identity(self) -> str:
        """Name, settings and SHA-256 of the weights."""
        return f"{VOLUME} {self.metric} quality={self.quality} weights={self._file()[1]}"

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return streams, intensity map and decoded samples of a chunk."""
        if chunk.ndim < 3:
            raise UnsupportedInputError(f"a chunk (Z, Y, X) is needed, found shape {chunk.shape}")
        scale = IntensityMap.of_chunk(chunk, self.low, self.high)
        volumes = chunk.reshape(-1, *chunk.shape[-3:]) if scale.low < scale.high else chunk[:0].reshape(0, 1, 1, 1)
        units = (padded(scale.to_unit(volume), MULTIPLES) for volume in volumes)
        payload = pack_strings([self._coder().compress(unit[None]) for unit in units])
        return payload, scale.parameters, self._samples(payload, scale, chunk.shape)

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the samples of a stream."""
        return self._samples(stream.payload, IntensityMap.of_parameters(stream.dtype, stream.parameters), stream.shape)

    @staticmethod
    def missing(metric: str = "mse", quality: int = 8, weights: str | None = None) -> str:
        """Say why the codec cannot be used here: the library or its file of weights is missing; "" if it can."""
        try:
            FactorizedPrior3D(quality, metric, weights)._file()
        except ZarrNeuralError as error:
            return str(error)
        return ""

    def _file(self) -> tuple[Path, str]:
        """Path and SHA-256 of the weights."""
        from . import library  # noqa: F401 (heavy; the absence of CompressAI comes before that of a file)

        path = files.locate(files.grey_file_name(VOLUME), self.weights, advice=files.TRAINED)
        return path, sha256(path)

    def _coder(self) -> Any:
        from .coder import volume_coder  # torch and CompressAI: loaded by the first chunk

        return volume_coder(self.metric, self.quality, *self._file())

    def _samples(self, payload: bytes, scale: IntensityMap, shape: tuple[int, ...]) -> NDArray[Any]:
        if scale.low == scale.high:
            unpack_strings(payload, 0, 0)
            return np.full(shape, scale.low, scale.dtype)
        coder = self._coder()
        inside = tuple(slice(side) for side in shape[-3:])
        sides = padded_sides(shape[-3:], MULTIPLES)
        volumes = [
            scale.from_unit(coder.decompress(strings, sides)[0][inside])
            for strings in unpack_strings(payload, math.prod(shape[:-3]), coder.streams)
        ]
        return np.stack(volumes).reshape(shape)
