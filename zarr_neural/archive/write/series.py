"""All images of a file in one store of the kind that bioformats2raw writes: groups 0, 1, ... and OME with their list.

The images are converted one by one into `<target>.series.partial`, each resumable by itself; when all are there, the
root is written, everything is flushed to the disk, and the folder is renamed to the target: what exists is complete.
Specification: OME-Zarr 0.4 and 0.5, "bf2raw layout" (ngff.openmicroscopy.org).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import zarr

from zarr_neural.archive.ask.options import Options, Progress
from zarr_neural.archive.check.report import ImageReport
from zarr_neural.archive.stores import LAYOUT, is_store
from zarr_neural.archive.tiff.dialects.made_xml import join_ome_xml
from zarr_neural.archive.tiff.dialects.ome_xml import DOCUMENT
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write.documents import FOLDER, write_documents
from zarr_neural.archive.write.durable import sync_folder, sync_tree
from zarr_neural.archive.write.image import convert_image
from zarr_neural.archive.write.journal import check_replaceable
from zarr_neural.archive.write.kept import difference, finished_record
from zarr_neural.archive.write.lock import Lock
from zarr_neural.errors import ArchiveError

SUFFIX = ".series.partial"
_REPLACED = ".replaced.partial"
_LOCK = ".series.partial.lock"
_OURS = re.compile(r"\d+(\.partial)?|OME|zarr\.json|\.zgroup|\.zattrs|\.?z\w*\.[0-9a-f]+\.partial")
"""What lies in an unfinished store, the files that zarr had not given their names when a run ended included."""
Kept = Callable[[dict[str, Any], Path, SourceImage], ImageReport]


def convert_series(
    images: Sequence[SourceImage], target: Path, options: Options, part: Callable[[int, int], Progress], kept: Kept
) -> list[ImageReport]:
    """Write all images of a file to one store and return one report per image.

    Parameters
    ----------
    images : sequence of SourceImage
        Of one open file.
    target : Path
        The store of all of them.
    options : Options
        See `convert_image`.
    part : callable
        Gives the progress callback of an image from its number and how many there are.
    kept : callable
        Makes the report of an image that is there already, from its record.

    Raises
    ------
    ArchiveError
        The target exists and may not be replaced, or an image cannot be converted: then nothing appears at the target,
        and the same command goes on from what is finished.
    """
    lock = Lock(target.with_name(target.name + _LOCK), target)
    try:
        return _convert(images, target, options, part, kept)
    finally:
        lock.release()


def _convert(
    images: Sequence[SourceImage], target: Path, options: Options, part: Callable[[int, int], Progress], kept: Kept
) -> list[ImageReport]:
    """See `convert_series`; the lock is held."""
    stage = target.with_name(target.name + SUFFIX)
    _restore(target)
    if target.exists() and not options.overwrite:
        return _kept(images, target, options, kept)
    check_replaceable(target, overwrite=options.overwrite)
    _check_ours(stage)
    reports = [
        _one(image, stage / str(number), options, part(number, len(images)), kept)
        for number, image in enumerate(images)
    ]
    for other in stage.iterdir():  # of an earlier version of the source
        if other.name not in {str(number) for number in range(len(images))}:
            shutil.rmtree(other) if other.is_dir() and not other.is_symlink() else other.unlink()
    _write_root(stage, images, options)
    sync_tree(stage)
    check_replaceable(target, overwrite=options.overwrite)  # something may have appeared meanwhile
    _put(stage, target)
    return [replace(report, target=str(target / str(number))) for number, report in enumerate(reports)]


def _kept(images: Sequence[SourceImage], target: Path, options: Options, kept: Kept) -> list[ImageReport]:
    """The reports of a store that is there already, if it is what is asked for."""
    reports = []
    for number, image in enumerate(images):
        record = finished_record(target / str(number))
        other = "otherwise" if record is None else difference(record, image, options)
        if record is None or other is not None:
            raise ArchiveError(
                f"{target} already exists, made {other}: it was kept as it is; replace it with --overwrite, or "
                "choose another target"
            )
        reports.append(kept(record, target / str(number), image))
    return reports


def _one(image: SourceImage, place: Path, options: Options, progress: Progress, kept: Kept) -> ImageReport:
    """Convert one image into the unfinished store; what an earlier run finished of the same source is kept."""
    record = finished_record(place) if place.exists() else None
    if record is not None and difference(record, image, options) is None:
        return replace(kept(record, place, image), status="converted", resumed=True)
    bare = replace(image, record=replace(image.record, documents={}))  # they go to the root
    place.parent.mkdir(parents=True, exist_ok=True)
    return convert_image(bare, place, replace(options, overwrite=True), progress)


def _write_root(stage: Path, images: Sequence[SourceImage], options: Options) -> None:
    """Write the root group: that it holds several images, their order, and the original metadata."""
    names = [str(number) for number in range(len(images))]
    layout: dict[str, Any] = {LAYOUT: 3}
    series: dict[str, Any] = {"series": names}
    if options.zarr_format == 3:
        layout, series = ({"ome": {"version": options.ome_version, **part}} for part in (layout, series))
    root = zarr.open_group(stage, mode="a", zarr_format=options.zarr_format)
    documents: dict[str, str] = {}
    for number, image in enumerate(images):
        for name, text in image.record.documents.items():
            if name != DOCUMENT:
                documents[name if documents.get(name, text) == text else f"{number}-{name}"] = text
    if xml := join_ome_xml([image.record.documents.get(DOCUMENT) for image in images]):
        documents[DOCUMENT] = xml
    write_documents(root, stage, documents)
    root.require_group(FOLDER).attrs.update(series)
    root.attrs.update(layout)


def _check_ours(stage: Path) -> None:
    """Refuse an unfinished store that something else made: what does not belong there would be removed."""
    if not os.path.lexists(stage):
        return
    if stage.is_symlink() or not stage.is_dir():
        raise ArchiveError(f"{stage} is needed for the conversion but is not a folder: move it away")
    foreign = sorted(entry.name for entry in stage.iterdir() if not _OURS.fullmatch(entry.name))
    links = sorted(entry.name for entry in stage.iterdir() if entry.is_symlink())
    if foreign or links:
        raise ArchiveError(
            f"{stage} is needed for the conversion but holds something else ({', '.join((foreign + links)[:3])}): move "
            "it away, or choose another target"
        )


def _put(stage: Path, target: Path) -> None:
    """Give the finished store its name; one that is to be replaced is out of the way for a moment, and never lost."""
    old = target.with_name(target.name + _REPLACED)
    if os.path.lexists(target):
        target.rename(old)
    try:
        stage.rename(target)
    except OSError:
        _restore(target)
        raise
    sync_folder(target.parent)
    if old.is_dir():
        shutil.rmtree(old)


def _restore(target: Path) -> None:
    """Put a store back that a run moved away and did not replace; remove one that it replaced.

    Raises
    ------
    ArchiveError
        Something else took its place before the new store was put there.
    """
    old = target.with_name(target.name + _REPLACED)
    if not is_store(old) or old.is_symlink():
        return
    if not os.path.lexists(target):
        old.rename(target)
    elif os.path.lexists(target.with_name(target.name + SUFFIX)):
        raise ArchiveError(
            f"{old} holds the store that {target} was to replace, but something else is there now: move one of them "
            "away"
        )
    else:
        shutil.rmtree(old)
