"""Auto-encoders of the literature, with what their authors left out: codes as integers, real bytes, proof.

In: (..., side, side) uint8 chunks and the weights of a trained network, by SHA-256 or path. Out: bytes, and back.
May import what the zoo may; torch is loaded with the first chunk, never with the package. Networks are trained by
``python -m eval transfluor`` and ``python -m eval radiographs``. Tests: ``tests/zoo/autoencoders``.
"""

from zarr_neural.zoo.autoencoders.codec import AutoencoderCodec
from zarr_neural.zoo.autoencoders.residual_codec import ResidualCodec

__all__ = ["AutoencoderCodec", "ResidualCodec"]
