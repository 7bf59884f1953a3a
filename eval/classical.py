"""The codecs that a user would pick instead, each a small frozen record with the same interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numcodecs import Blosc, Zstd, blosc
from numpy.typing import NDArray
from pcodec import ChunkConfig, standalone

Image = NDArray[Any]
Stream = bytes | bytearray
Encode = Callable[[Image], Stream]
Decode = Callable[[Stream, tuple[int, ...], np.dtype[Any]], Image]

UNSIGNED = frozenset({"uint8", "uint16"})
INTEGERS = UNSIGNED | {"int8", "int16"}


@dataclass(frozen=True)
class Codec:
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
    """

    name: str
    setting: str
    encode: Encode
    decode: Decode
    dtypes: frozenset[str] = UNSIGNED


def jpegxl(effort: int) -> Codec:
    """Lossless JPEG XL (libjxl) at `effort`."""
    return Codec(
        f"jpegxl-{effort}",
        f"lossless, effort {effort}",
        lambda tile: imagecodecs.jpegxl_encode(tile, lossless=True, effort=effort, numthreads=1),
        lambda data, shape, dtype: imagecodecs.jpegxl_decode(data, numthreads=1).reshape(shape),
    )


def jpegls() -> Codec:
    """Lossless JPEG-LS (CharLS)."""
    return Codec(
        "jpegls",
        "lossless",
        lambda tile: imagecodecs.jpegls_encode(tile),
        lambda data, shape, dtype: imagecodecs.jpegls_decode(data).reshape(shape),
    )


def jpegls_near(max_error: int) -> Codec:
    """JPEG-LS in its own near-lossless mode: the standard's answer to a bound on the error of every pixel."""
    return Codec(
        "jpegls-near",
        f"NEAR={max_error}",
        lambda tile: imagecodecs.jpegls_encode(tile, level=max_error),
        lambda data, shape, dtype: imagecodecs.jpegls_decode(data).reshape(shape),
    )


def htj2k() -> Codec:
    """Reversible High-Throughput JPEG 2000 (OpenJPH)."""
    return Codec(
        "htj2k",
        "reversible",
        lambda tile: imagecodecs.htj2k_encode(tile, reversible=True),
        lambda data, shape, dtype: imagecodecs.htj2k_decode(data).reshape(shape),
    )


def jpeg2000() -> Codec:
    """Reversible JPEG 2000 (OpenJPEG), as a bare code stream."""
    return Codec(
        "jpeg2000",
        "reversible, code stream",
        lambda tile: imagecodecs.jpeg2k_encode(tile, reversible=True, codecformat="j2k", numthreads=1),
        lambda data, shape, dtype: imagecodecs.jpeg2k_decode(data, numthreads=1).reshape(shape),
    )


def png(level: int) -> Codec:
    """PNG with adaptive filters (libpng)."""
    return Codec(
        f"png-{level}",
        f"level {level}, adaptive filters",
        lambda tile: imagecodecs.png_encode(tile, level=level),
        lambda data, shape, dtype: imagecodecs.png_decode(data).reshape(shape),
    )


def blosc_zstd(level: int, shuffle: str) -> Codec:
    """Blosc with zstd behind a bit or byte shuffle, as Zarr version 2 users know it."""
    flag = {"bit": Blosc.BITSHUFFLE, "byte": Blosc.SHUFFLE}[shuffle]
    codec = Blosc(cname="zstd", clevel=level, shuffle=flag)
    return Codec(
        f"blosc-{shuffle}-{level}",
        f"zstd, level {level}, {shuffle} shuffle",
        codec.encode,
        lambda data, shape, dtype: np.frombuffer(codec.decode(data), dtype).reshape(shape),
        INTEGERS,
    )


def zstd(level: int) -> Codec:
    """Zstandard alone, which is Zarr's default."""
    codec = Zstd(level=level)
    return Codec(
        f"zstd-{level}",
        f"level {level}",
        codec.encode,
        lambda data, shape, dtype: np.frombuffer(codec.decode(data), dtype).reshape(shape),
        INTEGERS,
    )


def pcodec(level: int) -> Codec:
    """Pcodec, the numerical codec that Zarr offers (its 8-bit types switched on)."""

    def encode(tile: Image) -> Stream:
        config = ChunkConfig(compression_level=level, enable_8_bit=True)
        return bytes(standalone.simple_compress(tile.ravel(), config))

    def decode(data: Stream, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Image:
        return np.asarray(standalone.simple_decompress(data)).reshape(shape)

    return Codec(f"pcodec-{level}", f"level {level}", encode, decode, INTEGERS)


BASELINE = "jpegxl-7"

USUAL = (
    jpegxl(7),
    jpegxl(3),
    jpegls(),
    htj2k(),
    jpeg2000(),
    pcodec(8),
    blosc_zstd(5, "bit"),
    blosc_zstd(9, "bit"),
    blosc_zstd(5, "byte"),
    zstd(9),
    png(6),
)
"""What a benchmark compares with unless told otherwise."""

FURTHER = (jpegxl(1), jpegxl(9), zstd(3), zstd(19), pcodec(12), png(9))
"""Further settings, run when they are named."""


def by_name(names: list[str]) -> list[Codec]:
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


def one_thread_per_tile() -> None:
    """Keep Blosc from starting threads of its own: the evaluation gives each tile one thread."""
    blosc.use_threads = False
