"""Reading a part of a TIFF series without holding more of it than that part.

Planes that are proven to lie in the file as they are (`planes`) are read by position, only the bytes asked for.
Everything else is decoded by tifffile, strip by strip or tile by tile; the last ones stay decoded as far as a bounded
store has room, because the next region usually asks for the same.
"""

from __future__ import annotations

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.tiff.planes import Page, Plan, segment_nbytes
from zarr_neural.archive.tiff.streams import is_cut
from zarr_neural.errors import ArchiveError, MissingExtraError

Selection = tuple[slice, ...]
Pixels = npt.NDArray[Any]

HELD_NBYTES = 256 * 2**20
_SHORT_ROW = 4096
_MOST_OPEN = 32
_TOO_MUCH = re.compile("INSUFFICIENT_SPACE|OUTPUT_TOO_SMALL")


class Pages:
    """The pixels of one series, to be indexed with one slice per axis of its (squeezed) shape.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Of an open file.
    plan : Plan
        Where its planes lie.
    max_nbytes : int
        No strip or tile that takes more memory than this is decoded.

    Raises
    ------
    ArchiveError
        A strip or tile claims more than `max_nbytes`.
    """

    def __init__(self, series: Any, plan: Plan, max_nbytes: int) -> None:
        self._shape, self._pages = tuple(series.shape), plan.pages
        self._first = series.axes.index("Y")
        self._dtype = np.dtype(series.dtype)
        self._nodata = series.keyframe.nodata
        self._planes_in_page = max(
            1, math.prod(self._shape) // math.prod(self._shape[self._first :]) // len(plan.pages)
        )
        self._files = _Files({page.path for page in plan.pages if page is not None})
        self._segments = _Segments()
        self.notes: tuple[str, ...] = ()
        largest = 0
        for page in plan.pages:
            if page is not None and page.raw is None:
                nbytes = segment_nbytes(page)
                largest = max(largest, nbytes)
                if nbytes > max_nbytes:
                    raise ArchiveError(
                        f"{page.path.name}: page {page.number} has a strip or tile of {nbytes} bytes that must be "
                        f"decoded as a whole, but the limit is {max_nbytes} bytes: if the "
                        "file is sound and you have enough memory, raise the limit with --max-memory"
                    )
        if largest > HELD_NBYTES:
            self.notes = (
                f"a strip or tile of this file takes {largest / 2**20:.0f} MiB of memory when it is decoded; only one "
                "is held at a time",
            )

    def __getitem__(self, selection: Selection) -> Pixels:
        """Return the pixels of one slice per axis.

        Raises
        ------
        ArchiveError
            A strip or tile is damaged, or the file ends before the pixels.
        """
        leading, (rows, columns, *rest) = selection[: self._first], selection[self._first :]
        rest_shape = self._shape[self._first + 2 :]
        rest = [slice(*part.indices(size)) for part, size in zip(rest, rest_shape, strict=True)]
        counts = [part.stop - part.start for part in leading]
        size = (rows.stop - rows.start, columns.stop - columns.start)
        block = np.empty((*counts, *size, *(part.stop - part.start for part in rest)), self._dtype)
        for index in np.ndindex(*counts):
            place = tuple(part.start + i for part, i in zip(leading, index, strict=True))
            number = int(np.ravel_multi_index(place, self._shape[: self._first])) if place else 0
            whole = self._plane(number, rows, columns).reshape(*size, *rest_shape)
            block[index] = whole[(slice(None), slice(None), *rest)]
        return block

    def close(self) -> None:
        """Close the files, and let go of what is decoded."""
        self._files.close()
        self._segments.clear()

    def _plane(self, number: int, rows: slice, columns: slice) -> Pixels:
        """The rows and columns of one plane, (rows, columns, samples)."""
        page = self._pages[number // self._planes_in_page]
        samples = math.prod(self._shape[self._first + 2 :])
        if page is None:
            shape = (rows.stop - rows.start, columns.stop - columns.start, samples)
            return np.full(shape, self._nodata, self._dtype)
        within = number % self._planes_in_page
        if page.raw is not None:
            return self._raw(page, within, rows, columns, samples)
        return self._decoded(page, within, rows, columns, samples)

    def _raw(self, page: Page, within: int, rows: slice, columns: slice, samples: int) -> Pixels:
        assert page.raw is not None
        height, width = self._shape[self._first : self._first + 2]
        dtype = self._dtype.newbyteorder(page.decoder.parent.byteorder)
        pixel = samples * dtype.itemsize
        begin = page.raw + within * height * width * pixel + rows.start * width * pixel
        count, wide = rows.stop - rows.start, columns.stop - columns.start
        with self._files.of(page.path) as handle:
            if wide == width or width * pixel <= _SHORT_ROW:
                data = handle.read(begin, count * width * pixel, page)
                return np.frombuffer(data, dtype).reshape(count, width, samples)[:, columns]
            block = np.empty((count, wide, samples), dtype)
            for row in range(count):
                start = begin + (row * width + columns.start) * pixel
                block[row] = np.frombuffer(handle.read(start, wide * pixel, page), dtype).reshape(wide, samples)
            return block

    def _decoded(self, page: Page, within: int, rows: slice, columns: slice, samples: int) -> Pixels:
        block = np.full((rows.stop - rows.start, columns.stop - columns.start, samples), self._nodata, self._dtype)
        for number, (depth, top, left) in _segments_of(page, within, rows, columns):
            if not page.offsets[number] or not page.counts[number]:
                continue
            pixels = self._segments.get((id(page), number), segment_nbytes(page), partial(self._decode, page, number))
            bottom, right = min(top + pixels.shape[1], rows.stop), min(left + pixels.shape[2], columns.stop)
            low, first = max(top, rows.start), max(left, columns.start)
            block[low - rows.start : bottom - rows.start, first - columns.start : right - columns.start] = pixels[
                depth, low - top : bottom - top, first - left : right - left
            ]
        return block

    def _decode(self, page: Page, number: int) -> Pixels:
        with self._files.of(page.path) as handle:
            data = handle.read(page.offsets[number], page.counts[number], page)
        more: dict[str, Any] = {} if page.jpegtables is None else {"jpegtables": page.jpegtables}
        if page.decoder.jpegheader is not None:
            more["jpegheader"] = page.decoder.jpegheader
        try:
            pixels, _, _ = page.decoder.decode(data, number, **more)
            # tiles with a common header (NDPI) are pieces of one JPEG, which end without a mark
            cut = "jpegheader" not in more and is_cut(
                data, page.decoder.compression, lambda stream: page.decoder.decode(stream, number, **more)[0]
            )
        except Exception as error:
            if "requires the 'imagecodecs' package" in str(error):
                raise MissingExtraError(f"{page.path.name} is compressed", "imagecodecs", "archive") from error
            reason = str(error) or type(error).__name__
            if _TOO_MUCH.search(reason):
                reason = f"it holds more pixels than the size of the page allows ({reason})"
            raise ArchiveError(
                f"{page.path.name}: page {page.number}: strip or tile {number} cannot be decoded: {reason}"
            ) from error
        if cut:
            raise ArchiveError(
                f"{page.path.name}: page {page.number}: truncated: the stream of strip or tile {number} ends early"
            )
        return np.asarray(pixels)


def _segments_of(page: Page, within: int, rows: slice, columns: slice) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Yield the number of every strip or tile that holds a part of a plane, and where its first pixel lies."""
    decoder = page.decoder
    _, planes, length, width, _ = decoder.shaped
    part, depth = divmod(within, planes)
    if decoder.is_tiled:
        high, wide, deep = decoder.tilelength, decoder.tilewidth, decoder.tiledepth
    else:
        high, wide, deep = decoder.rowsperstrip, width, 1
    down, across = math.ceil(length / high), math.ceil(width / wide)
    base = (part * math.ceil(planes / deep) + depth // deep) * down
    for y in range(rows.start // high, -(-rows.stop // high)):
        for x in range(columns.start // wide, -(-columns.stop // wide)):
            yield (base + y) * across + x, (depth % deep, y * high, x * wide)


class _Files:
    """The files of a series: each stays open, unless there are so many that the system may not allow it."""

    def __init__(self, paths: set[Path]) -> None:
        self._few = len(paths) <= _MOST_OPEN
        self._open: dict[Path, _File] = {}
        self._guard = threading.Lock()

    @contextmanager
    def of(self, path: Path) -> Iterator[_File]:
        """Yield a file for some reads that follow each other."""
        if not self._few:
            with path.open("rb", buffering=0) as handle:
                yield _File(handle)
            return
        with self._guard:
            if path not in self._open:
                self._open[path] = _File(path.open("rb", buffering=0))
            file = self._open[path]
        yield file

    def close(self) -> None:
        with self._guard:
            for file in self._open.values():
                file.close()
            self._open.clear()


class _File:
    """A file that several threads read by position."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._guard = threading.Lock()

    def read(self, offset: int, nbytes: int, page: Page) -> bytearray:
        """Return the bytes at a place, all of them: one call of the system may return fewer than it was asked for."""
        data = bytearray(nbytes)
        view, done = memoryview(data), 0
        with self._guard:
            self._handle.seek(offset)
            while done < nbytes:
                more = self._handle.readinto(view[done:])  # type: ignore[attr-defined]
                if not more:
                    raise ArchiveError(f"{page.path.name}: truncated: the file ends within page {page.number}")
                done += more
        return data

    def close(self) -> None:
        self._handle.close()


class _Segments:
    """Decoded strips and tiles, the last ones used, up to `HELD_NBYTES` or a single one; each is decoded once."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, int], Pixels] = OrderedDict()
        self._nbytes = 0
        self._guard = threading.Lock()
        self._busy: dict[tuple[int, int], threading.Lock] = {}
        self._one_large = threading.Lock()

    def get(self, key: tuple[int, int], nbytes: int, make: Callable[[], Pixels]) -> Pixels:
        """Return what is held under a key, or make it; room for `nbytes` is made before."""
        with self._guard:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            large = nbytes > HELD_NBYTES // 4
            lock = self._one_large if large else self._busy.setdefault(key, threading.Lock())
        with lock:
            with self._guard:
                if key in self._held:
                    return self._held[key]
                while self._held and self._nbytes + nbytes > HELD_NBYTES:
                    self._nbytes -= self._held.popitem(last=False)[1].nbytes
            made = make()
            with self._guard:
                self._busy.pop(key, None)
                if key not in self._held:
                    self._nbytes += made.nbytes
                self._held[key] = made
            return made

    def clear(self) -> None:
        """Let go of everything."""
        with self._guard:
            self._held.clear()
            self._nbytes = 0
