"""Reading the chunks of a store on all cores: alone, or beside the pixels of the source, level by level."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.ask.options import Options
from zarr_neural.archive.check.measure import ChannelError, Tally, combine, tally, with_levels
from zarr_neural.archive.check.promise import count_beyond, exceeds, largest_rmse, noise_bounds, rmse_limit
from zarr_neural.archive.layout import Level, Region, grid, region_shape
from zarr_neural.archive.overviews import Cascade, overview
from zarr_neural.archive.stores import BlockFile, ChunkPlace, chunk_places, file_mark
from zarr_neural.archive.tiff.source import SourceImage

Pixels = npt.NDArray[Any]
Result = TypeVar("Result")


Marks = dict[str, BlockFile]
"""Length and checksum of files by their names in the folder of an array."""


def read_alone(
    folder: Path, array: zarr.Array[Any], record: Mapping[str, Any], marks: Marks | None = None
) -> Iterator[tuple[ChunkPlace, str | None]]:
    """Read every chunk of an array and yield where it is and what is wrong with it; `marks` takes up its files."""
    shape = region_shape(Level("", array.shape, array.chunks, array.shards), array.dtype.itemsize)

    def read(region: Region) -> list[tuple[ChunkPlace, str | None]]:
        found = []
        for place in chunk_places(array, region):
            decoded = _decode(folder, array, record, place, marks)
            found.append((place, decoded if isinstance(decoded, str) else None))
        return found

    yield from _ahead(read, grid(array.shape, shape))


class Comparison:
    """The levels of a store beside the source that they were made from, which is read once.

    Parameters
    ----------
    store : Path
        Its folder.
    arrays : list of (str, zarr.Array)
        Its levels, the full resolution first.
    record : mapping
        What the store says of its making.
    image : SourceImage
        The source, opened for a second look.
    """

    def __init__(
        self, store: Path, arrays: list[tuple[str, zarr.Array[Any]]], record: Mapping[str, Any], image: SourceImage
    ) -> None:
        self._store, self._arrays, self._record, self._image = store, arrays, record, image
        self._axis = image.channel_axis
        levels = [Level(path, array.shape, array.chunks, array.shards) for path, array in arrays]
        itemsize = image.dtype.itemsize
        self._regions = [region_shape(level, itemsize, image.interleaved, image.samples) for level in levels]
        self._labels = bool(record.get("labels"))
        self._cascade = Cascade([level.shape for level in levels], self._regions, self._labels)
        self.marks: dict[str, Marks] = {path: {} for path, _ in arrays}
        self._tallies: list[list[Tally]] = [[] for _ in arrays]
        self._limits = [_rmse_limits(array, record, number == 0) for number, (_, array) in enumerate(arrays)]
        self._bounds = [noise_bounds(array) for _, array in arrays]

    @property
    def errors(self) -> list[list[ChannelError]]:
        """What was lost, by level and channel."""
        return [combine(tallies) for tallies in self._tallies]

    def read(self) -> Iterator[tuple[str, ChunkPlace, str | None]]:
        """Read every chunk and yield the array, where the chunk is, and what is wrong with it."""
        numbers = range(1 if self._cascade.aligned else len(self._arrays))
        for number in numbers:
            shape = self._arrays[number][1].shape
            for found in _ahead(partial(self._region, number, None), grid(shape, self._regions[number])):
                level, place, what, tallies = found
                self._tallies[level] += tallies
                if place is not None:
                    yield self._arrays[level][0], place, what

    def _region(
        self, number: int, pixels: Pixels | None, region: Region
    ) -> list[tuple[int, ChunkPlace | None, str | None, list[Tally]]]:
        """Compare a region, and those of the overviews that it completes."""
        if pixels is None and number == 0:
            pixels = self._image.read(region)
        elif pixels is None:
            pixels = overview(self._image.read, self._image.shape, number, region, self._labels)
        path, array = self._arrays[number]
        found: list[tuple[int, ChunkPlace | None, str | None, list[Tally]]] = []
        tallies: list[Tally] = []
        for place in chunk_places(array, region):
            decoded = _decode(self._store / path, array, self._record, place, self.marks[path])
            what: str | None = None
            if isinstance(decoded, str):
                what = decoded
            else:
                what, some = self._compare(number, place, pixels[_inside(place.region, region)], decoded)
                tallies += some
            found.append((number, place, what, []))
        if number == 0 and tallies:
            first = 0 if self._axis is None else region[self._axis].start
            tallies = with_levels(tallies, pixels, self._axis, first)
        found.append((number, None, None, tallies))
        if self._cascade.aligned:
            for below, half in self._cascade.feed(number, region, pixels):
                found += self._region(number + 1, half, below)
        return found

    def _compare(
        self, number: int, place: ChunkPlace, source: Pixels, decoded: Pixels
    ) -> tuple[str | None, list[Tally]]:
        channel = 0 if self._axis is None else place.region[self._axis].start
        what = None
        bounds, limits = self._bounds[number], self._limits[number]
        if bounds is not None and (beyond := count_beyond(source, decoded, bounds)):
            what = f"{_where(place)}: {beyond} pixels are off by more than the promised half noise step"
        if (limit := limits.get(channel, limits.get(None))) is not None:
            rmse = largest_rmse(source, decoded, self._arrays[number][1].chunks)
            if exceeds(rmse, limit):
                what = f"{_where(place)}: the rmse is {rmse:.6g}, but at most {limit:g} was promised"
        return what, tally(source, decoded, self._axis, channel)


def _decode(
    folder: Path, array: zarr.Array[Any], record: Mapping[str, Any], place: ChunkPlace, marks: Marks | None
) -> Pixels | str:
    """The pixels of a chunk, or what is wrong with it; its file is marked first, and is at hand when it is decoded."""
    if marks is not None and place.key not in marks:  # a shard is met once for each of its chunks, in one task
        marks[place.key] = file_mark(folder / place.key)
    if record.get("every_chunk_stored") and not (folder / place.key).is_file():
        return f"{_where(place)}: the file is missing"
    try:
        return np.asarray(array[place.region])
    except Exception as error:  # codecs of others raise what they like
        return f"{_where(place)}: {str(error) or type(error).__name__}"


def _ahead(work: Any, items: Iterable[Region]) -> Iterator[Any]:
    """Yield what comes of every item, in order, a few of them ahead on all cores."""
    threads = Options().threads
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[list[Any]]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _rmse_limits(array: zarr.Array[Any], record: Mapping[str, Any], full: bool) -> dict[int | None, float]:
    """The largest rmse of a chunk: by channel as the store records it, under None what the codec of the array says."""
    limits: dict[int | None, float] = {}
    if (every := rmse_limit(array)) is not None:
        limits[None] = every
        for channel, target in enumerate(record.get("targets", []) if full else []):
            limits[channel] = target["rmse"] or 0.0
    return limits


def _inside(part: Region, whole: Region) -> Region:
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, whole, strict=True))


def _where(place: ChunkPlace) -> str:
    return "[" + ", ".join(f"{part.start}:{part.stop}" for part in place.region) + "]"
