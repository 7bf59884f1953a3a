"""The work of one task: a region is read, written block by block, and every block read back at once.

So the error is measured on what a reader will get, the checksums of every chunk of every level have been met, and a
broken promise stops the conversion. Where a region spans whole planes its overviews are made in the same go, from the
pixels that read back; otherwise later, from the level above as it lies in the store: the same pixels either way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.ask.decide import Choice
from zarr_neural.archive.ask.options import Options
from zarr_neural.archive.check.measure import Tally, tally
from zarr_neural.archive.check.promise import count_beyond, exceeds, largest_rmse, noise_bounds, rmse_limit
from zarr_neural.archive.check.report import Clock
from zarr_neural.archive.layout import Level, Region, check_aligned, grid, region_shape
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write.journal import Journal
from zarr_neural.archive.write.pyramid import halve
from zarr_neural.archive.write.writers import Writers
from zarr_neural.errors import BoundError

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Job:
    """Everything that the tasks of one conversion share; `writers` write what `arrays` read."""

    image: SourceImage
    choice: Choice
    pyramid: list[Level]
    arrays: list[zarr.Array[Any]]
    writers: list[Writers]
    journal: Journal
    options: Options

    def regions(self, number: int) -> Iterator[Region]:
        """Yield the regions of level `number` that tasks work on."""
        yield from grid(self.pyramid[number].shape, self.region_shape(number))

    def region_shape(self, number: int) -> tuple[int, ...]:
        """Return the shape of the regions of level `number`."""
        together = self.image.axes.index("c") if self.image.samples > 1 else None
        return region_shape(self.pyramid[number], self.image.dtype.itemsize, together, self.image.samples)


@dataclass(frozen=True)
class Written:
    """A region that lies in the store: its level, the time it took, and its errors (full resolution only)."""

    number: int
    region: Region
    clock: Clock
    tallies: list[Tally]


def write_region(job: Job, number: int, region: Region, pixels: Pixels | None = None) -> list[Written]:
    """Write a region of level `number`, and those of the overviews that follow from it alone.

    Parameters
    ----------
    job : Job
        What the tasks share.
    number : int
        Of the level, 0 is the full resolution.
    region : Region
        Whole blocks of that level.
    pixels : ndarray, optional
        What to write; without it the source, or the level above, is read.

    Raises
    ------
    ArchiveError
        The region cuts a block in two, or the source cannot be read there.
    BoundError
        What reads back breaks the promise.
    DamagedChunkError
        What reads back is not what was written.
    """
    level, array = job.pyramid[number], job.arrays[number]
    check_aligned(region, level.shape, level.block)
    if pixels is None:
        pixels = job.image.read(region) if number == 0 else _from_above(job, number, region)
    clock, tallies, writers = Clock(), [], job.writers[number]
    decoded = np.empty_like(pixels)
    axis = job.image.axes.index("c") if "c" in job.image.axes else None
    for block in grid(level.shape, level.block, region):
        inside = tuple(slice(b.start - r.start, b.stop - r.start) for b, r in zip(block, region, strict=True))
        writer = writers.of(block)
        begun = time.perf_counter()
        writer[block] = pixels[inside]
        written = time.perf_counter()
        decoded[inside] = np.asarray(array[block])
        read = time.perf_counter()
        found = tally(pixels[inside], decoded[inside], axis, 0 if axis is None else block[axis].start)
        _check_promise(job, found, number, block)
        _check_noise(job, pixels[inside], decoded[inside], number, block)
        _check_rmse(job, pixels[inside], decoded[inside], writer, region_key(number, block))
        if number == 0:
            size = decoded[inside].size
            clock.add(Clock(size, written - begun, size, read - written))
            tallies += found
    del pixels
    following = _region_below(job, number, region)
    rest = [] if following is None else write_region(job, number + 1, following, _halved(job, decoded))
    return [Written(number, region, clock, tallies), *rest]


def _region_below(job: Job, number: int, region: Region) -> Region | None:
    """The region of the next level that whole planes give, None if there is none or it takes more than this one."""
    if number + 1 == len(job.pyramid) or any(
        part != slice(0, size) for part, size in zip(region[-2:], job.pyramid[number].shape[-2:], strict=True)
    ):
        return None
    shape = job.pyramid[number + 1].shape
    below = (*region[:-2], *(slice(0, size) for size in shape[-2:]))
    task = job.region_shape(number + 1)
    whole = all(
        part.start % side == 0 and part.stop == min(part.start + side, size)
        for part, side, size in zip(below, task, shape, strict=True)
    )
    return below if whole and region_key(number + 1, below) not in job.journal.done else None


def _halved(job: Job, decoded: Pixels) -> Pixels:
    return halve(decoded, labels=job.choice.labels)


def _from_above(job: Job, number: int, region: Region) -> Pixels:
    """The pixels of an overview region: the level above as it reads back, at half size."""
    above = job.pyramid[number - 1].shape
    wide = (
        *region[:-2],
        *(slice(2 * r.start, min(2 * r.stop, size)) for r, size in zip(region[-2:], above[-2:], strict=True)),
    )
    return _halved(job, np.asarray(job.arrays[number - 1][wide]))


def _check_promise(job: Job, tallies: list[Tally], number: int, block: Region) -> None:
    """Compare the errors of a block with the one bound that all pixels of a channel have, if they have one."""
    for entry in tallies:
        bound = job.choice.of_channel(entry["c"]).bound
        if bound is not None and entry["max"] > bound:
            raise BoundError(
                f"{job.image.path.name}: pixels {region_key(number, block)} read back with an error of {entry['max']}, "
                f"promised was {bound}"
            )


def _check_noise(job: Job, source: Pixels, decoded: Pixels, number: int, block: Region) -> None:
    """Compare every pixel with half a noise step at its level, where the codec has a noise model."""
    bounds = noise_bounds(job.arrays[number])
    beyond = 0 if bounds is None else count_beyond(source, decoded, bounds)
    if beyond:
        raise BoundError(
            f"{job.image.path.name}: pixels {region_key(number, block)}: {beyond} read back with an error of more than "
            "the half noise step that was promised"
        )


def _check_rmse(job: Job, source: Pixels, decoded: Pixels, writer: zarr.Array[Any], key: str) -> None:
    """Compare the rmse of every chunk with what the codec that it was written with promises, if it does."""
    limit = rmse_limit(writer)
    if limit is None:
        return
    worst = largest_rmse(source, decoded, writer.chunks)
    if exceeds(worst, limit):
        raise BoundError(
            f"{job.image.path.name}: pixels {key} read back with a chunk whose rmse is {worst:.6g}, promised was "
            f"{limit:g}"
        )


def region_key(number: int, region: Region) -> str:
    """Return the journal's name for a region of level `number`, such as "0/0:1,0:1024,0:1024"."""
    return f"{number}/" + ",".join(f"{part.start}:{part.stop}" for part in region)


def region_size(region: Region) -> int:
    """Return the number of pixels of a region."""
    return math.prod(part.stop - part.start for part in region)
