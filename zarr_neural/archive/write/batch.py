"""Many files become a folder of stores, or one image becomes one store; what cannot be read is reported and passed."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zarr_neural.archive.ask.options import Options, Progress, silent
from zarr_neural.archive.check.report import ImageReport, store_nbytes
from zarr_neural.archive.check.saving import with_noise_saving
from zarr_neural.archive.overall import Overall
from zarr_neural.archive.tiff.find import find_tiffs
from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.archive.write.image import convert_image
from zarr_neural.archive.write.journal import check_replaceable
from zarr_neural.archive.write.kept import difference, finished_record
from zarr_neural.archive.write.places import Place, check_local, check_name, check_text, places_for, stem
from zarr_neural.archive.write.series import convert_series
from zarr_neural.errors import ArchiveError, ConfigurationError, ZarrNeuralError

_FAILURES = (ZarrNeuralError, OSError, ValueError, MemoryError)
_UNEXPECTED = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, EOFError)
"""What a file of an unheard-of kind may end in: it is reported as a failure, and the others go on."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def convert(
    sources: Sequence[str | Path], target: str | Path, options: Options | None = None, progress: Progress = silent
) -> list[ImageReport]:
    """Convert TIFF files, globs and folders to OME-Zarr, and return one report per image.

    Images of other formats in the folders are reported as passed over.

    One file with one image becomes the store `target` itself (or `target/<name>.ome.zarr` where `target` is an
    existing folder, or ends in a slash). Anything else becomes a folder of `<name>.ome.zarr` that repeats the folders
    of the source; a file with several images gives `<name>-0.ome.zarr`, `<name>-1.ome.zarr` and so on.

    A store that was made from the same source with the same options is kept as it is, so that an
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
        Called with (image name, bytes of the source files done, bytes of all of them).

    Raises
    ------
    ArchiveError
        A source matches nothing.
    ConfigurationError
        Wrong use: several images for one store; a single target that exists and is no store, or is not to be
        overwritten; a target that is a source, holds or lies in one; options that suit none of the images.
    """
    options = options or Options()
    check_local([*sources, target])
    found = find_tiffs(sources)
    places = places_for(found.files, sources, target)
    reports = [ImageReport(str(file), "", "passed over") for file in found.passed_over]
    covered: set[Path] = set()
    wrong: list[ConfigurationError] = []
    overall = Overall([_nbytes(file) for file, _ in places], progress)
    for number, (file, place) in enumerate(places):
        if file.resolve() not in covered:
            reports += _convert_file(file, place, options, partial(overall.part, number), covered, wrong)
    if wrong and len(wrong) == len(reports) - len(found.passed_over):
        raise wrong[0]
    return with_noise_saving(reports)


def _convert_file(
    file: Path,
    place: Place,
    options: Options,
    part: Callable[[int, int], Progress],
    covered: set[Path],
    wrong: list[ConfigurationError],
) -> list[ImageReport]:
    """Convert the images of one file; what is wrong use for one of several is noted in `wrong`."""
    reports = []
    try:
        check_text(file)
        with open_images(file, options.axes, max_memory=options.max_memory) as images:
            if options.layout == "bf2raw":
                covered.update(part.resolve() for image in images for part in image.files)
                return _convert_together(file, images, place, options, part)
            if place.single and len(images) > 1 and place.target.suffix == ".zarr":
                raise ConfigurationError(
                    f"{file.name} holds {len(images)} images, which need a folder, but "
                    f"{place.target} is named like a store"
                )
            if place.single and len(images) > 1:
                place = Place(place.target / f"{stem(file)}.ome.zarr", single=False)
            for number, image in enumerate(images):
                covered.update(part.resolve() for part in image.files)
                target = place.of(image, len(images))
                if place.single:
                    _check_single(image, target, options)
                reports.append(_convert_one(image, target, options, part(number, len(images)), wrong))
    except ConfigurationError as error:
        if place.single:
            raise
        wrong.append(error)
        reports.append(_failure(file, place.target, error))
    except (*_FAILURES, *_UNEXPECTED) as error:
        reports.append(_failure(file, place.target, error))
    return reports


def _convert_together(
    file: Path, images: Sequence[SourceImage], place: Place, options: Options, part: Callable[[int, int], Progress]
) -> list[ImageReport]:
    """Convert the images of one file to one store."""
    check_name(place.target)
    place.target.parent.mkdir(parents=True, exist_ok=True)

    def kept(record: Mapping[str, Any], target: Path, image: SourceImage) -> ImageReport:
        return ImageReport(str(file), str(target), "kept", **_of_record(record, target, image))

    return convert_series(images, place.target, options, part, kept)


def _nbytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # reported when its turn comes
        return 0


def _check_single(image: SourceImage, target: Path, options: Options) -> None:
    """Refuse, before anything is done, the one target that was named if it may not be replaced: wrong use.

    A store that was made before of the same source in the same way is kept, here as in a folder.
    """
    try:
        if not options.overwrite and (record := finished_record(target)) and difference(record, image, options) is None:
            return
        check_replaceable(target, overwrite=options.overwrite)
    except ArchiveError as error:
        raise ConfigurationError(str(error)) from error


def _convert_one(
    image: SourceImage, target: Path, options: Options, progress: Progress, wrong: list[ConfigurationError]
) -> ImageReport:
    try:
        if any(target.resolve() in (part.resolve(), *part.resolve().parents) for part in image.files):
            raise ConfigurationError(f"{target} is, or contains, a file of the source: choose another target")
        if target.exists() and not options.overwrite:
            record = finished_record(target)
            if record is not None:
                if (other := difference(record, image, options)) is None:
                    return ImageReport(str(image.path), str(target), "kept", **_of_record(record, target, image))
                raise ArchiveError(
                    f"{target} already exists, made {other}: it was kept as it is; replace it with --overwrite, "
                    "or choose another target"
                )
        check_name(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        return convert_image(image, target, options, progress)
    except ConfigurationError as error:
        wrong.append(error)
        return _failure(image.path, target, error)
    except (*_FAILURES, *_UNEXPECTED) as error:
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
    what = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno in _FULL:
        what = f"the disk of {target.parent} is full: free some space, then run the same command again to go on"
    elif isinstance(error, _UNEXPECTED) and not isinstance(error, ZarrNeuralError):
        what = f"an unexpected {type(error).__name__}: {error}; please report this file"
    return ImageReport(str(file), str(target), "failed", error=what)
