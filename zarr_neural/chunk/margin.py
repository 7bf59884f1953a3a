"""The padded margin of a plane: the rectangle that holds all pixels different from one border value, and its fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream import Field
from zarr_neural.errors import DamagedChunkError

HAS_MARGIN = 1  # bit of the `flags` of a record


@dataclass(frozen=True)
class Rectangle:
    """Rows ``top`` to ``top + height`` and columns ``left`` to ``left + width`` of a plane."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rectangle in its plane."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def find_content(plane: NDArray[Any]) -> tuple[Rectangle, Any]:
    """The smallest rectangle outside which a plane has one value, and that value.

    Zarr pads at the end of both axes and registration leaves borders anywhere: the values of the last and of the first
    pixel are tried. A constant plane gives an empty rectangle.

    Parameters
    ----------
    plane : (Y, X) array
        NaN is a border like any other, told by its bits: zarr pads with it where it is the fill value.
    """
    height, width = plane.shape
    best, value = Rectangle(0, 0, height, width), plane[-1, -1]
    for corner in ((-1, -1), (0, 0)):
        border = plane[corner]
        # a border of NaN equals nothing, itself included
        words = plane.view(f"u{plane.dtype.itemsize}") if plane.dtype.kind == "f" and np.isnan(border) else plane
        edges = (words[0], words[-1], words[:, 0], words[:, -1])
        if not any((edge == words[corner]).all() for edge in edges):
            continue
        different = words != words[corner]
        rows, columns = np.flatnonzero(different.any(1)), np.flatnonzero(different.any(0))
        if rows.size == 0:
            return Rectangle(0, 0, 0, 0), border
        box = Rectangle(int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
        if box.height * box.width < best.height * best.width:
            best, value = box, border
    return best, value


def without_nan_margin(planes: NDArray[Any]) -> NDArray[Any]:
    """Planes with their margins of NaN at a value from inside; as they are where NaN lies anywhere else.

    Parameters
    ----------
    planes : (N, Y, X) array
    """
    if planes.dtype.kind != "f" or not (missing := np.isnan(planes)).any() or missing.all():
        return planes
    for plane, absent in zip(planes, missing, strict=True):
        if absent.any():
            box, border = find_content(plane)
            if (
                not np.isnan(border)
                or absent[box.slices].any()
                or int(absent.sum()) != plane.size - box.height * box.width
            ):
                return planes
    return np.where(missing, planes[~missing][0], planes)


def has_margin(values: Mapping[str, Any]) -> bool:
    """Whether a record has the fields of a rectangle."""
    return bool(values["flags"] & HAS_MARGIN)


def has_content(values: Mapping[str, Any]) -> bool:
    """Whether anything lies inside the rectangle of a record."""
    return not has_margin(values) or values["height"] * values["width"] > 0


MARGIN_FIELDS = (
    Field("border", "varint", when=has_margin),  # bits of the sample outside the rectangle
    Field("first_row", "varint", when=has_margin),
    Field("first_column", "varint", when=has_margin),
    Field("height", "varint", when=has_margin),
    Field("width", "varint", when=has_margin),
)


def margin_values(plane: NDArray[Any]) -> tuple[dict[str, Any], Rectangle, Any]:
    """The first fields of a plane's record, its rectangle, and the sample outside."""
    box, border = find_content(plane)
    if (box.height, box.width) == plane.shape:
        return {"flags": 0}, box, border
    values = {
        "flags": HAS_MARGIN,
        "border": int(np.asarray(border).view(f"u{border.dtype.itemsize}")),
        "first_row": box.top,
        "first_column": box.left,
        "height": box.height,
        "width": box.width,
    }
    return values, box, border


def fill_margin(values: Mapping[str, Any], out: NDArray[Any]) -> Rectangle:
    """Fills ``out`` (Y, X) with the border of a record, if it has one, and returns its rectangle.

    Raises
    ------
    DamagedChunkError
        If the rectangle exceeds the plane, or the border does not fit its dtype.
    """
    if not has_margin(values):
        return Rectangle(0, 0, *out.shape)
    box = Rectangle(*(values[name] for name in ("first_row", "first_column", "height", "width")))
    if box.top + box.height > out.shape[0] or box.left + box.width > out.shape[1]:
        raise DamagedChunkError("the rectangle of a plane exceeds it", expected=out.shape, found=box)
    bits = values["border"]
    if out.dtype.itemsize > 8 or bits >> (8 * out.dtype.itemsize):
        raise DamagedChunkError(f"the border of a plane does not fit {out.dtype}", found=bits)
    out[...] = np.array(bits, f"u{out.dtype.itemsize}").view(out.dtype)
    return box
