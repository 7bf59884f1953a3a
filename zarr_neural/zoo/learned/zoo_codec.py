"""`ZooCodec`: the learned codecs of the literature, as CompressAI implements them, for chunks of grey planes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zarr_neural.zoo.weights import sha256

from . import weights as files
from .architectures import ARCHITECTURES, METRICS, QUALITIES, RGB_QUALITIES, check
from .learned_codec import LearnedCodec, lacking


class ZooCodec(LearnedCodec):
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
        File of weights, or a folder to search before `$ZARR_NEURAL_ZOO` and the user's own; or the SHA-256 that the
        file must have, see `pinned`.
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
    multiples = (64, 64)

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
        super().__init__(weights, low, high)
        self.name, self.metric, self.quality, self.channels = name, metric, quality, channels

    @property
    def identity(self) -> str:
        """Name, settings and SHA-256 of the weights."""
        return f"{self.name} {self.metric} quality={self.quality} channels={self.channels} weights={self._file()[1]}"

    @staticmethod
    def missing(name: str, metric: str = "mse", quality: int = 8, channels: int = 3, weights: str | None = None) -> str:
        """Say why a codec cannot be used here: the library or its file of weights is missing; "" if it can."""
        return lacking(lambda: ZooCodec(name, metric, quality, channels, weights))

    def _file(self) -> tuple[Path, str]:
        from . import library  # noqa: F401 (heavy; the absence of CompressAI comes before that of a file)

        if self.channels == 1:
            path = files.locate(files.grey_file_name(self.name), self.weights, advice=files.TRAINED)
            return path, sha256(path)
        file_name = files.rgb_file_name(self.name, self.metric, self.quality)
        address = files.rgb_address(self.name, self.metric, self.quality)
        path = files.locate(file_name, self.weights, advice=f"published at {address}; {self._fetched_by}; ")
        return path, files.checked_digest(path, file_name)

    @property
    def _fetched_by(self) -> str:
        return f"fetched by: zarr-neural download {self.name} --metric {self.metric} --quality {self.quality}"

    def _coder(self) -> Any:
        from .coder import grey_coder, rgb_coder  # torch and CompressAI: loaded by the first chunk

        path, digest = self._file()
        if self.channels == 1:
            return grey_coder(self.name, self.metric, self.quality, path, digest)
        return rgb_coder(self.name, path, digest)


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
