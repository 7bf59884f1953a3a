"""Which lossless codecs a benchmark compares with."""

from __future__ import annotations

from zarr_neural.zoo.classical import LOSSLESS, LosslessCodec

BASELINE = "jpegxl-7"

USUAL = tuple(
    LOSSLESS[name]
    for name in (
        "jpegxl-7",
        "jpegxl-3",
        "jpegls",
        "htj2k",
        "jpeg2000",
        "pcodec-8",
        "blosc-bit-5",
        "blosc-bit-9",
        "blosc-byte-5",
        "zstd-9",
        "png-6",
    )
)
"""What a benchmark compares with unless told otherwise."""

EIGHT_BITS_ALONE = ("webp", "avif")
"""Codecs that a run over all images cannot name."""

FURTHER = tuple(codec for name, codec in LOSSLESS.items() if codec not in USUAL and name not in EIGHT_BITS_ALONE)
"""Further settings, run when they are named."""


def by_name(names: list[str]) -> list[LosslessCodec]:
    """Return the codecs called `names`, in that order.

    Raises
    ------
    ValueError
        For a name that is not among `USUAL` and `FURTHER`; the message lists them.
    """
    known = {codec.name: codec for codec in USUAL + FURTHER}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown codec {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names]
