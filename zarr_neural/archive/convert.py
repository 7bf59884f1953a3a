"""One image becomes one OME-Zarr store: region by region, read back as it is written, resumable.

Every region is read from the source once, written block by block, and each block is read back at once: the error is
measured on what a reader will get, and a broken promise stops the conversion. Overviews are made from the level
above as it reads back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.fidelity import Choice, choose, make_codec
from zarr_neural.archive.journal import Journal
from zarr_neural.archive.layout import Level, Region, check_aligned, grid, levels, region_shape
from zarr_neural.archive.measure import Tally, combine, tally
from zarr_neural.archive.metadata import ome_attributes
from zarr_neural.archive.options import Options, Progress, silent
from zarr_neural.archive.provenance import KEY, channel_names, channel_records, outcome, plan_of
from zarr_neural.archive.pyramid import halve
from zarr_neural.archive.report import Clock, ImageReport, array_nbytes, store_nbytes
from zarr_neural.archive.source import SourceImage
from zarr_neural.errors import ArchiveError, BoundError

Item = TypeVar("Item")
Result = TypeVar("Result")
Pixels = npt.NDArray[Any]


@dataclass
class _Job:
    """Everything that the tasks of one conversion share."""

    image: SourceImage
    choice: Choice
    pyramid: list[Level]
    arrays: list[zarr.Array[Any]]
    journal: Journal
    options: Options


def convert_image(
    image: SourceImage, target: Path, options: Options | None = None, progress: Progress = silent
) -> ImageReport:
    """Write `image` to a new OME-Zarr store at `target` and return what was measured.

    Parameters
    ----------
    image : SourceImage
        An open image.
    target : Path
        The store. It appears when it is complete; until then `<target>.partial` holds the unfinished store, and
        calling again with the same image and options goes on from there.
    options : Options, optional
        Default: noise 1.0, OME-Zarr 0.5.
    progress : callable
        Called with (name, pixels done, pixels in all) after every region; may raise to stop.

    Raises
    ------
    ArchiveError
        The target exists and is not to be overwritten, or the source cannot be read.
    BoundError
        What reads back breaks the promise.
    """
    options = options or Options()
    if target.exists() and not options.overwrite:
        raise ArchiveError(f"{target} exists; it is replaced only with overwrite")
    started, clock = time.perf_counter(), Clock()
    choice = choose(image, options.fidelity, options.labels)
    pyramid = levels(image.shape, image.dtype.itemsize, chunks=options.chunks, shards=options.shards)
    journal = Journal(target, plan_of(image, choice, options))
    try:
        arrays = _open_arrays(journal, image, choice, pyramid, options)
        job = _Job(image, choice, pyramid, arrays, journal, options)
        _write_all(job, clock, progress)
        report = _finish(job, clock, time.perf_counter() - started)
    except (ArchiveError, BoundError):
        journal.discard()
        raise
    journal.finish()
    return report


def _open_arrays(
    journal: Journal, image: SourceImage, choice: Choice, pyramid: list[Level], options: Options
) -> list[zarr.Array[Any]]:
    """Open the arrays of an earlier run, or create them; every chunk will be stored, so a missing one is a fault."""
    config: Any = {"write_empty_chunks": True}
    if journal.resumed and all((journal.store / level.path).exists() for level in pyramid):
        group = zarr.open_group(journal.store, mode="r+", zarr_format=options.zarr_format)
        return [_array(group, level.path).with_config(config) for level in pyramid]
    group = zarr.open_group(journal.store, mode="w", zarr_format=options.zarr_format)
    codec: Any = make_codec(choice.fidelity, options.zarr_format)
    arrays = []
    for level in pyramid:
        common: dict[str, Any] = {
            "shape": level.shape,
            "dtype": image.dtype,
            "chunks": level.chunks,
            "fill_value": 0,
            "config": config,
        }
        if options.zarr_format == 2:
            keys: Any = {"name": "v2", "separator": "/"}
            array = group.create_array(level.path, compressors=codec, filters=None, chunk_key_encoding=keys, **common)
            array.attrs["_ARRAY_DIMENSIONS"] = list(image.axes)
        else:
            names = list(image.axes)
            shards = level.shards
            array = group.create_array(
                level.path, serializer=codec, compressors=None, shards=shards, dimension_names=names, **common
            )
        arrays.append(array)
    return arrays


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    array = group[path]
    if not isinstance(array, zarr.Array):
        raise ArchiveError(f"{path} is a group, an array was expected")
    return array


def _write_all(job: _Job, clock: Clock, progress: Progress) -> None:
    """Write every region that the journal does not have yet, level after level."""
    total = sum(math.prod(level.shape) for level in job.pyramid)
    together = job.image.axes.index("c") if job.image.samples > 1 else None
    done = 0
    for number, level in enumerate(job.pyramid):
        shape = region_shape(level, job.image.dtype.itemsize, together, job.image.samples)
        todo = []
        for region in grid(level.shape, shape):
            if region_key(number, region) in job.journal.done:
                done += _size(region)
            else:
                todo.append(region)
        progress(job.image.name, done, total)

        def work(region: Region, number: int = number) -> tuple[Region, Clock, list[Tally]]:
            return _write_region(job, number, region)

        threads = job.options.threads
        with ThreadPoolExecutor(threads) as pool, closing(_bounded(pool, work, todo, 2 * threads)) as results:
            for region, spent, tallies in results:
                job.journal.record(region_key(number, region), {"tallies": tallies})
                clock.add(spent)
                done += _size(region)
                progress(job.image.name, done, total)


def _bounded(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Generator[Result, None, None]:
    """Yield results as they come, never more than `ahead` tasks open; on an error the open ones are called off."""
    open_tasks: set[Future[Result]] = set()
    try:
        for item in items:
            open_tasks.add(pool.submit(work, item))
            if len(open_tasks) >= ahead:
                finished, open_tasks = wait(open_tasks, return_when=FIRST_COMPLETED)
                yield from [task.result() for task in finished]
        while open_tasks:
            finished, open_tasks = wait(open_tasks, return_when=FIRST_COMPLETED)
            yield from [task.result() for task in finished]
    finally:
        for task in open_tasks:
            task.cancel()


def _write_region(job: _Job, number: int, region: Region) -> tuple[Region, Clock, list[Tally]]:
    """Write one region block by block, reading each back; the error is measured on the full resolution only."""
    level, array = job.pyramid[number], job.arrays[number]
    check_aligned(region, level.shape, level.block)
    pixels = job.image.read(region) if number == 0 else _from_above(job, number, region)
    clock, tallies = Clock(), []
    axis = job.image.axes.index("c") if "c" in job.image.axes else None
    for block in grid(level.shape, level.block, region):
        part = pixels[tuple(slice(b.start - r.start, b.stop - r.start) for b, r in zip(block, region, strict=True))]
        begun = time.perf_counter()
        array[block] = part
        written = time.perf_counter()
        clock.add(Clock(encoded=part.size, encode_seconds=written - begun))
        if number == 0:
            decoded = np.asarray(array[block])
            clock.add(Clock(decoded=part.size, decode_seconds=time.perf_counter() - written))
            found = tally(part, decoded, axis, 0 if axis is None else block[axis].start)
            _check_promise(job, found, block)
            tallies += found
    return region, clock, tallies


def _from_above(job: _Job, number: int, region: Region) -> Pixels:
    """The pixels of an overview region: the level above as it reads back, at half size."""
    above = job.pyramid[number - 1].shape
    wide = (
        *region[:-2],
        *(slice(2 * r.start, min(2 * r.stop, size)) for r, size in zip(region[-2:], above[-2:], strict=True)),
    )
    return halve(np.asarray(job.arrays[number - 1][wide]), labels=job.choice.labels)


def _check_promise(job: _Job, tallies: list[Tally], block: Region) -> None:
    fidelity = job.choice.fidelity
    worst = max(entry["max"] for entry in tallies)
    bound = {"lossless": 0.0, "max_error": fidelity.value}.get(fidelity.method)
    if bound is not None and worst > bound:
        raise BoundError(
            f"{job.image.path.name}: pixels {_text(block)} read back with an error of {worst}, promised was {bound}"
        )


def _finish(job: _Job, clock: Clock, seconds: float) -> ImageReport:
    """Write the attributes, last of all, and return the report."""
    image, fidelity = job.image, job.choice.fidelity
    regions = sorted(key for key in job.journal.done if key.startswith("0/"))
    errors = combine(entry for key in regions for entry in job.journal.done[key]["tallies"])
    pixels = math.prod(image.shape)
    stored = array_nbytes(job.journal.store / job.pyramid[0].path)
    version_ = job.options.ome_version
    attributes = ome_attributes(image, job.pyramid, errors, version=version_, labels=job.choice.labels)
    records = channel_records(channel_names(image), errors, job.choice.noise)
    ratio, bits = round(pixels * image.dtype.itemsize / stored, 4), round(8 * stored / pixels, 4)
    attributes[KEY] = {
        **plan_of(image, job.choice, job.options),
        **outcome(job.arrays[0], records, ratio, bits, [*image.notes, *job.choice.notes]),
    }
    zarr.open_group(job.journal.store, mode="r+", zarr_format=job.options.zarr_format).attrs.update(attributes)
    decibels = [error.psnr_db for error in errors if error.psnr_db is not None]
    return ImageReport(
        source=str(image.path),
        target=str(job.journal.target),
        status="converted",
        axes=image.axes,
        shape=image.shape,
        dtype=image.dtype.name,
        method=fidelity.method,
        parameters=fidelity.record(),
        ratio=ratio,
        bits_per_pixel=bits,
        stored_nbytes=stored,
        store_nbytes=store_nbytes(job.journal.store),
        source_nbytes=image.path.stat().st_size,
        max_error=max(error.max_error for error in errors),
        psnr_db=min(decibels, default=None),
        channels=tuple(records),
        encode_mpixel_s=clock.encode_rate,
        decode_mpixel_s=clock.decode_rate,
        seconds=seconds,
        resumed=job.journal.resumed,
        notes=(*image.notes, *job.choice.notes),
    )


def region_key(number: int, region: Region) -> str:
    """Return the journal's name for a region of level `number`, such as "0/0:1,0:1024,0:1024"."""
    return f"{number}/{_text(region)}"


def _text(region: Region) -> str:
    return ",".join(f"{part.start}:{part.stop}" for part in region)


def _size(region: Region) -> int:
    return math.prod(part.stop - part.start for part in region)
