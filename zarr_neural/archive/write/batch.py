"""Many files become a folder of stores, or one image becomes one store; what cannot be read is reported and passed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zarr_neural.archive.ask.options import Options, Progress, silent
from zarr_neural.archive.check.report import ImageReport, store_nbytes
from zarr_neural.archive.check.saving import with_noise_saving
from zarr_neural.archive.stores import is_store
from zarr_neural.archive.tiff.find import find_tiffs
from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.archive.write.image import convert_image
from zarr_neural.archive.write.journal import check_replaceable
from zarr_neural.archive.write.kept import difference, finished_record
from zarr_neural.errors import ArchiveError, ConfigurationError, ZarrNeuralError

_FAILURES = (ZarrNeuralError, OSError, ValueError, MemoryError)


@dataclass(frozen=True)
class _Place:
    """Where the images of one file go: `target` if the file holds one image and nothing else is asked, or a folder."""

    target: Path
    single: bool

    def of(self, image: SourceImage, count: int) -> Path:
        return self.target if count == 1 else self.target.with_name(_stem(self.target) + f"-{image.series}.ome.zarr")


def convert(
    sources: Sequence[str | Path], target: str | Path, options: Options | None = None, progress: Progress = silent
) -> list[ImageReport]:
    """Convert TIFF files, globs and folders to OME-Zarr, and return one report per image.

    Images of other formats in the folders are reported as passed over.

    One file with one image becomes the store `target` itself (or `target/<name>.ome.zarr` where `target` is an
    existing folder). Anything else becomes a folder of `<name>.ome.zarr` that repeats the folders of the source; a
    file with several images gives `<name>-0.ome.zarr`, `<name>-1.ome.zarr` and so on.

    A store in that folder that was made from the same source with the same options is kept as it is, so that an
    interrupted run can be repeated; any other existing store is left as it is and reported as a failure, unless it is
    to be overwritten. Nothing but a store is ever replaced.

    Parameters
    ----------
    sources : sequence of str or Path
        Files, folders (searched recursively) and patterns such as "day*/**/*.tif".
    target : str or Path
        A path ending in .zarr, or a folder.
    options : Options, optional
        The same for all.
    progress : callable
        See `convert_image`.

    Raises
    ------
    ArchiveError
        A source matches nothing.
    ConfigurationError
        Wrong use: several images for one store; a single target that exists and is no store, or is not to be
        overwritten; a target that is a source, holds or lies in one; options that suit none of the images.
    """
    options, target = options or Options(), Path(target)
    found = find_tiffs(sources)
    files = found.files
    alone = len(files) == 1 and not Path(sources[0]).is_dir()
    if alone and not (target.is_dir() and not is_store(target)):
        places = [(files[0][0], _Place(target, single=True))]
    elif target.suffix == ".zarr":
        raise ConfigurationError(f"{len(files)} files need a folder, {target} is named like one store")
    elif is_store(target):
        raise ConfigurationError(f"{target} is a Zarr store; several images need a folder")
    elif target.exists() and not target.is_dir():
        raise ConfigurationError(f"{target} is a file; several images need a folder")
    else:
        places = [(file, _Place(target / name, single=False)) for file, name in _names(files)]
    _check_apart(target, [Path(source) for source in sources], [place.target for _, place in places], files)
    reports = [ImageReport(str(file), "", "passed over") for file in found.passed_over]
    covered: set[Path] = set()
    wrong: list[ConfigurationError] = []
    for file, place in places:
        if file.resolve() not in covered:
            reports += _convert_file(file, place, options, progress, covered, wrong)
    if wrong and len(wrong) == len(reports) - len(found.passed_over):
        raise wrong[0]
    return with_noise_saving(reports)


def _check_apart(target: Path, sources: list[Path], stores: list[Path], files: Sequence[tuple[Path, Path]]) -> None:
    """Refuse a target that is a source, holds one where a store is to be, or lies in a source."""
    given = {source.resolve() for source in sources if source.exists()}
    inside = {target.resolve(), *target.resolve().parents} & given
    if inside:
        raise ConfigurationError(f"{target} is, or lies in, the source {inside.pop()}: choose a place outside")
    originals = given | {file.resolve() for file, _ in files}
    above = {parent for original in originals for parent in (original, *original.parents)}
    for store in stores:
        if store.resolve() in above:
            raise ConfigurationError(f"{store} is, or holds, a source: choose another place for the store")


def _convert_file(
    file: Path,
    place: _Place,
    options: Options,
    progress: Progress,
    covered: set[Path],
    wrong: list[ConfigurationError],
) -> list[ImageReport]:
    """Convert the images of one file; what is wrong use for one of several is noted in `wrong`."""
    reports = []
    try:
        with open_images(file, options.axes, max_memory=options.max_memory) as images:
            if place.single and len(images) > 1 and place.target.suffix == ".zarr":
                raise ConfigurationError(
                    f"{file.name} holds {len(images)} images: they need a folder, {place.target} is named like a store"
                )
            if place.single and len(images) > 1:
                place = _Place(place.target / f"{_stem(file)}.ome.zarr", single=False)
            for image in images:
                covered.update(part.resolve() for part in image.files)
                target = place.of(image, len(images))
                if place.single:
                    _check_single(target, options)
                reports.append(_convert_one(image, target, options, progress, wrong))
    except ConfigurationError as error:
        if place.single:
            raise
        wrong.append(error)
        reports.append(_failure(file, place.target, error))
    except _FAILURES as error:
        reports.append(_failure(file, place.target, error))
    return reports


def _check_single(target: Path, options: Options) -> None:
    """Refuse, before anything is done, the one target that was named if it may not be replaced: wrong use."""
    try:
        check_replaceable(target, overwrite=options.overwrite)
    except ArchiveError as error:
        raise ConfigurationError(str(error)) from error


def _convert_one(
    image: SourceImage, target: Path, options: Options, progress: Progress, wrong: list[ConfigurationError]
) -> ImageReport:
    try:
        if any(target.resolve() in (part.resolve(), *part.resolve().parents) for part in image.files):
            raise ConfigurationError(f"{target} is, or holds, a file of the source: choose another place for the store")
        if target.exists() and not options.overwrite:
            record = finished_record(target)
            if record is not None:
                if (other := difference(record, image, options)) is None:
                    return ImageReport(str(image.path), str(target), "kept", **_of_record(record, target, image))
                raise ArchiveError(
                    f"{target} is there already, made {other}: it was kept as it is; replace it with --overwrite, or "
                    "choose another place"
                )
        target.parent.mkdir(parents=True, exist_ok=True)
        return convert_image(image, target, options, progress)
    except ConfigurationError as error:
        wrong.append(error)
        return _failure(image.path, target, error)
    except _FAILURES as error:
        return _failure(image.path, target, error)


def _of_record(record: Mapping[str, Any], target: Path, image: SourceImage) -> dict[str, Any]:
    """What a report says of a store that is kept."""
    return {
        "ratio": record.get("ratio"),
        "method": str(record.get("method", "")),
        "store_nbytes": store_nbytes(target),
        "source_nbytes": sum(path.stat().st_size for path in image.files),
    }


def _failure(file: Path, target: Path, error: BaseException) -> ImageReport:
    return ImageReport(str(file), str(target), "failed", error=str(error) or type(error).__name__)


def _stem(path: Path) -> str:
    """The name of a TIFF or store without .tif, .ome.tif, .zarr, .ome.zarr."""
    return re.sub(r"(\.ome)?\.(tiff?|btf|tf8|stk|lsm|zarr)$", "", path.name, flags=re.IGNORECASE)


def _names(files: Sequence[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Return (file, store path relative to the target folder), every path different."""
    relative = [name for _, name in files]
    if len(set(relative)) < len(relative):
        common = os.path.commonpath([file.resolve().parent for file, _ in files])
        relative = [file.resolve().relative_to(common) for file, _ in files]
    stores = [name.with_name(_stem(name) + ".ome.zarr") for name in relative]
    whole = [name.with_name(name.name + ".ome.zarr") for name in relative]
    return [
        (file, long if stores.count(short) > 1 else short)
        for (file, _), short, long in zip(files, stores, whole, strict=True)
    ]
