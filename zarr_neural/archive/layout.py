"""How an array is cut: chunks, shards, overview levels, and the regions that one task writes.

Everything here is arithmetic on shapes. A *block* is the unit that must be written whole: a shard where the array
has shards, otherwise a chunk. A *region* is one or more blocks, read from the source in one go.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zarr_neural.errors import ArchiveError, ConfigurationError

Region = tuple[slice, ...]

CHUNK_SIDE = 1024
OVERVIEW_SIDE = 256
REGION_NBYTES = 16 * 2**20
SHARD_NBYTES = 32 * 2**20


@dataclass(frozen=True)
class Level:
    """One array of the pyramid: its path in the group, shape, chunk shape, and shard shape (None: no shards)."""

    path: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None

    @property
    def block(self) -> tuple[int, ...]:
        """Shape of the smallest part that may be written: the shard, or the chunk where there are no shards."""
        return self.shards or self.chunks


def balanced_side(size: int) -> int:
    """Return the chunk side that cuts `size` pixels into equal parts of about 1024.

    Equal parts leave no thin strip at the edge: 1080 gives one chunk of 1080, 2160 gives two of 1080. Several are even
    numbers, so that each of them gives whole pixels of the overview by itself.

    Parameters
    ----------
    size : int
        Pixels along the axis, at least 1.
    """
    parts = max(1, round(size / CHUNK_SIDE))
    side = math.ceil(size / parts)
    return side if parts == 1 else side + side % 2


def chunk_shape(shape: Sequence[int], wanted: Sequence[int] | None = None) -> tuple[int, ...]:
    """Return the chunk shape for an array of `shape` whose last two axes are y and x.

    Parameters
    ----------
    shape : sequence of int
        Array shape.
    wanted : sequence of int, optional
        What the user asked for: the trailing axes, or all. Leading axes that are not named get 1. Clipped to `shape`.

    Raises
    ------
    ConfigurationError
        More numbers than axes, or a number below 1.
    """
    if wanted is None:
        return (*(1 for _ in shape[:-2]), *(balanced_side(size) for size in shape[-2:]))
    if len(wanted) > len(shape) or any(side < 1 for side in wanted):
        raise ConfigurationError(f"chunk or shard {tuple(wanted)} does not fit an image of shape {tuple(shape)}")
    full = (1,) * (len(shape) - len(wanted)) + tuple(wanted)
    return tuple(min(side, size) for side, size in zip(full, shape, strict=True))


def shard_shape(
    shape: Sequence[int],
    chunks: Sequence[int],
    itemsize: int,
    wanted: Sequence[int] | None = None,
    apart: int | None = None,
) -> tuple[int, ...]:
    """Return a shard shape, a whole number of chunks along every axis.

    Parameters
    ----------
    shape, chunks : sequence of int
        Array and chunk shape.
    itemsize : int
        Bytes of one pixel.
    wanted : sequence of int, optional
        What the user asked for (trailing axes, or all), rounded up to whole chunks. Without it, shards grow from the
        last axis to the first while they hold at most 32 MiB of pixels.
    apart : int, optional
        An axis along which shards do not grow by themselves.
    """
    if wanted is not None:
        sides = chunk_shape(shape, wanted)
        return tuple(math.ceil(side / chunk) * chunk for side, chunk in zip(sides, chunks, strict=True))
    axes = (axis for axis in reversed(range(len(shape))) if axis != apart)
    return grow(shape, chunks, itemsize, SHARD_NBYTES, axes)


def grow(
    shape: Sequence[int], block: Sequence[int], itemsize: int, nbytes: int, axes: Iterator[int]
) -> tuple[int, ...]:
    """Return `block` multiplied along `axes`, in that order, while it holds at most `nbytes` and is of use."""
    grown = list(block)
    for axis in axes:
        room = max(1, nbytes // (math.prod(grown) * itemsize))
        grown[axis] *= min(room, math.ceil(shape[axis] / grown[axis]))
    return tuple(grown)


def levels(
    shape: Sequence[int],
    itemsize: int,
    *,
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | bool = False,
    apart: int | None = None,
    most: int | None = None,
) -> list[Level]:
    """Return the pyramid: full resolution, then y and x halved (rounded up) until both are at most 256.

    Parameters
    ----------
    shape : sequence of int
        Shape of the full resolution, last two axes y and x.
    itemsize : int
        Bytes of one pixel.
    chunks : sequence of int, optional
        Chunk shape that the user asked for, see `chunk_shape`.
    shards : sequence of int or bool
        False: none. True: chosen here. Numbers: see `shard_shape`.
    apart : int, optional
        An axis along which shards that are chosen here do not grow.
    most : int, optional
        No more levels than this, the full resolution included.
    """
    pyramid: list[Level] = []
    current = tuple(shape)
    while True:
        parts = chunk_shape(current, chunks)
        wanted = None if isinstance(shards, bool) else shards
        whole = None if shards is False else shard_shape(current, parts, itemsize, wanted, apart)
        pyramid.append(Level(str(len(pyramid)), current, parts, whole))
        if max(current[-2:]) <= (OVERVIEW_SIDE if most is None else 1) or len(pyramid) == most:
            return pyramid
        current = (*current[:-2], *(math.ceil(size / 2) for size in current[-2:]))


def grid(shape: Sequence[int], block: Sequence[int], within: Region | None = None) -> Iterator[Region]:
    """Yield the regions of one block each that cover `within` (default: the whole shape), last axis fastest."""
    bounds = within or tuple(slice(0, size) for size in shape)
    axes = [
        [slice(start, min(start + side, bound.stop)) for start in range(bound.start, bound.stop, side)]
        for bound, side in zip(bounds, block, strict=True)
    ]
    yield from itertools.product(*axes)


def region_shape(level: Level, itemsize: int, together: int | None = None, count: int = 1) -> tuple[int, ...]:
    """Return the shape of the regions that tasks work on: whole blocks, growing along x, then y, up to 16 MiB.

    Parameters
    ----------
    level : Level
        The array.
    itemsize : int
        Bytes of one pixel.
    together : int, optional
        An axis whose neighbours lie interleaved in the source (the samples of RGB): read `count` of them at once.
    count : int
        How many.
    """
    block = list(level.block)
    if together is not None:
        block[together] *= math.ceil(min(count, level.shape[together]) / block[together])
    last = len(block) - 1
    return grow(level.shape, block, itemsize, REGION_NBYTES, iter((last, last - 1)))


def check_aligned(region: Region, shape: Sequence[int], block: Sequence[int]) -> None:
    """Refuse a region that would cut a block in two.

    A write of a part of a block decodes and codes it again: a second generation of loss, and a race between tasks.

    Raises
    ------
    ArchiveError
        An edge of the region lies neither on a block boundary nor on the edge of the array.
    """
    for axis, (part, size, side) in enumerate(zip(region, shape, block, strict=True)):
        if part.start % side or (part.stop % side and part.stop != size) or not 0 <= part.start < part.stop <= size:
            raise ArchiveError(
                f"region {part.start}:{part.stop} of axis {axis} (size {size}) does not lie on blocks of {side}"
            )
