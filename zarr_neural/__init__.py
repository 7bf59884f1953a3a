"""Neural compression of microscopy images for Zarr: lossless or within a stated error, decoded alike on every machine.

>>> from zarr_neural import NeuralCodec, NeuralSerializer
"""

from typing import TYPE_CHECKING, Any

from zarr_neural import _native

if not _native.in_main_interpreter():  # its first call that lets go of the interpreter's lock would hang there
    raise ImportError(
        "zarr_neural works in the main interpreter alone, not in a subinterpreter: use threads or processes"
    )

from zarr_neural import codecs
from zarr_neural.chunk import NoiseModel, estimate_noise
from zarr_neural.codecs.compressor import NeuralCodec

if TYPE_CHECKING:
    from zarr_neural.codecs.serializer import NeuralSerializer

__version__ = "0.1.0"
__all__ = ["NeuralCodec", "NeuralSerializer", "NoiseModel", "__version__", "estimate_noise"]


def __getattr__(name: str) -> Any:
    if name == "NeuralSerializer":
        return codecs.NeuralSerializer  # imports zarr
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
