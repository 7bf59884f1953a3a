"""Adapters to the two codec interfaces: configuration in, configuration out, and no arithmetic.

`NeuralCodec` is a numcodecs codec (the compressor of a Zarr v2 array), `NeuralSerializer` a Zarr v3 array-to-bytes
codec; `rewritten` recognises chunks of which a part is written. May import ``chunk`` and below, numcodecs and zarr.
Specification: ``zarr_neural/spec/v1.md``, section 9. Tests: ``tests/codecs``.
"""

import importlib
from typing import TYPE_CHECKING, Any

from zarr_neural.codecs.compressor import NeuralCodec

if TYPE_CHECKING:
    from zarr_neural.codecs.serializer import NeuralSerializer

__all__ = ["NeuralCodec", "NeuralSerializer"]


def __getattr__(name: str) -> Any:
    # zarr takes half a second to import; who only encodes and decodes chunks does not need it
    if name == "NeuralSerializer":
        return importlib.import_module("zarr_neural.codecs.serializer").NeuralSerializer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
