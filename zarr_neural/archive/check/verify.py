"""Reading every chunk of a store again: are the checksums right, is every chunk there, does the promise hold?"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from zarr_neural.archive.ask.options import Options, Progress, silent
from zarr_neural.archive.check.measure import ChannelError, Tally, combine, tally
from zarr_neural.archive.check.promise import count_beyond, exceeds, largest_rmse, noise_bounds, rmse_limit
from zarr_neural.archive.layout import Level, Region, grid, region_shape
from zarr_neural.archive.provenance import KEY, channel_records
from zarr_neural.archive.stores import ChunkPlace, arrays_in, attributes, chunk_places, find_stores, open_node
from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.errors import ArchiveError, ConfigurationError, ZarrNeuralError


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong: where (array and chunk file, "" for the store as a whole) and what."""

    array: str
    chunk: str
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """Outcome for one store: chunks read, what is damaged, and the error against the source where one was given."""

    store: str
    chunks: int
    damaged: tuple[Damage, ...]
    source: str | None = None
    measured: tuple[dict[str, Any], ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damaged

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {**asdict(self), "sound": self.sound}


def verify(path: str | Path, source: str | Path | None = None, progress: Progress = silent) -> list[VerifyReport]:
    """Read every chunk of the store, or of every store in the folder, at `path`.

    Parameters
    ----------
    path : str or Path
        A store, or a folder of them.
    source : str or Path, optional
        The TIFF that the store was made from, or for a folder the folder of the TIFFs: the pixels are compared and
        the promise recorded in the store is checked.
    progress : callable
        Called with (store name, chunks done, chunks in all).

    Raises
    ------
    ArchiveError
        There is no store, or the source cannot be read.
    """
    stores, unfinished = find_stores(Path(path))
    reports = []
    for store in stores:
        if source is None or Path(source).is_file():
            original = None if source is None else Path(source)
        else:
            original = _source_of(store, Path(path), Path(source))
        reports.append(verify_store(store, original, progress))
    broken = Damage("", "", "the conversion was not finished")
    return reports + [VerifyReport(str(folder), 0, (broken,)) for folder in unfinished]


def _source_of(store: Path, stores: Path, sources: Path) -> Path:
    """The TIFF in the folder `sources` that `store`, in the folder `stores`, says it was made from."""
    name = attributes(open_node(store)).get(KEY, {}).get("source", {}).get("name", "")
    file: Path = (sources / store.relative_to(stores)).parent / name if store != stores else sources / name
    if not name or not file.is_file():
        raise ArchiveError(f"{store}: its source {name or '(not recorded)'} is not in {sources}")
    return file


def verify_store(store: Path, source: Path | None = None, progress: Progress = silent) -> VerifyReport:
    """Read every chunk of one store, and compare with `source` where it is given; see `verify`."""
    try:
        node, arrays = open_node(store), arrays_in(store)
    except ZarrNeuralError as error:
        return VerifyReport(str(store), 0, (Damage("", "", str(error)),))
    record: dict[str, Any] = attributes(node).get(KEY) or {}
    named = None if source is None else str(source)
    total = sum(math.prod(-(-s // c) for s, c in zip(a.shape, a.chunks, strict=True)) for _, a in arrays)
    damaged, tallies, done = _missing_levels(node, arrays), [], 0
    with ExitStack() as stack:
        image = None
        if source is not None:
            try:
                images = stack.enter_context(open_images(source, record.get("axes_option"), second_look=True))
            except ConfigurationError as error:
                raise ArchiveError(f"{store} does not have the axes of {source}: {error}") from error
            image = _image_of(record, images, source)
            if len(arrays) == 0 or arrays[0][1].shape != image.shape or arrays[0][1].dtype != image.dtype:
                raise ArchiveError(f"{store} does not have the shape and dtype of {source}")
        for path, array in arrays:
            compared = image if path == arrays[0][0] else None
            for place, problem, found in _read_all(store / path, array, record, compared):
                if problem is not None:
                    damaged.append(Damage(path, place.key, f"{_where(place)}: {problem}"))
                tallies += found
                done += 1
                progress(store.name, done, total)
    errors = combine(tallies) if image is not None and not damaged else []
    damaged += [Damage(arrays[0][0], "", what) for what in _broken_promises(record, errors)]
    names = [entry["channel"] for entry in record.get("measured", [])] or [str(e.channel) for e in errors]
    measured = tuple(channel_records(names, errors)) if errors else ()
    return VerifyReport(str(store), total, tuple(damaged), named, measured)


def _image_of(record: dict[str, Any], images: list[SourceImage], source: Path) -> SourceImage:
    series: int = record.get("source", {}).get("series", 0)
    if series >= len(images):
        raise ArchiveError(f"{source} holds {len(images)} images, the store was made from number {series}")
    return images[series]


def _missing_levels(node: zarr.Group | zarr.Array[Any], arrays: list[tuple[str, zarr.Array[Any]]]) -> list[Damage]:
    """Levels that the OME attributes name and the store lacks."""
    attrs = attributes(node)
    scales = attrs.get("ome", attrs).get("multiscales", [])
    named = [dataset["path"] for scale in scales for dataset in scale["datasets"]]
    there = {path for path, _ in arrays}
    return [Damage(path, "", "the array is missing") for path in named if path not in there]


def _read_all(
    folder: Path, array: zarr.Array[Any], record: dict[str, Any], image: SourceImage | None
) -> Iterator[tuple[ChunkPlace, str | None, list[Tally]]]:
    """Read the chunks on all cores, in order; yield each with what is wrong with it and its errors."""
    threads = Options().threads
    axis = image.axes.index("c") if image is not None and "c" in image.axes else None
    bounds, limits = noise_bounds(array), _rmse_limits(array, record)

    def read(place: ChunkPlace, region: Region, pixels: Any) -> tuple[ChunkPlace, str | None, list[Tally]]:
        if record.get("every_chunk_stored") and not (folder / place.key).is_file():
            return place, "the file is missing", []
        try:
            decoded = np.asarray(array[place.region])
        except Exception as error:
            return place, str(error) or type(error).__name__, []
        if pixels is None:
            return place, None, []
        inside = tuple(slice(p.start - r.start, p.stop - r.start) for p, r in zip(place.region, region, strict=True))
        channel = 0 if axis is None else place.region[axis].start
        problem = None
        if bounds is not None and (beyond := count_beyond(pixels[inside], decoded, bounds)):
            problem = f"{beyond} pixels off by more than the half noise step that was promised"
        if (limit := limits.get(channel, limits.get(None))) is not None:
            rmse = largest_rmse(pixels[inside], decoded, array.chunks)
            if exceeds(rmse, limit):
                problem = f"rmse {rmse:.6g} where at most {limit:g} was promised"
        return place, problem, tally(pixels[inside], decoded, axis, channel)

    def read_region(region: Region) -> list[tuple[ChunkPlace, str | None, list[Tally]]]:
        pixels = None if image is None else image.read(region)
        return [read(place, region, pixels) for place in chunk_places(array, region)]

    level = Level("", array.shape, array.chunks, array.shards)
    together = axis if image is not None and image.samples > 1 else None
    shape = region_shape(level, array.dtype.itemsize, together, image.samples if image is not None else 1)
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[list[tuple[ChunkPlace, str | None, list[Tally]]]]] = deque()
        for region in grid(array.shape, shape):
            ahead.append(pool.submit(read_region, region))
            if len(ahead) > threads:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def _rmse_limits(array: zarr.Array[Any], record: dict[str, Any]) -> dict[int | None, float]:
    """The largest rmse of a chunk: by channel as the store records it, under None what the codec of the array says."""
    limits: dict[int | None, float] = {}
    if (every := rmse_limit(array)) is not None:
        limits[None] = every
        for channel, target in enumerate(record.get("targets", [])):
            limits[channel] = target["rmse"] or 0.0
    return limits


def _where(place: ChunkPlace) -> str:
    return "[" + ", ".join(f"{part.start}:{part.stop}" for part in place.region) + "]"


def _broken_promises(record: dict[str, Any], errors: list[ChannelError]) -> Iterator[str]:
    """What the pixels break of what the store says: its bound, and the errors that were measured when it was made."""
    bound = 0.0 if record.get("method") == "lossless" else record.get("parameters", {}).get("max_error")
    recorded = record.get("measured", [])
    for error in errors:
        if bound is not None and error.max_error > bound:
            yield f"channel {error.channel}: error {error.max_error} where at most {bound} was promised"
        if error.channel < len(recorded):
            there = recorded[error.channel]
            if there["max_error"] != error.max_error or not math.isclose(there["rmse"], error.rmse, rel_tol=2e-6):
                yield (
                    f"channel {error.channel}: error {error.max_error} (rmse {error.rmse:.6f}) where the store says "
                    f"{there['max_error']} (rmse {there['rmse']}): pixels or source were changed"
                )
