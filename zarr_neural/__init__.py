"""Neural compression of microscopy images for Zarr: lossless or within a stated error, decoded alike on every machine.

>>> from zarr_neural import NeuralCodec, NeuralSerializer
"""

import importlib
from typing import TYPE_CHECKING, Any

from zarr_neural import _native

if not _native.in_main_interpreter():  # its first call that lets go of the interpreter's lock would hang there
    raise ImportError(
        "zarr_neural works in the main interpreter alone, not in a subinterpreter: use threads or processes"
    )

if TYPE_CHECKING:
    from zarr_neural.chunk import NoiseModel, estimate_noise
    from zarr_neural.codecs.compressor import NeuralCodec
    from zarr_neural.codecs.serializer import NeuralSerializer

__version__ = "0.1.0"
_HOMES = {
    "NeuralCodec": "zarr_neural.codecs.compressor",
    "NeuralSerializer": "zarr_neural.codecs.serializer",
    "NoiseModel": "zarr_neural.chunk",
    "estimate_noise": "zarr_neural.chunk",
}
__all__ = ["NeuralCodec", "NeuralSerializer", "NoiseModel", "__version__", "estimate_noise"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:  # loaded when they are asked for: zarr takes half a second, and the command line starts at once
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
