"""Overviews: an image at half the size, again and again, made from the source and never from what lies in the store."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.layout import Region, grid

Pixels = npt.NDArray[Any]
_BAND_NBYTES = 16 * 2**20


def halve(block: Pixels, *, labels: bool) -> Pixels:
    """Return `block` at half the size in its last two axes (rounded up), in the same dtype.

    Parameters
    ----------
    block : ndarray, (..., Y, X)
        Its first pixel must lie at even coordinates of the image.
    labels : bool
        True: keep every second pixel, so that no new label appears. False: mean of 2 x 2 pixels, halves rounded up;
        at an odd edge the last row or column counts twice. 64-bit integers and booleans are always treated as labels.
    """
    if labels or block.dtype.kind == "b" or (block.dtype.kind in "iu" and block.dtype.itemsize == 8):
        return np.ascontiguousarray(block[..., ::2, ::2])
    pad = [(0, 0)] * (block.ndim - 2) + [(0, size % 2) for size in block.shape[-2:]]
    even = np.pad(block, pad, mode="edge") if block.shape[-1] % 2 or block.shape[-2] % 2 else block
    if block.dtype.kind == "f":
        wide = even.astype(np.float64)
        total = wide[..., ::2, :] + wide[..., 1::2, :]
        mean: Pixels = ((total[..., ::2] + total[..., 1::2]) / 4).astype(block.dtype)
        return mean
    exact = np.int64 if block.dtype.itemsize > 2 else np.int32
    rows = np.add(even[..., ::2, :], even[..., 1::2, :], dtype=exact)
    total = rows[..., ::2] + rows[..., 1::2]
    mean = np.empty(total.shape, block.dtype)
    np.right_shift(total + 2, 2, out=mean, casting="unsafe")
    return mean


def overview(
    read: Callable[[Region], Pixels], shape: Sequence[int], number: int, region: Region, labels: bool
) -> Pixels:
    """Return a region of level `number`, halved from the full resolution band by band.

    Parameters
    ----------
    read : callable
        The pixels of a region of the full resolution.
    shape : sequence of int
        Of the full resolution.
    number : int
        0 is the full resolution.
    region : Region
        Of that level.
    labels : bool
        See `halve`.
    """
    factor = 2**number
    *leading, rows, columns = region
    wide = slice(columns.start * factor, min(columns.stop * factor, shape[-1]))
    row_nbytes = math.prod(part.stop - part.start for part in leading) * (wide.stop - wide.start) * 8
    step = max(1, _BAND_NBYTES // max(1, row_nbytes * factor))
    bands = []
    for start in range(rows.start, rows.stop, step):
        stop = min(start + step, rows.stop)
        band = read((*leading, slice(start * factor, min(stop * factor, shape[-2])), wide))
        for _ in range(number):
            band = halve(band, labels=labels)
        bands.append(band)
    return np.concatenate(bands, axis=-2)


class Cascade:
    """Regions of the full resolution go in, in any order; regions of the overviews come out as soon as they are whole.

    So the source is read once, and what is held are the parts of overview regions that still lack others. For threads.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Of the levels.
    regions : sequence of tuple of int
        Shape of the regions of each level, which begin at multiples of it.
    labels : bool
        See `halve`.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], regions: Sequence[tuple[int, ...]], labels: bool) -> None:
        self._shapes, self._regions, self._labels = shapes, regions, labels
        self._lock = threading.Lock()
        self._held: dict[tuple[int, tuple[int, ...]], tuple[Pixels, int]] = {}

    @property
    def aligned(self) -> bool:
        """Whether all regions begin at even rows and columns, so that each gives its part of the next level alone."""
        return all(
            side % 2 == 0 or side >= size
            for shape, region in zip(self._shapes[:-1], self._regions[:-1], strict=True)
            for side, size in zip(region[-2:], shape[-2:], strict=True)
        )

    def below(self, number: int, region: Region) -> Iterator[Region]:
        """Yield the regions of the next level that a region of level `number` gives a part of."""
        if number + 1 < len(self._shapes):
            sides = self._regions[number + 1]
            half = _half(region)
            first = [part.start // side * side for part, side in zip(half, sides, strict=True)]
            within = tuple(
                slice(start, min(-(-part.stop // side) * side, size))
                for start, part, side, size in zip(first, half, sides, self._shapes[number + 1], strict=True)
            )
            yield from grid(self._shapes[number + 1], sides, within)

    def feed(self, number: int, region: Region, pixels: Pixels) -> Iterator[tuple[Region, Pixels]]:
        """Take a region of level `number` and yield those of the next level that are whole now."""
        if number + 1 == len(self._shapes):
            return
        half, place = halve(pixels, labels=self._labels), _half(region)
        for whole in self.below(number, region):
            common = tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(whole, place, strict=True))
            part = half[_inside(common, place)]
            if common == whole:
                yield whole, np.ascontiguousarray(part)
                continue
            key = number + 1, tuple(side.start for side in whole)
            with self._lock:
                if key not in self._held:
                    sizes = tuple(side.stop - side.start for side in whole)
                    self._held[key] = np.empty(sizes, pixels.dtype), math.prod(sizes)
                held, missing = self._held[key]
                held[_inside(common, whole)] = part
                missing -= part.size
                self._held[key] = held, missing
                if missing == 0:
                    del self._held[key]
            if missing == 0:
                yield whole, held


def _half(region: Region) -> Region:
    """The place of a region in the next level."""
    return (*region[:-2], *(slice(part.start // 2, -(-part.stop // 2)) for part in region[-2:]))


def _inside(part: Region, whole: Region) -> Region:
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, whole, strict=True))
