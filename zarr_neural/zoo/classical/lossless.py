"""Lossless codecs that a user would pick, each a small frozen record with the same interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numcodecs import Blosc, Zstd, blosc
from numpy.typing import NDArray

from zarr_neural.zoo.classical.library import absent, absent_package, imagecodecs, pcodec_package

Image = NDArray[Any]
Stream = bytes | bytearray
Encode = Callable[[Image], Stream]
Decode = Callable[[Stream, tuple[int, ...], np.dtype[Any]], Image]

UNSIGNED = frozenset({"uint8", "uint16"})
INTEGERS = UNSIGNED | {"int8", "int16"}
NUMBERS = INTEGERS | {"float32"}


def _nothing() -> str:
    return ""


@dataclass(frozen=True)
class LosslessCodec:
    """A codec for one 2D tile: two functions, the setting in words and the dtypes that it takes as they are.

    Attributes
    ----------
    name
        The name in tables and on the command line.
    setting
        What was chosen, in the words of the library that does it.
    encode
        Tile (C-contiguous, one of `dtypes`) to bytes.
    decode
        Bytes, shape and dtype to the tile. Codecs whose streams know shape and dtype ignore the two.
    dtypes
        Names of the dtypes that need no shift to unsigned integers.
    unavailable
        Returns why the codec is not available here; nothing if it is.
    """

    name: str
    setting: str
    encode: Encode
    decode: Decode
    dtypes: frozenset[str] = UNSIGNED
    unavailable: Callable[[], str] = _nothing

    @property
    def missing(self) -> str:
        """Why the codec is not available here; empty if it is."""
        return self.unavailable()

    def why_not(self, image: Image) -> str:
        """Return why the codec cannot code an image, shifted to unsigned integers if need be, or nothing."""
        if self.missing or image.dtype.name in self.dtypes:
            return self.missing
        shifted = f"u{image.dtype}" if image.dtype.kind == "i" else image.dtype.name
        return "" if shifted in self.dtypes else f"takes no {image.dtype.name}"


def unsigned(tile: Image, low: int) -> Image:
    """Return a tile of signed integers with `low` subtracted, in the unsigned type of the same width."""
    return (tile.astype(np.int32) - low).astype(f"u{tile.dtype.itemsize}")


def signed(tile: Image, low: int, dtype: np.dtype[Any]) -> Image:
    """Return what `unsigned` was given."""
    return (tile.astype(np.int32) + low).astype(dtype)


def jpegxl(effort: int) -> LosslessCodec:
    """Lossless JPEG XL (libjxl) at `effort`."""
    return LosslessCodec(
        f"jpegxl-{effort}",
        f"lossless, effort {effort}",
        lambda tile: imagecodecs().jpegxl_encode(tile, lossless=True, effort=effort, numthreads=1),
        lambda data, shape, dtype: imagecodecs().jpegxl_decode(data, numthreads=1).reshape(shape),
        unavailable=partial(absent, "JPEGXL"),
    )


def _jpegls(name: str, setting: str, max_error: int) -> LosslessCodec:
    return LosslessCodec(
        name,
        setting,
        # noise takes more room than its pixels, for which imagecodecs would leave none
        lambda tile: imagecodecs().jpegls_encode(tile, level=max_error, out=2 * tile.nbytes + 1024),
        lambda data, shape, dtype: imagecodecs().jpegls_decode(data).reshape(shape),
        unavailable=partial(absent, "JPEGLS"),
    )


def jpegls() -> LosslessCodec:
    """Lossless JPEG-LS (CharLS)."""
    return _jpegls("jpegls", "lossless", 0)


def jpegls_near(max_error: int) -> LosslessCodec:
    """JPEG-LS in its own near-lossless mode: the standard's answer to a bound on the error of every pixel."""
    return _jpegls("jpegls-near", f"NEAR={max_error}", max_error)


def htj2k() -> LosslessCodec:
    """Reversible High-Throughput JPEG 2000 (OpenJPH)."""
    return LosslessCodec(
        "htj2k",
        "reversible",
        lambda tile: imagecodecs().htj2k_encode(tile, reversible=True),
        lambda data, shape, dtype: imagecodecs().htj2k_decode(data).reshape(shape),
        unavailable=partial(absent, "HTJ2K"),
    )


def jpeg2000() -> LosslessCodec:
    """Reversible JPEG 2000 (OpenJPEG), as a bare code stream."""
    return LosslessCodec(
        "jpeg2000",
        "reversible, code stream",
        lambda tile: imagecodecs().jpeg2k_encode(tile, reversible=True, codecformat="j2k", numthreads=1),
        lambda data, shape, dtype: imagecodecs().jpeg2k_decode(data, numthreads=1).reshape(shape),
        unavailable=partial(absent, "JPEG2K"),
    )


def jpegxr() -> LosslessCodec:
    """JPEG XR (jxrlib) in its lossless mode."""
    return LosslessCodec(
        "jpegxr",
        "lossless",
        lambda tile: imagecodecs().jpegxr_encode(tile),
        lambda data, shape, dtype: imagecodecs().jpegxr_decode(data).reshape(shape),
        unavailable=partial(absent, "JPEGXR"),
    )


def lerc() -> LosslessCodec:
    """LERC (Esri) without error, zstd behind it."""
    return LosslessCodec(
        "lerc",
        "no error, zstd",
        lambda tile: imagecodecs().lerc_encode(tile, 0, compression="zstd"),
        lambda data, shape, dtype: imagecodecs().lerc_decode(data).reshape(shape),
        NUMBERS,
        partial(absent, "LERC"),
    )


def webp() -> LosslessCodec:
    """Lossless WebP (libwebp) of 8-bit planes: red, green and blue alike, since it knows colour alone."""
    return LosslessCodec(
        "webp",
        "lossless, method 6",
        lambda tile: imagecodecs().webp_encode(
            np.repeat(tile[..., np.newaxis], 3, axis=-1), lossless=True, method=6, numthreads=1
        ),
        lambda data, shape, dtype: np.ascontiguousarray(imagecodecs().webp_decode(data)[..., 1]).reshape(shape),
        frozenset({"uint8"}),
        partial(absent, "WEBP"),
    )


def avif() -> LosslessCodec:
    """Lossless AVIF (libaom) of 8-bit planes, luma alone: what imagecodecs makes of grey planes at its best level."""
    return LosslessCodec(
        "avif",
        "lossless, speed 6",
        lambda tile: imagecodecs().avif_encode(tile, level=100, speed=6, numthreads=1),
        lambda data, shape, dtype: imagecodecs().avif_decode(data, numthreads=1).reshape(shape),
        frozenset({"uint8"}),
        partial(absent, "AVIF"),
    )


def zfp() -> LosslessCodec:
    """ZFP in its reversible mode, given the integers as float32, which costs less than as 32-bit integers."""

    def encode(tile: Image) -> Stream:
        mode = imagecodecs().ZFP.MODE.REVERSIBLE
        return bytes(imagecodecs().zfp_encode(tile.astype(np.float32), mode=mode, numthreads=1))

    return LosslessCodec(
        "zfp",
        "reversible, float32",
        encode,
        lambda data, shape, dtype: imagecodecs().zfp_decode(data, numthreads=1).astype(dtype).reshape(shape),
        NUMBERS,
        partial(absent, "ZFP"),
    )


def png(level: int) -> LosslessCodec:
    """PNG with adaptive filters (libpng)."""
    return LosslessCodec(
        f"png-{level}",
        f"level {level}, adaptive filters",
        # a byte for the filter of each row: narrow noise takes more room than imagecodecs would leave
        lambda tile: imagecodecs().png_encode(tile, level=level, out=2 * tile.nbytes + 1024),
        lambda data, shape, dtype: imagecodecs().png_decode(data).reshape(shape),
        unavailable=partial(absent, "PNG"),
    )


def blosc_zstd(level: int, shuffle: str) -> LosslessCodec:
    """Blosc with zstd behind a bit or byte shuffle, as Zarr version 2 users know it."""
    flag = {"bit": Blosc.BITSHUFFLE, "byte": Blosc.SHUFFLE}[shuffle]
    codec = Blosc(cname="zstd", clevel=level, shuffle=flag)
    return LosslessCodec(
        f"blosc-{shuffle}-{level}",
        f"zstd, level {level}, {shuffle} shuffle",
        codec.encode,
        lambda data, shape, dtype: np.frombuffer(codec.decode(data), dtype).reshape(shape),
        NUMBERS,
    )


def zstd(level: int) -> LosslessCodec:
    """Zstandard alone, which is Zarr's default."""
    codec = Zstd(level=level)
    return LosslessCodec(
        f"zstd-{level}",
        f"level {level}",
        codec.encode,
        lambda data, shape, dtype: np.frombuffer(codec.decode(data), dtype).reshape(shape),
        NUMBERS,
    )


def pcodec(level: int) -> LosslessCodec:
    """Pcodec, the numerical codec that Zarr offers (its 8-bit types switched on)."""

    def encode(tile: Image) -> Stream:
        config = pcodec_package().ChunkConfig(compression_level=level, enable_8_bit=True)
        return bytes(pcodec_package().standalone.simple_compress(tile.ravel(), config))

    def decode(data: Stream, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Image:
        return np.asarray(pcodec_package().standalone.simple_decompress(data)).reshape(shape)

    return LosslessCodec(
        f"pcodec-{level}", f"level {level}", encode, decode, NUMBERS, partial(absent_package, "pcodec")
    )


def one_thread_per_tile() -> None:
    """Keep Blosc from starting threads of its own: the evaluation gives each tile one thread."""
    blosc.use_threads = False
