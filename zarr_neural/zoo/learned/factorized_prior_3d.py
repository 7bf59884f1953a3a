"""`FactorizedPrior3D`: the factorised prior with 3D transforms, for chunks (Z, Y, X), with a real bitstream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zarr_neural.zoo.weights import sha256

from . import weights as files
from .architectures import VOLUME, check_volume
from .learned_codec import LearnedCodec, lacking


class FactorizedPrior3D(LearnedCodec):
    """bmshj2018-factorized with 3D convolutions and 3D GDN, trained here, for the last three axes of a chunk.

    Parameters
    ----------
    quality : int
        1 to 8.
    metric : str
        ``mse``, or ``ms-ssim`` (of planes): the second was trained on from the first, as in the study.
    weights : str, optional
        File of weights, or a folder to search before `$ZARR_NEURAL_ZOO` and the user's own; or the SHA-256 that the
        file must have, see `pinned`.
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
    multiples = (4, 16, 16)

    def __init__(
        self,
        quality: int = 8,
        metric: str = "mse",
        weights: str | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        check_volume(metric, quality)
        super().__init__(weights, low, high)
        self.quality, self.metric = quality, metric

    @property
    def identity(self) -> str:
        """Name, settings and SHA-256 of the weights."""
        return f"{VOLUME} {self.metric} quality={self.quality} weights={self._file()[1]}"

    @staticmethod
    def missing(metric: str = "mse", quality: int = 8, weights: str | None = None) -> str:
        """Say why the codec cannot be used here: the library or its file of weights is missing; "" if it can."""
        return lacking(lambda: FactorizedPrior3D(quality, metric, weights))

    def _file(self) -> tuple[Path, str]:
        from . import library  # noqa: F401 (heavy; the absence of CompressAI comes before that of a file)

        path = files.locate(files.grey_file_name(VOLUME), self.weights, advice=files.TRAINED)
        return path, sha256(path)

    def _coder(self) -> Any:
        from .coder import volume_coder  # torch and CompressAI: loaded by the first chunk

        return volume_coder(self.metric, self.quality, *self._file())
