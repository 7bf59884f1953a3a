"""The classical codecs by name, lossy ones and lossless ones: one table each, which all that names a codec reads."""

from __future__ import annotations

from zarr_neural.errors import ConfigurationError
from zarr_neural.zoo.classical import fields, lossless, pictures, wavelets
from zarr_neural.zoo.classical.lossless import LosslessCodec
from zarr_neural.zoo.classical.record import LossyCodec

FAMILIES: dict[str, LossyCodec] = {
    codec.name: codec
    for codec in (
        wavelets.jpeg2000(),
        *(pictures.jpegxl(effort) for effort in (7, 3, 9)),
        *(pictures.avif(speed) for speed in (6, 4, 9)),
        wavelets.htj2k(),
        pictures.jpegxr(),
        pictures.webp(),
        pictures.jpeg(),
        fields.sperr(),
        fields.sz3(),
        fields.lerc(),
        fields.zfp(),
    )
}
"""Lossy codecs."""

LOSSLESS: dict[str, LosslessCodec] = {
    codec.name: codec
    for codec in (
        *(lossless.jpegxl(effort) for effort in (7, 3, 1, 9)),
        lossless.jpegls(),
        lossless.htj2k(),
        lossless.jpeg2000(),
        lossless.jpegxr(),
        lossless.webp(),
        lossless.lerc(),
        lossless.zfp(),
        lossless.avif(),
        *(lossless.pcodec(level) for level in (8, 12)),
        lossless.blosc_zstd(5, "bit"),
        lossless.blosc_zstd(9, "bit"),
        lossless.blosc_zstd(5, "byte"),
        *(lossless.zstd(level) for level in (9, 3, 19)),
        *(lossless.png(level) for level in (6, 9)),
    )
}
"""Lossless codecs."""


def lossy_family(name: str) -> LossyCodec:
    """Return the lossy codec called `name`.

    Raises
    ------
    ConfigurationError
        If there is none; the message lists those that there are.
    """
    if name not in FAMILIES:
        raise ConfigurationError(f"no lossy codec is called {name!r}; there are: {', '.join(FAMILIES)}")
    return FAMILIES[name]


def lossless_family(name: str) -> LosslessCodec:
    """Return the lossless codec called `name`.

    Raises
    ------
    ConfigurationError
        If there is none; the message lists those that there are.
    """
    if name not in LOSSLESS:
        raise ConfigurationError(f"no lossless codec is called {name!r}; there are: {', '.join(LOSSLESS)}")
    return LOSSLESS[name]


def by_name(names: list[str]) -> list[LossyCodec]:
    """Return the lossy codecs called `names`, in that order."""
    return [lossy_family(name) for name in names]
