"""One image becomes one OME-Zarr store: region by region on all cores, resumable, the attributes last of all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import zarr

from zarr_neural.archive.ask.decide import Choice, decide
from zarr_neural.archive.ask.options import Options, Progress, silent
from zarr_neural.archive.ask.request import MEAN, make_codec
from zarr_neural.archive.check.measure import combine
from zarr_neural.archive.check.report import Clock, ImageReport, array_nbytes, channel_ratios, store_nbytes
from zarr_neural.archive.layout import Level, levels
from zarr_neural.archive.metadata import ome_attributes
from zarr_neural.archive.provenance import KEY, channel_records, outcome, plan_of, where_from
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write.documents import write_documents
from zarr_neural.archive.write.journal import Journal, check_replaceable
from zarr_neural.archive.write.regions import Job, region_key, region_size, write_region
from zarr_neural.archive.write.writers import Writers
from zarr_neural.errors import ArchiveError, BoundError, ZarrNeuralError

Item = TypeVar("Item")
Result = TypeVar("Result")


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
        The target exists and is not to be overwritten, the source cannot be read, or a ratio cannot be reached.
    BoundError
        What reads back breaks the promise. The unfinished store is thrown away; after any other error it is kept.
    """
    options = options or Options()
    check_replaceable(target, overwrite=options.overwrite)
    started, clock = time.perf_counter(), Clock()
    axis = image.axes.index("c") if "c" in image.axes else None
    apart = axis if options.fidelity.method in MEAN else None  # so that each channel can have its own rmse
    pyramid = levels(image.shape, image.dtype.itemsize, chunks=options.chunks, shards=options.shards, apart=apart)
    choice = decide(image, options, pyramid[0])
    journal = Journal(target, plan_of(image, choice, options), overwrite=options.overwrite)
    try:
        arrays = _open_arrays(journal, image, choice, pyramid, options)
        writers = [Writers(array, choice, image.channels, axis) for array in arrays]
        job = Job(image, choice, pyramid, arrays, writers, journal, options)
        _write_all(job, clock, progress)
        report = _finish(job, clock, time.perf_counter() - started)
        journal.finish()
    except BoundError:  # a defect of ours: nothing that was written is to be trusted
        journal.discard()
        raise
    except ZarrNeuralError as error:
        if not journal.done:
            journal.discard()
            raise
        raise ArchiveError(f"{error}; what was finished is kept, the same command goes on from there") from error
    finally:
        journal.close()
    return report


def _open_arrays(
    journal: Journal, image: SourceImage, choice: Choice, pyramid: list[Level], options: Options
) -> list[zarr.Array[Any]]:
    """Open the arrays of an earlier run, or create them; every chunk will be stored, so a missing one is a fault."""
    config: Any = {"write_empty_chunks": True}
    if journal.resumed and all((journal.store / level.path).exists() for level in pyramid):
        group = zarr.open_group(journal.store, mode="r+", zarr_format=options.zarr_format)
        return [_array(group, level.path).with_config(config) for level in pyramid]
    if journal.resumed:  # its store is gone, or was not even laid out
        journal.restart()
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


def _write_all(job: Job, clock: Clock, progress: Progress) -> None:
    """Write every region that the journal does not have yet, level after level.

    Two tasks at a time are enough for shards: zarr codes the chunks of a shard side by side, each with its own memory.
    """
    total = sum(math.prod(level.shape) for level in job.pyramid)
    plan = [(number, region) for number in range(len(job.pyramid)) for region in job.regions(number)]
    done = sum(region_size(region) for number, region in plan if region_key(number, region) in job.journal.done)
    progress(job.image.name, done, total)
    threads = job.options.threads if job.options.shards is False else min(2, job.options.threads)
    for number in range(len(job.pyramid)):
        todo = [region for n, region in plan if n == number and region_key(n, region) not in job.journal.done]
        work = partial(write_region, job, number)
        with ThreadPoolExecutor(threads) as pool, closing(_bounded(pool, work, todo, 2 * threads)) as results:
            for written in results:
                for part in written:
                    job.journal.record(region_key(part.number, part.region), {"tallies": part.tallies})
                    clock.add(part.clock)
                    done += region_size(part.region)
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
                yield from (task.result() for task in sorted(finished, key=_failed))
        while open_tasks:
            finished, open_tasks = wait(open_tasks, return_when=FIRST_COMPLETED)
            yield from (task.result() for task in sorted(finished, key=_failed))
    finally:
        for task in open_tasks:
            task.cancel()


def _failed(task: Future[Any]) -> bool:
    """Whether a finished task failed: what succeeded beside it is recorded first."""
    return task.exception() is not None


def _finish(job: Job, clock: Clock, seconds: float) -> ImageReport:
    """Write the attributes, last of all, and return the report."""
    image, fidelity = job.image, job.choice.fidelity
    plan = plan_of(image, job.choice, job.options)
    keys = [region_key(0, region) for region in job.regions(0)]
    errors = combine(entry for key in keys for entry in job.journal.done[key]["tallies"])
    pixels = math.prod(image.shape)
    stored = array_nbytes(job.journal.store / job.pyramid[0].path)
    version_ = job.options.ome_version
    attributes = ome_attributes(image, job.pyramid, errors, version=version_, labels=job.choice.labels)
    axis = image.axes.index("c") if "c" in image.axes else None
    ratios = channel_ratios(job.journal.store / job.pyramid[0].path, job.arrays[0], axis)
    records = channel_records(image.channel_names, errors, job.choice.noise, ratios)
    ratio, bits = round(pixels * image.dtype.itemsize / stored, 4), round(8 * stored / pixels, 4)
    attributes[KEY] = {
        **plan,
        **outcome(job.arrays[0], records, ratio, bits, [*image.notes, *job.choice.notes]),
    }
    attributes[KEY] |= where_from(image)
    group = zarr.open_group(job.journal.store, mode="r+", zarr_format=job.options.zarr_format)
    write_documents(group, job.journal.store, image.record.documents)
    group.attrs.update(attributes)
    decibels = [error.psnr_db for error in errors if error.psnr_db is not None]
    return ImageReport(
        source=str(image.path),
        target=str(job.journal.target),
        status="converted",
        axes=image.axes,
        shape=image.shape,
        dtype=image.dtype.name,
        asked=plan["asked"],
        method=fidelity.method,
        parameters=fidelity.record(),
        targets=tuple(plan.get("targets", ())),
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
