"""Reading TIFF: every image of a file as axes, shape, dtype, calibration and `read(region)`, one region at a time.

The page structure is tifffile's; here it becomes OME order, (T C Z Y X) or any part of it, with the samples of RGB
as channels. A file that tifffile can only read in part is refused: a shorter stack must not pass for the whole one.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile

from zarr_neural.archive.calibration import Calibration, read_calibration
from zarr_neural.archive.layout import Region
from zarr_neural.archive.pages import open_pages
from zarr_neural.errors import ArchiveError, ConfigurationError

ORDER = "TCSZYX"
SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".stk", ".lsm")
_DIGEST_NBYTES = 2**20
_FATAL = re.compile(r"corrupted|failed to read|incompletely written|discontiguous|missing files|invalid TiffData")


@dataclass(frozen=True)
class SourceImage:
    """One image of a TIFF file, read on demand.

    `axes` is a part of "tczyx" in that order, `shape` and `dtype` belong to it. `samples` is the number of
    interleaved samples (3 for RGB) that became channels, 1 where there are none. `notes` tells what had to be assumed.
    `digest` stands for content of the file, `stamp` for sizes and times of all the `files` that the pixels lie in: a
    source is the same if both are.
    """

    path: Path
    series: int
    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    samples: int
    calibration: Calibration
    digest: str
    stamp: str = ""
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    _letters: str = ""
    _array: Any = field(default=None, repr=False, compare=False)

    @property
    def channels(self) -> int:
        """Number of channels, 1 for an image without a channel axis."""
        return self.shape[self.axes.index("c")] if "c" in self.axes else 1

    @property
    def channel_names(self) -> list[str]:
        """A name for every channel, "channel 0" and so on where the file has none."""
        known = self.calibration.channel_names
        return [(known[i] if i < len(known) else None) or f"channel {i}" for i in range(self.channels)]

    def read(self, region: Region) -> npt.NDArray[np.generic]:
        """Return the pixels of `region` (one slice per axis of `axes`), C-contiguous, in native byte order.

        Raises
        ------
        ArchiveError
            The file is damaged there.
        """
        wanted = dict(zip(self.axes, region, strict=True))
        merged = "C" in self._letters and "S" in self._letters
        selection = []
        for letter in self._letters:
            if letter == "S":
                selection.append(slice(0, self.samples) if merged else wanted["c"])
            elif letter == "C" and merged:
                part = wanted["c"]
                selection.append(slice(part.start // self.samples, -(-part.stop // self.samples)))
            else:
                selection.append(wanted[letter.lower()])
        try:
            block = np.asarray(self._array[tuple(selection)])
        except Exception as error:
            where = ", ".join(f"{axis} {part.start}:{part.stop}" for axis, part in wanted.items())
            raise ArchiveError(f"{self.path.name}: cannot read {where}: {error}") from error
        block = block.transpose([self._letters.index(letter) for letter in ORDER if letter in self._letters])
        if merged:
            axis = self.axes.index("c")
            block = block.reshape(*block.shape[:axis], -1, *block.shape[axis + 2 :])
            first = wanted["c"].start % self.samples
            block = block[(slice(None),) * axis + (slice(first, first + wanted["c"].stop - wanted["c"].start),)]
        return np.ascontiguousarray(block, dtype=self.dtype)


@contextmanager
def open_images(path: Path, axes: str | None = None) -> Iterator[list[SourceImage]]:
    """Yield the images of a TIFF file, one per series of pages of the same kind; pyramids count once.

    Parameters
    ----------
    path : Path
        The file.
    axes : str, optional
        What the axes of the (squeezed) image mean, for files that do not say so or say it wrongly, such as "TYX".

    Raises
    ------
    ArchiveError
        Not a TIFF, truncated, damaged, a set of files with one missing, or axes that have no place in OME order.
    ConfigurationError
        `axes` are not those of the file.
    """
    with _tifffile_complaints() as complaints:
        try:
            tiff = tifffile.TiffFile(path)
        except Exception as error:
            raise ArchiveError(f"{path.name}: cannot read: {error or type(error).__name__}") from error
        with tiff, path.open("rb") as handle:
            try:
                images = [_image(tiff, handle, path, index, axes) for index in range(len(tiff.series))]
            except (ArchiveError, ConfigurationError):
                raise
            except Exception as error:
                raise ArchiveError(f"{path.name}: cannot read: {error or type(error).__name__}") from error
            fatal = [text for level, text in complaints if level >= logging.ERROR or _FATAL.search(text)]
            if fatal or not images:
                raise ArchiveError(f"{path.name}: damaged or incomplete: {fatal[0] if fatal else 'no image in it'}")
            yield images


def _image(tiff: Any, handle: BinaryIO, path: Path, index: int, axes: str | None) -> SourceImage:
    series = tiff.series[index]
    letters, notes = map_axes(series.axes, axes)
    shape = dict(zip(letters, series.shape, strict=True))
    if 0 in series.shape:
        raise ArchiveError(f"{path.name}: image {index} has no pixels, shape {series.shape}")
    if np.dtype(series.dtype).kind not in "biuf":
        raise ArchiveError(
            f"{path.name}: image {index} has pixels of {series.dtype}, which OME-Zarr viewers do not show"
        )
    missing = _check_extent(path, series)
    if missing:
        notes.append(f"{missing} planes are not in the file; they read as zero")
    samples = shape.pop("S", 1)
    if samples > 1:
        shape["C"] = shape.get("C", 1) * samples
    ordered = [letter for letter in "TCZYX" if letter in shape]
    extent = tuple(int(shape[letter]) for letter in ordered)
    files = tuple(sorted({Path(page.parent.filehandle.path) for page in series.pages if page is not None}))
    files = files if series.is_multifile else (path,)
    return SourceImage(
        path=path,
        series=index,
        name=series.name or path.name,
        axes="".join(ordered).lower(),
        shape=extent,
        dtype=np.dtype(series.dtype).newbyteorder("="),
        samples=samples,
        calibration=read_calibration(tiff, series, index, shape.get("C", 1), samples),
        digest=_digest(path),
        stamp=_stamp(files),
        files=files,
        notes=tuple(notes),
        _letters=letters,
        _array=open_pages(series, handle),
    )


def check_axes(wanted: str) -> str:
    """Return `wanted` in capitals if it can be the axes of an image.

    Raises
    ------
    ConfigurationError
        It has other letters than TCSZYX, one of them twice, or not both Y and X.
    """
    letters = wanted.upper()
    if len(set(letters)) != len(letters) or not set("YX") <= set(letters) <= set(ORDER):
        raise ConfigurationError(f"axes {wanted!r}: each of {ORDER} once at most, Y and X among them, such as TYX")
    return letters


def map_axes(found: str, wanted: str | None = None) -> tuple[str, list[str]]:
    """Return one letter of T C S Z Y X for each axis that tifffile found, and notes on what was assumed.

    An axis of unknown meaning becomes Z, then T, then C, the first that is free, starting at the fastest axis.

    Raises
    ------
    ArchiveError
        More unknown axes than free letters.
    ConfigurationError
        `wanted` does not name every axis once.
    """
    if wanted is not None:
        letters = check_axes(wanted)
        if len(letters) != len(found):
            raise ConfigurationError(f"axes {wanted!r} do not fit the axes {found!r} of the file: one letter for each")
        return letters, []
    free = [letter for letter in "ZTC" if letter not in found]
    letters, notes = "", []
    for position in reversed(range(len(found))):
        letter = found[position]
        if letter not in ORDER or letter in found[position + 1 :]:
            if not free:
                raise ArchiveError(f"axes {found!r} have no place in TCZYX; say what they are with the axes option")
            letter = free.pop(0)
            notes.append(f"axis {position} ({found[position]}) was taken as {letter}")
        letters = letter + letters
    return letters, notes


def _check_extent(path: Path, series: Any) -> int:
    """Refuse a series whose pixels reach beyond its file; return the number of planes that were never stored."""
    size = path.stat().st_size
    if series.dataoffset is not None:
        if not series.is_multifile and series.dataoffset + series.nbytes > size:
            raise ArchiveError(
                f"{path.name}: truncated: {size} bytes, its pixels need {series.dataoffset + series.nbytes}"
            )
        return 0
    missing = 0
    for page in series.pages:
        if page is None:
            missing += 1
        elif not series.is_multifile:
            ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False))
            end = max(ends, default=0)
            if end > size:
                raise ArchiveError(f"{path.name}: truncated: {size} bytes, its pixels need {end}")
    return missing


def _digest(path: Path) -> str:
    """SHA-256 of the file's size and of its first and last MiB: tells files apart without reading them."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as handle:
        digest.update(handle.read(_DIGEST_NBYTES))
        handle.seek(max(0, size - _DIGEST_NBYTES))
        digest.update(handle.read())
    return digest.hexdigest()


def _stamp(files: Sequence[Path]) -> str:
    """SHA-256 of name, size and time of change of every file: tells versions apart that differ anywhere."""
    digest = hashlib.sha256()
    for file in files:
        found = file.stat()
        digest.update(f"{file.name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@contextmanager
def _tifffile_complaints() -> Iterator[list[tuple[int, str]]]:
    """Collect what tifffile logs instead of raising: that is where it says that a file is truncated."""
    complaints: list[tuple[int, str]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append((record.levelno, record.getMessage()))

    logger, handler = logging.getLogger("tifffile"), Collect()
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield complaints
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _glob(pattern: Path) -> list[tuple[Path, Path]]:
    """Return (folder before the first wildcard, file) for every file that matches, sorted."""
    plain = list(itertools.takewhile(lambda part: not any(sign in part for sign in "*?["), pattern.parts))
    base = Path(*plain)
    if len(plain) == len(pattern.parts) or not base.is_dir():
        return []
    found = sorted(base.glob(str(Path(*pattern.parts[len(plain) :]))))
    return [(base, file) for file in found if file.is_file() and not _hidden(file.relative_to(base))]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def find_tiffs(sources: Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """Return (file, path relative to the source that named it) for files, globs and folders (searched recursively).

    Sorted within each source, each file once, hidden files left out.

    Raises
    ------
    ArchiveError
        A source does not exist or matches nothing.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = [
                (file, file.relative_to(path))
                for file in sorted(path.rglob("*"))
                if file.suffix.lower() in SUFFIXES and file.is_file() and not _hidden(file.relative_to(path))
            ]
        elif path.exists():
            files = [(path, Path(path.name))]
        else:
            files = [(file, file.relative_to(base)) for base, file in _glob(path)]
        if not files:
            raise ArchiveError(f"{source}: no TIFF found there")
        for file, relative in files:
            found.setdefault(file, relative)
    return list(found.items())
