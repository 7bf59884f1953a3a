"""THE path: one ndarray <-> one bytes. Only this room knows the order of the steps.

In: an array of two or more dimensions, (leading axes..., Y, X), a `Fidelity`, the id of a model. Out: the bytes of one
chunk, and back. May import ``models``, ``intnet``, ``entropy``, ``bitstream``, ``errors``, the zstd and shuffle of
numcodecs; never torch, zarr, dask or tifffile. Specification: ``zarr_neural/spec/v1.md``. Tests: ``tests/chunk``.

Encoding:  planes -> names -> margin -> quantiser -> levels and palette -> path L or shuffle + zstd -> container.
"""

from zarr_neural.chunk.decode import decode_chunk
from zarr_neural.chunk.describe import describe
from zarr_neural.chunk.encode import check_dtype, encode_chunk
from zarr_neural.chunk.fidelity import Fidelity, fidelity_of
from zarr_neural.chunk.names import holds_names
from zarr_neural.chunk.noise import NoiseModel, estimate_noise

__all__ = [
    "Fidelity",
    "NoiseModel",
    "check_dtype",
    "decode_chunk",
    "describe",
    "encode_chunk",
    "estimate_noise",
    "fidelity_of",
    "holds_names",
]
