"""One image becomes one OME-Zarr store: region by region on all cores, resumable, the attributes last of all."""

from __future__ import annotations

import math
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import zarr

from zarr_neural.archive.ask.decide import Choice, decide
from zarr_neural.archive.ask.options import Options, Progress, silent
from zarr_neural.archive.ask.request import make_codec
from zarr_neural.archive.check.measure import ChannelError, combine
from zarr_neural.archive.check.report import Clock, ImageReport, array_nbytes, channel_ratios, store_nbytes
from zarr_neural.archive.layout import Level
from zarr_neural.archive.metadata import ome_attributes, transforms
from zarr_neural.archive.provenance import KEY, channel_records, outcome, plan_of, where_from
from zarr_neural.archive.stores import block_files, codec_records, digest_of_marks, file_mark
from zarr_neural.archive.tiff.identity import changed_error, is_unchanged
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write.documents import write_documents
from zarr_neural.archive.write.journal import Journal, check_replaceable
from zarr_neural.archive.write.pixels import by_place, digest_of_pixels, read_digest
from zarr_neural.archive.write.regions import Job, pyramid_of, region_key, region_size, write_region
from zarr_neural.archive.write.tasks import side_by_side
from zarr_neural.archive.write.writers import Writers
from zarr_neural.errors import ArchiveError, BoundError, SourceChangedError, ZarrNeuralError

SECOND_LOOK_NBYTES = 256 * 2**20


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
        Default: lossless, OME-Zarr 0.5.
    progress : callable
        Called with (name, pixels done, pixels in all) after every region; may raise to stop.

    Raises
    ------
    ArchiveError
        The target exists and is not to be overwritten, the source cannot be read or changed meanwhile, or a ratio
        cannot be reached.
    BoundError
        What reads back breaks the promise. The unfinished store is thrown away; after any other error it is kept.
    """
    options = options or Options()
    check_replaceable(target, overwrite=options.overwrite)
    started, clock = time.perf_counter(), Clock()
    pyramid = pyramid_of(image, options)
    choice = decide(image, options, pyramid[0])
    journal = Journal(target, plan_of(image, choice, options), overwrite=options.overwrite)
    try:
        group, arrays = _open_arrays(journal, image, choice, pyramid, options)
        writers = [
            Writers(array, choice, image.channels, image.channel_axis, number) for number, array in enumerate(arrays)
        ]
        job = Job(image, choice, pyramid, arrays, writers, journal, options)
        _forget_what_is_gone(job)
        _write_all(job, clock, progress)
        _check_unchanged(job)
        report = _finish(job, group, clock, time.perf_counter() - started)
        journal.finish()
    except (BoundError, SourceChangedError):  # nothing that was written is to be trusted
        journal.discard()
        raise
    except ZarrNeuralError as error:
        if not journal.done:
            journal.discard()
            raise
        raise ArchiveError(f"{error}; what was finished is kept: run the same command again to go on") from error
    finally:
        journal.close()
    return report


def _open_arrays(
    journal: Journal, image: SourceImage, choice: Choice, pyramid: list[Level], options: Options
) -> tuple[zarr.Group, list[zarr.Array[Any]]]:
    """Open the group and arrays of an earlier run, or create them.

    Every chunk will be stored, so that a missing one is a fault.
    """
    config: Any = {"write_empty_chunks": True}
    if journal.resumed and (found := _arrays_of_earlier_run(journal, pyramid, options, config)):
        return found
    if journal.resumed:  # its store is gone, was not even laid out, or is damaged
        journal.restart()
    group = zarr.open_group(journal.store, mode="w", zarr_format=options.zarr_format)
    arrays = []
    for number, level in enumerate(pyramid):
        codec: Any = make_codec(choice.of_level(number), options.zarr_format, level.chunks, image.dtype)
        common: dict[str, Any] = {
            "shape": level.shape,
            "dtype": image.dtype,
            "chunks": level.chunks,
            "fill_value": 0,
            "config": config,
        }
        if options.zarr_format == 2:
            keys: Any = {"name": "v2", "separator": "/"}
            named: Any = {"_ARRAY_DIMENSIONS": list(image.axes)}
            array = group.create_array(
                level.path, compressors=codec, filters=None, chunk_key_encoding=keys, attributes=named, **common
            )
        else:
            names = list(image.axes)
            shards = level.shards
            array = group.create_array(
                level.path, serializer=codec, compressors=None, shards=shards, dimension_names=names, **common
            )
        arrays.append(array)
    return group, arrays


def _arrays_of_earlier_run(
    journal: Journal, pyramid: list[Level], options: Options, config: Any
) -> tuple[zarr.Group, list[zarr.Array[Any]]] | None:
    """The group and arrays of an earlier run if all of them can be opened and are those of the plan."""
    try:
        group = zarr.open_group(journal.store, mode="r+", zarr_format=options.zarr_format)
        arrays = [_array(group, level.path).with_config(config) for level in pyramid]
    except Exception:  # damaged metadata end in many kinds of errors
        return None
    alike = all(
        (array.shape, array.chunks, array.shards) == (level.shape, level.chunks, level.shards)
        for array, level in zip(arrays, pyramid, strict=True)
    )
    return (group, arrays) if alike else None


def _forget_what_is_gone(job: Job) -> None:
    """Take regions out of the journal whose files are not as they were when they were noted: after a power failure."""
    for number in range(len(job.pyramid)):
        folder = job.journal.store / job.pyramid[number].path
        for region in job.regions(number):
            key = region_key(number, region)
            if key in job.journal.done:
                found = [file_mark(path) for path in block_files(folder, job.arrays[number], region)]
                if found != job.journal.done[key].get("files"):
                    del job.journal.done[key]


def _array(group: zarr.Group, path: str) -> zarr.Array[Any]:
    array = group[path]
    if not isinstance(array, zarr.Array):
        raise ArchiveError(f"{path} is a group, but an array was expected")
    return array


def _write_all(job: Job, clock: Clock, progress: Progress) -> None:
    """Write every region that the journal does not have yet; the overviews come with the regions that they cover.

    Two tasks at a time are enough for shards: zarr codes the chunks of a shard side by side, each with its own memory.
    """
    total = sum(math.prod(level.shape) for level in job.pyramid)
    done = sum(
        region_size(region)
        for number in range(len(job.pyramid))
        for region in job.regions(number)
        if job.is_done(number, region)
    )
    progress(job.image.name, done, total)
    threads = job.options.threads if job.options.shards is False else min(2, job.options.threads)
    for number in range(1 if job.cascade.aligned else len(job.pyramid)):
        todo = (region for region in job.regions(number) if job.is_wanted(number, region))
        work = partial(write_region, job, number)
        with closing(side_by_side(work, todo, threads)) as results:
            for written in results:
                for part in written:
                    result = {"tallies": part.tallies, "files": part.files, "pixels": part.pixels}
                    job.journal.record(region_key(part.number, part.region), result)
                    clock.add(part.clock)
                    done += region_size(part.region)
                progress(job.image.name, done, total)


def _finish(job: Job, group: zarr.Group, clock: Clock, seconds: float) -> ImageReport:
    """Write the attributes, last of all, and return the report."""
    image, choice = job.image, job.choice
    plan = plan_of(image, choice, job.options)
    by_level = [_errors_of(job, number) for number in range(len(job.pyramid))]
    errors = by_level[0]
    pixels = math.prod(image.shape)
    stored = array_nbytes(job.journal.store / job.pyramid[0].path)
    attributes = ome_attributes(image, job.pyramid, errors, version=job.options.ome_version, labels=choice.labels)
    ratios = channel_ratios(job.journal.store / job.pyramid[0].path, job.arrays[0], image.channel_axis)
    records = channel_records(image.channel_names, errors, choice.noise, ratios)
    ratio, bits = round(pixels * image.dtype.itemsize / stored, 4), round(8 * stored / pixels, 4)
    notes = [*image.notes, *choice.notes]
    attributes[KEY] = {
        **plan,
        "source": {**plan["source"], "pixels": _pixels_digest(job)},
        **outcome(job.arrays[0], records, ratio, bits, notes),
        **where_from(image),
        "levels": [_level_record(job, number, lost) for number, lost in enumerate(by_level)],
    }
    write_documents(group, job.journal.store, image.record.documents)
    group.update_attributes(attributes)  # written once: `attrs.update` writes the file anew for every key
    decibels = [error.psnr_db for error in errors if error.psnr_db is not None]
    return ImageReport(
        source=str(image.path),
        target=str(job.journal.target),
        status="converted",
        axes=image.axes,
        shape=image.shape,
        dtype=image.dtype.name,
        asked=plan["asked"],
        method=choice.fidelity.method,
        parameters=choice.fidelity.record(),
        targets=tuple(plan.get("targets", ())),
        ratio=ratio,
        bits_per_pixel=bits,
        stored_nbytes=stored,
        store_nbytes=store_nbytes(job.journal.store),
        source_nbytes=sum(path.stat().st_size for path in image.files),
        max_error=max(error.max_error for error in errors),
        psnr_db=min(decibels, default=None),
        channels=tuple(records),
        encode_mpixel_s=clock.encode_rate,
        decode_mpixel_s=clock.decode_rate,
        seconds=seconds,
        resumed=job.journal.resumed,
        notes=tuple(notes),
        labels=choice.labels,
    )


def _check_unchanged(job: Job) -> None:
    """Raise `SourceChangedError` if the source is not what it was: by size and time, or by a second look where these

    cannot tell, since it was written a moment before and is small.
    """
    same = is_unchanged(job.image)
    if same and job.image.hot and math.prod(job.image.shape) * job.image.dtype.itemsize <= SECOND_LOOK_NBYTES:
        same = read_digest(job.image, job.regions(0), job.pyramid[0].block, job.options.threads) == _pixels_digest(job)
    if not same:
        raise changed_error(job.image)


def _pixels_digest(job: Job) -> str:
    marks: dict[tuple[int, ...], int] = {}
    for region in job.regions(0):
        marks |= by_place(region, job.pyramid[0].block, job.journal.done[region_key(0, region)]["pixels"])
    return digest_of_pixels(marks)


def _errors_of(job: Job, number: int) -> list[ChannelError]:
    """What was lost at a level, by channel."""
    keys = [region_key(number, region) for region in job.regions(number)]
    return combine(entry for key in keys for entry in job.journal.done[key]["tallies"])


def _level_record(job: Job, number: int, errors: list[ChannelError]) -> dict[str, Any]:
    """What a level is and holds, for `verify`: how it is cut, what was lost, and the digest of its files."""
    level, array = job.pyramid[number], job.arrays[number]
    folder = job.journal.store / level.path
    by_path = {
        path: mark
        for region in job.regions(number)
        for path, mark in zip(
            block_files(folder, array, region), job.journal.done[region_key(number, region)]["files"], strict=True
        )
    }
    promise = job.choice.of_level(number)
    return {
        "path": level.path,
        "shape": list(level.shape),
        "chunks": list(level.chunks),
        "shards": level.shards and list(level.shards),
        "method": promise.method,
        "parameters": promise.record(),
        "dtype": array.dtype.name,
        "codecs": codec_records(array),
        "transforms": transforms(job.image, number, labels=job.choice.labels),
        "measured": channel_records(job.image.channel_names, errors),
        "digest": digest_of_marks(by_path[path] for path in block_files(folder, array)),
    }
