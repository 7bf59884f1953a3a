"""The setting of the study that this project repeats: three codecs at "level 8", in tiles of 16 x 16 pixels."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.zoo.classical.library import absent, imagecodecs
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream

LEVEL = 8
SIDE = 16
INDEX_ENTRY = struct.Struct("<II")
"""Offset and byte count of a tile, of 4 bytes each, as in a TIFF."""


@dataclass(frozen=True)
class TileCodec:
    """How a codec does one tile, and what `LEVEL` means to it."""

    library: str
    meaning: str
    encode: Callable[[NDArray[Any]], bytes]
    decode: Callable[[bytes], NDArray[Any]]


TILE_CODECS: Mapping[str, TileCodec] = {
    "jpegxr": TileCodec(
        "JPEGXR",
        "quality 0.08 of 1",
        lambda tile: bytes(imagecodecs().jpegxr_encode(tile, level=LEVEL)),
        lambda data: np.asarray(imagecodecs().jpegxr_decode(data)),
    ),
    "jpeg2000": TileCodec(
        "JPEG2K",
        "8 dB of PSNR against the full scale of the dtype",
        lambda tile: bytes(imagecodecs().jpeg2k_encode(tile, level=LEVEL, codecformat="j2k")),
        lambda data: np.asarray(imagecodecs().jpeg2k_decode(data)),
    ),
    "lerc": TileCodec(
        "LERC",
        "errors of at most 8 grey levels",
        lambda tile: bytes(imagecodecs().lerc_encode(tile, level=LEVEL)),
        lambda data: np.asarray(imagecodecs().lerc_decode(data)),
    ),
}


class StudyTiles(ResearchCodec):
    """JPEG XR, JPEG 2000 or LERC as in the study: "level 8", which means another thing to each, in tiny tiles.

    The bytes are those that ``tifffile.imwrite(..., tile=(16, 16), compression=..., compressionargs={"level": 8})``
    writes: one stream a tile, tiles at the edge filled up with zeros, and 8 bytes a tile of the file's index. JPEG XR
    does 16-bit tiles alone: jxrlib wants 8-bit ones to be twice as large at that level.

    Parameters
    ----------
    family : {"jpegxr", "jpeg2000", "lerc"}

    Raises
    ------
    ConfigurationError
        For any other.
    """

    codec_id = "zarr_neural.study_tiles"

    def __init__(self, family: str) -> None:
        if family not in TILE_CODECS:
            raise ConfigurationError(f"the study used {', '.join(TILE_CODECS)}, not {family!r}")
        self.family = family

    @property
    def identity(self) -> str:
        """The codec; level and tile never change."""
        return f"{self.codec_id} {self.family} level {LEVEL}, {SIDE} x {SIDE}"

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return payload, no parameters, and decoded samples of a chunk of uint8 or uint16."""
        if chunk.dtype.kind != "u":
            raise UnsupportedInputError(f"{self.family} in the study's tiles takes uint8 and uint16, not {chunk.dtype}")
        codec = self._available()
        try:
            streams = [codec.encode(tile) for tile in _tiles(chunk)]
        except RuntimeError as error:
            raise UnsupportedInputError(
                f"{self.family} cannot code {chunk.dtype} tiles of {SIDE} x {SIDE} pixels at level {LEVEL}: {error}"
            ) from error
        index, offset = bytearray(), 0
        for stream in streams:
            index += INDEX_ENTRY.pack(offset, len(stream))
            offset += len(stream)
        payload = bytes(index) + b"".join(streams)
        return payload, (), self._expand(payload, chunk.shape, chunk.dtype)

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the samples of a stream, of its shape and dtype."""
        return self._expand(stream.payload, stream.shape, stream.dtype)

    def _available(self) -> TileCodec:
        codec = TILE_CODECS[self.family]
        missing = absent(codec.library)
        if missing:
            raise ConfigurationError(f"{self.family} is not available here: {missing}")
        return codec

    def _expand(self, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        codec = self._available()
        count, rows, columns = math.prod(shape[:-2]), -(-shape[-2] // SIDE), -(-shape[-1] // SIDE)
        index_nbytes = count * rows * columns * INDEX_ENTRY.size
        if index_nbytes > len(payload):
            raise DamagedChunkError("index of tiles", expected=f"{index_nbytes} bytes", found=f"{len(payload)} bytes")
        tiles = np.empty((count, rows, columns, SIDE, SIDE), dtype)
        flat = tiles.reshape(-1, SIDE, SIDE)
        try:
            for tile, (offset, nbytes) in zip(flat, INDEX_ENTRY.iter_unpack(payload[:index_nbytes]), strict=True):
                start = index_nbytes + offset
                tile[...] = codec.decode(payload[start : start + nbytes]).reshape(SIDE, SIDE)
        except RuntimeError as error:
            raise DamagedChunkError(f"a tile of {self.family} cannot be decoded ({error})") from error
        planes = tiles.swapaxes(2, 3).reshape(count, rows * SIDE, columns * SIDE)
        return np.ascontiguousarray(planes[:, : shape[-2], : shape[-1]]).reshape(shape)


def _tiles(chunk: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the tiles of all planes, row by row, those at the edge filled up with zeros."""
    rows, columns = (-side % SIDE for side in chunk.shape[-2:])
    for plane in chunk.reshape(-1, *chunk.shape[-2:]):
        whole = np.pad(plane, ((0, rows), (0, columns)))
        for y in range(0, whole.shape[0], SIDE):
            for x in range(0, whole.shape[1], SIDE):
                yield np.ascontiguousarray(whole[y : y + SIDE, x : x + SIDE])
