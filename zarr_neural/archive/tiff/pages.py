"""Reading a part of a TIFF series without holding more of it than that part.

Pixels that lie in the file as they are, rows one after the other, are read row by row: a page of many gigabytes in one
strip costs no more memory than the rows asked for. Everything else is decoded by tifffile strip by strip or tile by
tile; where these are large the last ones stay decoded, because the next region usually asks for the same.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.layout import REGION_NBYTES

Selection = tuple[slice, ...]


class Rows:
    """Pixels of a series that lies in one file uncompressed, plane after plane or page after page.

    Parameters
    ----------
    handle : file
        Open for reading; may be shared by threads.
    shape : tuple of int
        Of the series; axis `first` is y, everything after it is stored contiguously.
    dtype : dtype
        As stored, with its byte order.
    first : int
        The y axis.
    offsets : list of int
        Where each plane begins, in the order of the axes before y.
    """

    def __init__(
        self, handle: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any], first: int, offsets: list[int]
    ) -> None:
        self._handle, self._shape, self._dtype, self._first, self._offsets = handle, shape, dtype, first, offsets
        self._row_nbytes = math.prod(shape[first + 1 :]) * dtype.itemsize

    def __getitem__(self, selection: Selection) -> npt.NDArray[Any]:
        """Return the pixels of one slice per axis.

        Raises
        ------
        OSError
            The file ends before them.
        """
        leading, rows, rest = selection[: self._first], selection[self._first], selection[self._first + 1 :]
        counts = [part.stop - part.start for part in leading]
        row_shape = self._shape[self._first + 1 :]
        block = np.empty(
            (*counts, rows.stop - rows.start, *(p.stop - p.start for p in _full(rest, row_shape))), self._dtype
        )
        for index in np.ndindex(*counts):
            place = tuple(part.start + i for part, i in zip(leading, index, strict=True))
            plane = int(np.ravel_multi_index(place, self._shape[: self._first])) if place else 0
            size = (rows.stop - rows.start) * self._row_nbytes
            data = os.pread(self._handle.fileno(), size, self._offsets[plane] + rows.start * self._row_nbytes)
            if len(data) != size:
                raise OSError(f"the file ends within plane {plane}")
            whole = np.frombuffer(data, self._dtype).reshape(-1, *row_shape)
            block[index] = whole[(slice(None), *rest)]
        return block


def _full(selection: Selection, shape: tuple[int, ...]) -> Selection:
    return tuple(slice(*part.indices(size)) for part, size in zip(selection, shape, strict=True))


class LastDecoded:
    """A lazy array whose strips or tiles are large: the last ones read stay decoded.

    Parameters
    ----------
    array : zarr.Array
        The series, one strip or tile a chunk.
    """

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array = array
        self._lock = threading.Lock()
        self._held: tuple[Selection, npt.NDArray[Any]] | None = None

    def __getitem__(self, selection: Selection) -> npt.NDArray[Any]:
        """Return the pixels of one slice per axis."""
        asked = _full(selection, self._array.shape)
        whole = tuple(
            slice(part.start // side * side, min(-(-part.stop // side) * side, size))
            for part, side, size in zip(asked, self._array.chunks, self._array.shape, strict=True)
        )
        with self._lock:
            if self._held is None or self._held[0] != whole:
                self._held = None
                self._held = (whole, np.asarray(self._array[whole]))
            decoded = self._held[1]
        return decoded[tuple(slice(a.start - w.start, a.stop - w.start) for a, w in zip(asked, whole, strict=True))]


def open_pages(series: Any, handle: BinaryIO) -> Rows | LastDecoded | zarr.Array[Any]:
    """Return something to index with one slice per axis of the (squeezed) series.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Of an open file.
    handle : file
        The same file, open for reading as long as the result is used.
    """
    offsets = _offsets(series)
    if offsets is not None:
        dtype = np.dtype(series.dtype).newbyteorder(series.parent.byteorder)
        return Rows(handle, series.shape, dtype, series.axes.index("Y"), offsets)
    array = zarr.open_array(series.aszarr(level=0), mode="r")
    return LastDecoded(array) if math.prod(array.chunks) * array.dtype.itemsize > REGION_NBYTES else array


def _offsets(series: Any) -> list[int] | None:
    """Where each plane of the series begins, None if its pixels are not in the file as they are."""
    page = series.keyframe
    if series.is_multifile or series.transform is not None or not page.is_final or page.dtype != series.dtype:
        return None
    first = series.axes.index("Y")
    plane = math.prod(series.shape[first:])
    count = math.prod(series.shape[:first])
    nbytes = plane * series.dtype.itemsize
    if series.dataoffset is not None:
        return [series.dataoffset + i * nbytes for i in range(count)]
    pages = list(series.pages)
    if page.size % plane or len(pages) * (page.size // plane) != count or any(p is None for p in pages):
        return None
    return [p.dataoffsets[0] + i * nbytes for p in pages for i in range(page.size // plane)]
