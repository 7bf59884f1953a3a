"""The padded margin of a plane: the rectangle that holds all pixels different from one border value."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        Floats must not be NaN.
    """
    height, width = plane.shape
    best, value = Rectangle(0, 0, height, width), plane[-1, -1]
    for corner in ((-1, -1), (0, 0)):
        border = plane[corner]
        edges = (plane[0], plane[-1], plane[:, 0], plane[:, -1])
        if not any((edge == border).all() for edge in edges):
            continue
        different = plane != border
        rows, columns = np.flatnonzero(different.any(1)), np.flatnonzero(different.any(0))
        if rows.size == 0:
            return Rectangle(0, 0, 0, 0), border
        box = Rectangle(int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
        if box.height * box.width < best.height * best.width:
            best, value = box, border
    return best, value
