"""The Transfluor images at 128 x 128: reading, reduction, and the split by wells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.images import read_planes

Images = NDArray[np.uint8]
SIDE = 128
PATTERN = re.compile(r"AS_09047_\d+_(O\d\d)(f\d\d)d2", re.IGNORECASE)
VALIDATION_PART = 22 / 72
"""Of the wells, the last ones: the study's 44 of 144."""
UNSEEN_FROM = "O19"
"""Wells from here on were held out when our own codec was trained."""


@dataclass(frozen=True)
class Cell:
    """One image of the assay.

    Attributes
    ----------
    name
        Of its file.
    well
        Its group: three fields of one well, which are never split.
    image
        (128, 128) uint8, means of the pixels that fall on each.
    """

    name: str
    well: str
    image: Images

    @property
    def unseen(self) -> bool:
        """Whether our own codec never saw it."""
        return self.well >= UNSEEN_FROM


def reduced(image: Images, side: int) -> Images:
    """Return an image of `side` pixels a side: means over squares, rounded.

    Raises
    ------
    ValueError
        If the image is no whole number of times as large.
    """
    times = image.shape[0] // side
    if image.shape != (times * side, times * side) or times == 0:
        raise ValueError(f"expected a square of a multiple of {side} pixels, found {image.shape}")
    means = image.reshape(side, times, side, times).mean(axis=(1, 3))
    return np.asarray(np.rint(means), np.uint8)


def read_cells(folder: Path) -> list[Cell]:
    """Return the images of the assay below a folder, in the order of their names.

    Raises
    ------
    ValueError
        If there are fewer than two wells, or one is not grey or not 8 bit.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    cells = []
    for path in sorted(folder.rglob("*")):
        found = PATTERN.match(path.stem)
        if found is None or path.suffix.lower() not in (".tif", ".tiff", ".png"):
            continue
        planes = read_planes(path)
        if len(planes) != 1 or planes[0].dtype != np.uint8:
            raise ValueError(f"{path.name}: expected one plane of uint8, found {len(planes)} of {planes[0].dtype}")
        try:
            cells.append(Cell(path.name, found[1].upper(), reduced(planes[0], SIDE)))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
    if len({cell.well for cell in cells}) < 2:
        raise ValueError(f"expected Transfluor images of two wells or more (AS_09047_..._O01f00d2.TIF) below {folder}")
    return cells


def split(cells: list[Cell]) -> tuple[list[Cell], list[Cell]]:
    """Return training and validation images; the last wells validate, and no well is in both.

    Of 24 wells these are O18 to O24: 51 and 21 images, where the study drew 100 and 44 without regard to wells.
    """
    wells = sorted({cell.well for cell in cells})
    held = set(wells[-max(1, round(VALIDATION_PART * len(wells))) :])
    return [cell for cell in cells if cell.well not in held], [cell for cell in cells if cell.well in held]


def stacked(cells: list[Cell]) -> Images:
    """Return images as one array (N, 128, 128)."""
    return np.stack([cell.image for cell in cells])
