"""Reading TIFF: every image of a file as axes, shape, dtype, calibration and `read(region)`, one region at a time.

The page structure is tifffile's; here it becomes OME order, (T C Z Y X) or any part of it, with the samples of RGB
as channels. A file that tifffile can only read in part is refused: a shorter stack must not pass for the whole one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import tifffile

from zarr_neural.archive.layout import Region
from zarr_neural.archive.tiff.axes import ORDER, map_axes
from zarr_neural.archive.tiff.calibration import Calibration, read_calibration
from zarr_neural.archive.tiff.complaints import collect_complaints, is_damage
from zarr_neural.archive.tiff.extent import check_extent
from zarr_neural.archive.tiff.identity import digest_of, stamp_of
from zarr_neural.archive.tiff.pages import open_pages
from zarr_neural.errors import ArchiveError, ConfigurationError


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
    with collect_complaints() as complaints:
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
            fatal = [text for level, text in complaints if is_damage(level, text)]
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
    missing = check_extent(path, series)
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
        digest=digest_of(path),
        stamp=stamp_of(files),
        files=files,
        notes=tuple(notes),
        _letters=letters,
        _array=open_pages(series, handle),
    )
