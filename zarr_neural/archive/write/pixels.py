"""The digest of the pixels of a source: whether it is still what a store was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.layout import Region, grid
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.bitstream import crc32c


def pixels_mark(pixels: npt.NDArray[Any]) -> int:
    """Return the CRC-32C of pixels as little-endian bytes in C order."""
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return crc32c(little.reshape(-1).view(np.uint8))


def block_marks(pixels: npt.NDArray[Any], region: Region, block: Sequence[int]) -> list[int]:
    """Return the mark of every block (chunk or shard) of a region, last axis fastest."""
    sizes = [part.stop - part.start for part in region]
    return [pixels_mark(pixels[part]) for part in grid(sizes, block)]


def digest_of_pixels(marks: Mapping[tuple[int, ...], int]) -> str:
    """Return the SHA-256 of the marks of all blocks by where they begin, in their order."""
    return hashlib.sha256("".join(f"{marks[place]:08x}" for place in sorted(marks)).encode()).hexdigest()


def by_place(region: Region, block: Sequence[int], marks: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Return the marks of the blocks of a region by where the blocks begin in the image."""
    stops = [part.stop for part in region]
    places = (tuple(part.start for part in whole) for whole in grid(stops, block, region))
    return dict(zip(places, marks, strict=True))


def read_digest(image: SourceImage, regions: Iterable[Region], block: Sequence[int], threads: int) -> str:
    """Return the digest of the pixels as they are in the source now, which is read for it."""

    def read(region: Region) -> dict[tuple[int, ...], int]:
        return by_place(region, block, block_marks(image.read(region), region, block))

    found: dict[tuple[int, ...], int] = {}
    with ThreadPoolExecutor(threads) as pool:
        for some in pool.map(read, regions):
            found |= some
    return digest_of_pixels(found)
