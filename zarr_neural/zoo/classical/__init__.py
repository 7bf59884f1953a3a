"""The classical codecs, lossy and lossless, at their best for squared error: the one place where they are set up.

In: planes, or chunks (..., Y, X), of 8- and 16-bit integers (some families: float32). Out: bytes, and back.

`FAMILIES` and `LOSSLESS` are small frozen records, which the evaluation measures directly; `ClassicalCodec` makes any
of them a Zarr compressor, and `StudyTiles` is what an earlier study measured. What brings an image to a codec's scale
(`scaling.Scale`) is stored in each chunk. imagecodecs and pcodec are imported on first use. Tests: ``tests/zoo``.
"""

from zarr_neural.zoo.classical.codec import ClassicalCodec
from zarr_neural.zoo.classical.families import FAMILIES, LOSSLESS, by_name, lossless_family, lossy_family
from zarr_neural.zoo.classical.lossless import LosslessCodec
from zarr_neural.zoo.classical.record import LossyCodec
from zarr_neural.zoo.classical.study_tiles import StudyTiles

__all__ = [
    "FAMILIES",
    "LOSSLESS",
    "ClassicalCodec",
    "LosslessCodec",
    "LossyCodec",
    "StudyTiles",
    "by_name",
    "lossless_family",
    "lossy_family",
]
