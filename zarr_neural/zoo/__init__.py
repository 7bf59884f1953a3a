"""Research and classical codecs for comparison, behind the same interface as ours: real bitstreams in real stores.

In: ndarrays. Out: bytes, and back. Nothing here is portable between machines as our own format is: each chunk holds a
checksum of what its encoder decoded, so that a machine that rounds differently raises `MismatchError`, never shows
other pixels. May import ``chunk`` and below, numcodecs, imagecodecs, torch and CompressAI (the extras ``zoo`` and
``train``), the heavy ones on first use only. Tests: ``tests/zoo``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zarr_neural.zoo.autoencoders import AutoencoderCodec, ResidualCodec
    from zarr_neural.zoo.classical import ClassicalCodec, StudyTiles
    from zarr_neural.zoo.learned import FactorizedPrior3D, ZooCodec, available

__all__ = [
    "AutoencoderCodec",
    "ClassicalCodec",
    "FactorizedPrior3D",
    "ResidualCodec",
    "StudyTiles",
    "ZooCodec",
    "available",
]

HOMES = {
    "AutoencoderCodec": "zarr_neural.zoo.autoencoders.codec",
    "ClassicalCodec": "zarr_neural.zoo.classical.codec",
    "FactorizedPrior3D": "zarr_neural.zoo.learned.factorized_prior_3d",
    "ResidualCodec": "zarr_neural.zoo.autoencoders.residual_codec",
    "StudyTiles": "zarr_neural.zoo.classical.study_tiles",
    "ZooCodec": "zarr_neural.zoo.learned.zoo_codec",
    "available": "zarr_neural.zoo.learned.zoo_codec",
}
"""The module of each public name, imported on first use."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
