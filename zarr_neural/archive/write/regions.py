"""The work of one task: a region is read, written block by block, and every block read back at once.

So the error is measured on what a reader will get, the checksums of every chunk of every level have been met, and a
broken promise stops the conversion. The overviews are made in the same go from the pixels of the source; what a region
of an overview still lacks comes with the neighbours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.ask.decide import Choice
from zarr_neural.archive.ask.options import Options
from zarr_neural.archive.ask.request import MEAN
from zarr_neural.archive.check.measure import Tally, tally, with_levels
from zarr_neural.archive.check.promise import count_beyond, exceeds, largest_rmse, noise_bounds, rmse_limit
from zarr_neural.archive.check.report import Clock
from zarr_neural.archive.layout import Level, Region, check_aligned, grid, levels, region_shape
from zarr_neural.archive.overviews import Cascade, overview
from zarr_neural.archive.stores import BlockFile, block_files, file_mark
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write.journal import Journal
from zarr_neural.archive.write.pixels import block_marks
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
    cascade: Cascade = field(init=False)

    def __post_init__(self) -> None:
        shapes = [self.region_shape(number) for number in range(len(self.pyramid))]
        cascade = Cascade([level.shape for level in self.pyramid], shapes, self.choice.labels)
        object.__setattr__(self, "cascade", cascade)

    def regions(self, number: int) -> Iterator[Region]:
        """Yield the regions of level `number` that tasks work on."""
        yield from grid(self.pyramid[number].shape, self.region_shape(number))

    def region_shape(self, number: int) -> tuple[int, ...]:
        """Return the shape of the regions of level `number`."""
        image = self.image
        return region_shape(self.pyramid[number], image.dtype.itemsize, image.interleaved, image.samples)

    def is_done(self, number: int, region: Region) -> bool:
        """Whether the journal has a region."""
        return region_key(number, region) in self.journal.done

    def is_wanted(self, number: int, region: Region) -> bool:
        """Whether a region, or an overview that needs a part of it, is still to be written."""
        if not self.is_done(number, region):
            return True
        return self.cascade.aligned and any(
            self.is_wanted(number + 1, below) for below in self.cascade.below(number, region)
        )


@dataclass(frozen=True)
class Written:
    """A region that lies in the store: its level, the time it took, its errors, the marks of its files and pixels."""

    number: int
    region: Region
    clock: Clock
    tallies: list[Tally]
    files: list[BlockFile]
    pixels: list[int]


def pyramid_of(image: SourceImage, options: Options) -> list[Level]:
    """Return the levels of the store of an image; shards keep channels apart that may be promised different rmse."""
    apart = image.channel_axis if options.fidelity.method in MEAN else None
    return levels(
        image.shape,
        image.dtype.itemsize,
        chunks=options.chunks,
        shards=options.shards,
        apart=apart,
        most=options.levels,
    )


def write_region(job: Job, number: int, region: Region, pixels: Pixels | None = None) -> list[Written]:
    """Write a region of level `number` unless it is there, and those of the overviews that it completes.

    Parameters
    ----------
    job : Job
        What the tasks share.
    number : int
        Of the level, 0 is the full resolution.
    region : Region
        Whole blocks of that level.
    pixels : ndarray, optional
        What to write; without it the source is read.

    Raises
    ------
    ArchiveError
        The region cuts a block in two, or the source cannot be read there.
    BoundError
        What reads back breaks the promise.
    DamagedChunkError
        What reads back is not what was written.
    """
    check_aligned(region, job.pyramid[number].shape, job.pyramid[number].block)
    if pixels is None and number == 0:
        pixels = job.image.read(region)
    elif pixels is None:
        pixels = overview(job.image.read, job.image.shape, number, region, job.choice.labels)
    written = [] if job.is_done(number, region) else [_write(job, number, region, pixels)]
    if job.cascade.aligned:
        for below, half in job.cascade.feed(number, region, pixels):
            if job.is_wanted(number + 1, below):
                written += write_region(job, number + 1, below, half)
    return written


def _write(job: Job, number: int, region: Region, pixels: Pixels) -> Written:
    level, array = job.pyramid[number], job.arrays[number]
    clock, tallies, writers = Clock(), [], job.writers[number]
    axis = job.image.channel_axis
    check = partial(_check_block, job, number)
    for block in grid(level.shape, level.block, region):
        inside = tuple(slice(b.start - r.start, b.stop - r.start) for b, r in zip(block, region, strict=True))
        writer = writers.of(block)
        begun = time.perf_counter()
        writer[block] = pixels[inside]
        written = time.perf_counter()
        decoded = np.asarray(array[block])
        read = time.perf_counter()
        found = tally(pixels[inside], decoded, axis, 0 if axis is None else block[axis].start)
        check(block, writer, pixels[inside], decoded, found)
        if number == 0:
            clock.add(Clock(decoded.size, written - begun, decoded.size, read - written))
        tallies += found
    if number == 0:
        tallies = with_levels(tallies, pixels, axis, 0 if axis is None else region[axis].start)
    folder = job.journal.store / level.path
    files = [file_mark(path) for path in block_files(folder, array, region)]
    marks = block_marks(pixels, region, level.block) if number == 0 else []
    return Written(number, region, clock, tallies, files, marks)


def _check_block(
    job: Job,
    number: int,
    block: Region,
    writer: zarr.Array[Any],
    source: Pixels,
    decoded: Pixels,
    tallies: list[Tally],
) -> None:
    """Hold a block that was read back against what is promised of its level: bound, noise, mean error."""
    where = f"{job.image.path.name}: pixels {region_key(number, block)}"
    for entry in tallies:
        bound = job.choice.of_channel(entry["c"], number).bound
        if bound is not None and entry["max"] > bound:
            raise BoundError(
                f"{where} were read back with an error of {entry['max']}, but at most {bound} was promised"
            )
    bounds = noise_bounds(writer)
    beyond = 0 if bounds is None else count_beyond(source, decoded, bounds)
    if beyond:
        raise BoundError(f"{where}: {beyond} were read back with an error above the promised half noise step")
    limit = rmse_limit(writer)
    if limit is not None and exceeds(worst := largest_rmse(source, decoded, writer.chunks), limit):
        raise BoundError(f"{where} hold a chunk with an rmse of {worst:.6g}, but at most {limit:g} was promised")


def region_key(number: int, region: Region) -> str:
    """Return the journal's name for a region of level `number`, such as "0/0:1,0:1024,0:1024"."""
    return f"{number}/" + ",".join(f"{part.start}:{part.stop}" for part in region)


def region_size(region: Region) -> int:
    """Return the number of pixels of a region."""
    return math.prod(part.stop - part.start for part in region)
