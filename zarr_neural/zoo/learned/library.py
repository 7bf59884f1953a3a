"""The one place that imports CompressAI: its start-up warnings are silenced, its absence is our error."""

from __future__ import annotations

import warnings

from zarr_neural.errors import MissingExtraError

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations in torch that CompressAI 1.2.6 meets when it is imported
        import compressai.models as models
        from compressai import layers
        from compressai.ans import RansDecoder
        from compressai.entropy_models import EntropyBottleneck, GaussianConditional
        from compressai.models.utils import conv, deconv
        from compressai.zoo.image import model_urls
        from compressai.zoo.pretrained import load_pretrained
except ModuleNotFoundError as error:
    raise MissingExtraError("CompressAI's models", error.name or "compressai", "zoo") from error

__all__ = [
    "EntropyBottleneck",
    "GaussianConditional",
    "RansDecoder",
    "conv",
    "deconv",
    "layers",
    "load_pretrained",
    "model_urls",
    "models",
]
