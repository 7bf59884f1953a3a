"""The pixels of a TIFF read a second time by another way, so that `verify` does not repeat the mistakes of `convert`.

Every page is decoded as a whole by tifffile itself, from its own directory. Nothing here comes from `pages` and
`planes`.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

Selection = tuple[slice, ...]
Pixels = npt.NDArray[Any]

HELD_NBYTES = 2**30
"""A page that takes more when it is decoded lies in a temporary file meanwhile, not in memory: slides take 20 GB."""


class SecondLook:
    """The pixels of one series, to be indexed with one slice per axis of its (squeezed) shape.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Of an open file.
    """

    def __init__(self, series: Any) -> None:
        self._series, self._shape = series, tuple(series.shape)
        self._first = series.axes.index("Y")
        self._pages = list(series)
        self._lock = threading.Lock()
        self._last: tuple[int, Pixels] | None = None
        self._mapped = self._map() if len(self._pages) == 1 and series.size > self._pages[0].size else None

    def __getitem__(self, selection: Selection) -> Pixels:
        """Return the pixels of one slice per axis."""
        if self._mapped is not None:
            return np.asarray(self._mapped[selection])
        leading, inner = selection[: self._first], selection[self._first :]
        counts = [part.stop - part.start for part in leading]
        inner_shape = self._shape[self._first :]
        sizes = [len(range(*part.indices(size))) for part, size in zip(inner, inner_shape, strict=True)]
        block = np.empty((*counts, *sizes), self._series.dtype)
        in_page = max(1, math.prod(self._shape[: self._first]) // len(self._pages))
        for index in np.ndindex(*counts):
            place = tuple(part.start + i for part, i in zip(leading, index, strict=True))
            number = int(np.ravel_multi_index(place, self._shape[: self._first])) if place else 0
            page = self._page(number // in_page).reshape(in_page, *inner_shape)
            block[index] = page[(number % in_page, *inner)]
        return block

    def close(self) -> None:
        """Let go of the last page."""
        self._last = None

    def _page(self, number: int) -> Pixels:
        with self._lock:
            if self._last is None or self._last[0] != number:
                self._last = None
                self._last = (number, self._decoded(number))
            return self._last[1]

    def _decoded(self, number: int) -> Pixels:
        page = self._pages[number]
        if page is None:
            return np.full(self._series.keyframe.shape, self._series.keyframe.nodata, self._series.dtype)
        handle = page.parent.filehandle
        closed = handle.closed
        if closed:
            handle.open()
        try:
            whole = self._whole(page)
            offsets = whole.dataoffsets
            if all(offsets) and not any(whole.databytecounts) and whole.keyframe.compression == 1:
                # counts that were never written: all between a strip or tile and the next, at most a page
                ends = sorted({*offsets, handle.size})
                whole.databytecounts = tuple(
                    min(ends[ends.index(offset) + 1] - offset, whole.keyframe.nbytes) for offset in offsets
                )
            if not any(whole.dataoffsets) or not any(whole.databytecounts):
                # never stored: tifffile would read the head of the file
                return np.full(whole.shape, whole.keyframe.nodata, self._series.dtype)
            large = whole.nbytes > HELD_NBYTES
            return np.asarray(whole.asarray(maxworkers=1, out="memmap" if large else None))
        finally:
            if closed:  # a set may have more files than can be open at once
                handle.close()

    def _whole(self, page: Any) -> Any:
        """The page with all that its own directory says, where it has one."""
        if page.is_frame and page.is_virtual and self._series.kind == "mmstack":
            page.parent.filehandle.seek(page.offset)
            return tifffile.TiffPage(page.parent, index=page.index)
        return page.aspage() if page.is_frame and not page.is_virtual and self._series.kind != "lsm" else page

    def _map(self) -> Pixels:
        """A stack that one directory stands for, one plane after the other."""
        page = self._pages[0]
        dtype = np.dtype(self._series.dtype).newbyteorder(page.parent.byteorder)
        return np.memmap(page.parent.filehandle.path, dtype, "r", page.dataoffsets[0], self._shape)
