"""Reading TIFF: every image of a file as axes, shape, dtype, meaning and `read(region)`, one region at a time.

The page structure is tifffile's; here it becomes OME order, (T C Z Y X) or any part of it, with the samples of a pixel
as channels and the positions of the stage as images. A file that can only be read in part is refused: a shorter stack
must not pass for the whole one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.layout import Region
from zarr_neural.archive.tiff.axes import ORDER, map_axes, series_axes
from zarr_neural.archive.tiff.complaints import collect_complaints, is_damage, notes_of, without_speaker
from zarr_neural.archive.tiff.dialects import Record, read_record
from zarr_neural.archive.tiff.dialects.made_xml import make_ome_xml
from zarr_neural.archive.tiff.dialects.ome_xml import DOCUMENT
from zarr_neural.archive.tiff.identity import digest_of, is_hot, stamp_of
from zarr_neural.archive.tiff.opening import Xml, open_tiff
from zarr_neural.archive.tiff.pages import Pages
from zarr_neural.archive.tiff.photometric import name_samples, photometric_of
from zarr_neural.archive.tiff.planes import plan_of_series
from zarr_neural.archive.tiff.second_look import SecondLook
from zarr_neural.archive.tiff.series import series_of
from zarr_neural.errors import ArchiveError, ConfigurationError

MAX_MEMORY = 4 * 2**30
"""Bytes that one compressed strip or tile may take when it is decoded, unless the caller says otherwise."""


@dataclass(frozen=True)
class SourceImage:
    """One image of a TIFF file, read on demand.

    `axes` is a part of "tczyx" in that order, `shape` and `dtype` belong to it. `samples` is the number of
    samples of a pixel (3 for RGB) that became channels, 1 where there are none. `notes` tells what had to be assumed.
    `digest` stands for the beginning and the end of the file, `stamp` is size and time of all the `files` that the
    pixels lie in; where it is `hot`, one of them was written a moment before it was opened, and may be again without
    another stamp. `photometric` says how values are to be read.
    """

    path: Path
    series: int
    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    samples: int
    record: Record
    digest: str
    stamp: list[list[int]] = field(default_factory=list)
    hot: bool = False
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    photometric: str = "minisblack"
    _letters: str = ""
    _fixed: int = 0
    _array: Any = field(default=None, repr=False, compare=False)

    @property
    def channel_axis(self) -> int | None:
        """Number of the channel axis, None where there is none."""
        return self.axes.index("c") if "c" in self.axes else None

    @property
    def channels(self) -> int:
        """Number of channels, 1 for an image without a channel axis."""
        return 1 if self.channel_axis is None else self.shape[self.channel_axis]

    @property
    def interleaved(self) -> int | None:
        """The channel axis where channels are the samples of a pixel, which are read together; None otherwise."""
        return self.channel_axis if self.samples > 1 else None

    @property
    def channel_names(self) -> list[str]:
        """A name for every channel, "channel 0" and so on where the file has none."""
        known = self.record.names
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
            if letter == "R":
                selection.append(slice(self._fixed, self._fixed + 1))
            elif letter == "S":
                selection.append(slice(0, self.samples) if merged else wanted["c"])
            elif letter == "C" and merged:
                part = wanted["c"]
                selection.append(slice(part.start // self.samples, -(-part.stop // self.samples)))
            else:
                selection.append(wanted[letter.lower()])
        try:
            block = np.asarray(self._array[tuple(selection)])
        except ArchiveError:
            raise
        except Exception as error:
            where = ", ".join(f"{axis} {part.start}:{part.stop}" for axis, part in wanted.items())
            raise ArchiveError(f"{self.path.name}: cannot read {where}: {error}") from error
        if "R" in self._letters:
            block = block[(slice(None),) * self._letters.index("R") + (0,)]
        letters = self._letters.replace("R", "")
        block = block.transpose([letters.index(letter) for letter in ORDER if letter in letters])
        if merged:
            axis = self.axes.index("c")
            block = block.reshape(*block.shape[:axis], -1, *block.shape[axis + 2 :])
            first = wanted["c"].start % self.samples
            block = block[(slice(None),) * axis + (slice(first, first + wanted["c"].stop - wanted["c"].start),)]
        return np.ascontiguousarray(block, dtype=self.dtype)


@contextmanager
def open_images(
    path: Path, axes: str | None = None, *, max_memory: int = MAX_MEMORY, second_look: bool = False
) -> Iterator[list[SourceImage]]:
    """Yield the images of a TIFF file, one per series of pages and position of the stage; pyramids count once.

    Parameters
    ----------
    path : Path
        The file.
    axes : str, optional
        What the axes of the (squeezed) image mean, for files that do not say so or say it wrongly, such as "TYX".
    max_memory : int
        Bytes; a file with a compressed strip or tile that takes more when it is decoded is refused.
    second_look : bool
        Decode whole pages by tifffile alone, independently of the way that a conversion reads.

    Raises
    ------
    ArchiveError
        Not a TIFF, truncated, damaged, a set of files with one missing, or axes that have no place in OME order.
    ConfigurationError
        `axes` are not those of the file.
    """
    with collect_complaints() as complaints, ExitStack() as stack:
        try:
            if not path.stat().st_size:
                raise ArchiveError("the file is empty (0 bytes)")
            tiff, xml, more, notes = open_tiff(path, stack)
            notes += series_of(tiff)
            images: list[SourceImage] = []
            digest = digest_of(path)
            for number in range(len(tiff.series)):
                reader = _Reader(path, tiff, number, xml, more, axes, digest)
                images += reader.images(len(images), max_memory, second_look=second_look, stack=stack)
        except (ArchiveError, ConfigurationError) as error:
            text = str(error)
            raise type(error)(text if text.startswith(path.name) else f"{path.name}: {text}") from error
        except Exception as error:
            raise ArchiveError(f"{path.name}: cannot read: {error or type(error).__name__}") from error
        fatal = [text for level, text in complaints if is_damage(level, text)]
        if fatal or not images:
            raise ArchiveError(
                f"{path.name}: damaged or incomplete: {without_speaker(fatal[0]) if fatal else 'it holds no image'}"
            )
        notes += notes_of(complaints)
        yield [replace(image, notes=(*image.notes, *notes)) for image in images]


@dataclass(frozen=True)
class _Reader:
    """One series of an open file on its way to images."""

    path: Path
    tiff: Any
    number: int
    xml: Xml | None
    more: tuple[Path, ...]
    axes: str | None
    digest: str

    def images(self, first: int, max_memory: int, *, second_look: bool, stack: ExitStack) -> Iterator[SourceImage]:
        """Yield the image, or one for each position of the stage, numbered from `first` on."""
        series = self.tiff.series[self.number]
        if 0 in series.shape:
            raise ArchiveError(f"image {first} has no pixels: its shape is {series.shape}")
        if np.dtype(series.dtype).kind not in "biuf":
            raise ArchiveError(f"image {first} has pixels of {series.dtype}, which OME-Zarr viewers cannot show")
        if series.keyframe.bitspersample == 24 and series.dtype.kind in "iu":
            raise ArchiveError(
                f"image {first} has integers of 24 bits, whose bytes programs read in different orders: save the file "
                "again with 32 bits"
            )
        letters, notes = map_axes(series_axes(self.tiff, series, self.xml is not None, self.axes), self.axes)
        shape = dict(zip(letters, series.shape, strict=True))
        samples = shape.pop("S", 1)
        record = read_record(self.tiff, self.number, shape.get("C", 1), self.xml)
        if samples > 1:
            shape["C"] = shape.get("C", 1) * samples
        photometric = photometric_of(series.keyframe)
        notes += name_samples(record, series.keyframe, photometric, shape.get("C", 1), samples)
        notes += record.notes
        files: tuple[Path, ...] = (self.path,)
        if second_look:
            array: Pages | SecondLook = SecondLook(series)
        else:
            plan = plan_of_series(series, self.path)
            array = Pages(series, plan, max_memory)
            notes += [*plan.notes, *array.notes]
            named = {self.path, *self.more, *(page.path for page in plan.pages if page is not None)}
            files = tuple(sorted({file.resolve() for file in named}))  # each once: tifffile tells real paths
        stack.callback(array.close)
        ordered = [letter for letter in "TCZYX" if letter in shape]
        extent, axes = tuple(int(shape[letter]) for letter in ordered), "".join(ordered).lower()
        dtype = np.dtype(np.dtype(series.dtype).newbyteorder("=").str)  # one of two C types of 64 bits: zarr knows one
        if DOCUMENT not in record.documents:
            names = [name or f"channel {i}" for i, name in enumerate(record.names)] or ["channel 0"]
            if made := make_ome_xml(record, axes, extent, dtype, names if len(names) == shape.get("C", 1) else []):
                record.documents[DOCUMENT] = made
        stamp = stamp_of(files)
        hot = is_hot(stamp)
        positions = shape.get("R", 1)
        for position in range(positions):
            own = record
            if positions > 1:
                known = record.positions[position] if position < len(record.positions) else ""
                own = record.at(known or f"position {position}")
            yield SourceImage(
                path=self.path,
                series=first + position,
                name=own.name or series.name or self.path.name,
                axes=axes,
                shape=extent,
                dtype=dtype,
                samples=samples,
                record=own,
                digest=self.digest,
                stamp=stamp,
                hot=hot,
                files=files,
                notes=tuple(notes),
                photometric=photometric,
                _letters=letters,
                _fixed=position,
                _array=array,
            )
