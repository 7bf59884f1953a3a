"""Reading every chunk of a store again: are the checksums right, is every chunk there, does the promise hold?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zarr

from zarr_neural.archive.ask.options import Progress, silent
from zarr_neural.archive.check.compare import Comparison, Marks, read_alone
from zarr_neural.archive.check.measure import ChannelError
from zarr_neural.archive.check.recorded import broken_promises, cut_otherwise, levels_of, structure
from zarr_neural.archive.check.report import store_nbytes
from zarr_neural.archive.overall import Overall
from zarr_neural.archive.provenance import KEY, channel_records
from zarr_neural.archive.stores import (
    arrays_in,
    attributes,
    blocks,
    codec_records,
    digest_of_marks,
    find_stores,
    is_collection,
    is_ours,
    open_node,
)
from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.errors import ArchiveError, ConfigurationError

Arrays = list[tuple[str, zarr.Array[Any]]]
SOUND, DAMAGED, NO_CHECKSUMS = "sound", "damaged", "readable, no checksums"


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong: where (array and chunk file, "" for the store as a whole) and what."""

    array: str
    chunk: str
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """Outcome for one store: chunks read, what is damaged, and the error against the source where one was given.

    `checksums` is False for a store whose chunks carry no checksums of ours: that they can be read proves little.
    """

    store: str
    chunks: int
    damaged: tuple[Damage, ...]
    source: str | None = None
    measured: tuple[dict[str, Any], ...] = ()
    checksums: bool = True

    @property
    def status(self) -> str:
        """Return "sound", "damaged", or "readable, no checksums"."""
        return DAMAGED if self.damaged else SOUND if self.checksums else NO_CHECKSUMS

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong, and there are checksums that would tell."""
        return self.status == SOUND

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {**asdict(self), "sound": self.sound, "status": self.status}


def verify(path: str | Path, source: str | Path | None = None, progress: Progress = silent) -> list[VerifyReport]:
    """Read every chunk of the store, or of every store in the folder, at `path`.

    Parameters
    ----------
    path : str or Path
        A store, or a folder of them.
    source : str or Path, optional
        The TIFF that the store was made from, or for a folder the folder of the TIFFs: the pixels of every level are
        compared and the promises recorded in the store are checked. The source is read in another way than for a
        conversion, page by page.
    progress : callable
        Called with (store name, bytes of the stores read, bytes of all of them).

    Raises
    ------
    ArchiveError
        There is no store, or the one source that was named cannot be read.
    """
    stores, unfinished = find_stores(Path(path))
    reports = []
    overall = Overall([store_nbytes(store) for store in stores], progress)
    for number, store in enumerate(stores):
        callback = overall.part(number)
        if source is None or Path(source).is_file() or not Path(source).exists():
            reports.append(verify_store(store, None if source is None else Path(source), callback))
            continue
        try:
            original = _source_of(store, Path(path), Path(source))
            reports.append(verify_store(store, original, callback))
        except ArchiveError as error:
            reports.append(VerifyReport(str(store), 0, (Damage("", "", str(error)),)))
    broken = Damage("", "", "the conversion was not finished")
    return reports + [VerifyReport(str(folder), 0, (broken,)) for folder in unfinished]


def _source_of(store: Path, stores: Path, sources: Path) -> Path:
    """The TIFF in the folder `sources` that `store`, in the folder `stores`, says it was made from."""
    record = attributes(open_node(store)).get(KEY)
    named = record.get("source") if isinstance(record, Mapping) else None
    name = named.get("name", "") if isinstance(named, Mapping) else ""
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise ArchiveError(f"{store} does not say what it was made from: give its TIFF instead of the folder")
    if store.parent != stores.parent and is_collection(store.parent):
        store = store.parent
    file = (sources / store.relative_to(stores)).parent / name if store != stores else sources / name
    if not file.is_file():
        raise ArchiveError(f"its source {name} is not in {sources}, so it was not compared")
    return file


def verify_store(store: Path, source: Path | None = None, progress: Progress = silent) -> VerifyReport:
    """Read every chunk of one store, and compare with `source` where it is given; see `verify`.

    Raises
    ------
    ArchiveError
        The source cannot be read, or is another image.
    """
    try:
        node, arrays = open_node(store), arrays_in(store)
        said = attributes(node)
        record = said.get(KEY, {})
        if not isinstance(record, Mapping):
            raise ArchiveError(f"its attribute {KEY!r} is a {type(record).__name__}, not an object")
        if not record and not said.get("ome", said).get("multiscales") and _was_an_image(store, arrays):
            raise ArchiveError("its attributes are gone: it was an OME-Zarr image but has no multiscales now")
        damaged = [Damage(path, "", what) for path, what in structure(said, record, arrays)]
        levels = levels_of(said, record, arrays)
        unknown = cut_otherwise(record, levels)
    except Exception as error:  # attributes that were edited end in errors of any kind
        text = str(error) if isinstance(error, ArchiveError) else f"its metadata cannot be used: {error!r}"
        return VerifyReport(str(store), 0, (Damage("", "", text.removeprefix(f"{store}: ")),))
    arrays = [entry for entry in arrays if entry[0] not in unknown]
    total = sum(math.prod(-(-s // c) for s, c in zip(a.shape, a.chunks, strict=True)) for _, a in arrays)
    errors: list[list[ChannelError]] = []
    marks: dict[str, Marks] = {}
    with ExitStack() as stack:
        image = None if source is None or damaged else _open_source(store, record, levels, source, stack)
        report = _Counter(store.name, total, progress)
        if image is not None:
            comparison = Comparison(store, levels, record, image)
            for path, place, what in comparison.read():
                damaged += [Damage(path, place.key, what)] if what else []
                report.add(1)
            errors, marks = comparison.errors, comparison.marks
        own = {path for path, _ in levels}
        for path, array in [entry for entry in arrays if entry[0] not in marks]:
            read = marks.setdefault(path, {}) if record.get("levels") else None
            for place, what in read_alone(store / path, array, record if path in own else {}, read):
                damaged += [Damage(path, place.key, what)] if what else []
                report.add(1)
    seen = {damage.array for damage in damaged}
    damaged += [Damage(path, "", what) for path, what in _exchanged(record, levels, marks) if path not in seen]
    if errors and not damaged:
        damaged += [Damage(path, "", what) for path, what in broken_promises(record, levels, errors)]
    named = None if source is None else str(source)
    first = errors[0] if errors else []
    names = [entry["channel"] for entry in record.get("measured", [])] or [str(error.channel) for error in first]
    measured = tuple(channel_records(names, first)) if first and not damaged else ()
    ours = bool(levels) and all(is_ours(array) for _, array in levels)
    return VerifyReport(str(store), total, tuple(damaged), named, measured, ours)


def _was_an_image(store: Path, arrays: Arrays) -> bool:
    """Whether a store without attributes is called an OME-Zarr image, or has arrays as `convert` alone makes them."""
    told = (any("shape" in codec for codec in codec_records(array)) for _, array in arrays)
    return store.name.endswith(".ome.zarr") or any(told)


def _open_source(store: Path, record: Mapping[str, Any], arrays: Arrays, source: Path, stack: ExitStack) -> SourceImage:
    axes = record.get("axes_option")
    try:
        images = stack.enter_context(open_images(source, axes if isinstance(axes, str) else None, second_look=True))
    except ConfigurationError as error:
        raise ArchiveError(f"{store} does not have the axes of {source}: {error}") from error
    named = record.get("source")
    series = named.get("series", 0) if isinstance(named, Mapping) else 0
    if not isinstance(series, int) or not 0 <= series < len(images):
        raise ArchiveError(f"{source} holds {len(images)} images, but the store was made from number {series} (from 0)")
    image = images[series]
    if len(arrays) == 0 or arrays[0][1].shape != image.shape or arrays[0][1].dtype != image.dtype:
        raise ArchiveError(f"{store} does not have the shape and dtype of {source}")
    return image


def _exchanged(record: Mapping[str, Any], arrays: Arrays, marks: Mapping[str, Marks]) -> list[tuple[str, str]]:
    """Levels that were read and whose files are not those that were written, in the places where they were written."""
    found = []
    known = {level["path"]: level.get("digest") for level in record.get("levels", [])}
    for path, array in arrays:
        wanted = known.get(path)
        read = marks.get(path)
        if wanted is not None and read is not None and digest_of_marks(read[key] for _, key in blocks(array)) != wanted:
            found.append((path, "chunk files were altered, exchanged or lost since the store was made"))
    return found


class _Counter:
    """Progress, chunk by chunk."""

    def __init__(self, name: str, total: int, progress: Progress) -> None:
        self._name, self._total, self._progress, self._done = name, total, progress, 0

    def add(self, number: int) -> None:
        """Count some chunks."""
        self._done += number
        self._progress(self._name, min(self._done, self._total), self._total)
