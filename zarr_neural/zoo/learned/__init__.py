"""The learned codecs of the literature as CompressAI implements them: published weights, and smaller ones trained here.

In: chunks of grey planes or volumes, 8 or 16 bits. Out: bytes of a `ResearchCodec`, and back. `zoo_codec` and
`factorized_prior_3d` are light: CompressAI and torch (extra ``zoo``) are imported through `library`, by the first
chunk. Weights are files outside the wheel (`weights`): CompressAI's published ones under their own names, those
trained here under the name of the architecture. The first are fetched by `download`, which is

    zarr-neural download NAME --metric METRIC --quality QUALITY

Training: `grey_training`, called by

    zarr-neural train zoo NAME --data DIR --out FILE --log FILE [--start FILE]

which hands in the pictures of `zarr_neural.training`: rooms beside one another do not import each other.
May import: `zarr_neural.zoo`'s base and below, numpy; torch, CompressAI and pytorch-msssim behind `library`.
Tests: `tests/zoo/learned` (without CompressAI), `tests/zoo_compressai` (with it).
"""

from .factorized_prior_3d import FactorizedPrior3D
from .zoo_codec import ZooCodec, available

__all__ = ["FactorizedPrior3D", "ZooCodec", "available"]
