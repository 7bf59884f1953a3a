"""Which images hold names instead of light: they are never coded with loss, and their overviews are not averaged.

An image is one if the caller says so; otherwise if its pixels are indices of a palette, booleans or integers of 32 or
64 bits, if its file name has one of the words label(s), mask(s) or seg(mentation) between separators, or if its content
is that of labels (see `zarr_neural.chunk.names`).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.chunk import holds_names
from zarr_neural.errors import ConfigurationError

_LABEL_NAME = re.compile(r"(?:^|[_\-. ])(?:labels?|masks?|seg(?:mentation)?s?)(?:[_\-. 0-9]|$)", re.IGNORECASE)
_SIDE = 512
_BLOCKS = 4


def label_image(image: SourceImage, wanted: bool | None = None) -> str | None:
    """Return how an image is known to hold labels: "asked", "palette", "dtype", "name", "content", or None.

    Parameters
    ----------
    image : SourceImage
        Up to four blocks of 512 x 512 pixels of each channel are read where nothing else tells.
    wanted : bool, optional
        Decides for the caller.

    Raises
    ------
    ConfigurationError
        Labels are wanted of an image of floating point with fractions.
    """
    if wanted and image.dtype.kind not in "biu":
        raise ConfigurationError(f"{image.path.name}: labels must be integers, but this image is {image.dtype}")
    if wanted is not None:
        return "asked" if wanted else None
    if image.photometric == "palette":
        return "palette"
    if image.samples > 1:
        return None
    if image.dtype.kind == "b" or (image.dtype.kind in "iu" and image.dtype.itemsize >= 4):
        return "dtype"
    named = _LABEL_NAME.search(re.sub(r"(\.ome)?\.\w+$", "", image.path.name)) is not None
    if named and image.dtype.kind in "iu":
        return "name"
    found = [holds_names(_blocks(image, channel)) for channel in range(image.channels)]
    return "content" if found and all(found) else None


def _blocks(image: SourceImage, channel: int) -> npt.NDArray[Any]:
    """Blocks of a channel, spread over its planes and their diagonals."""
    sides = [min(size, _SIDE) for size in image.shape[-2:]]
    places = [(size - side) for size, side in zip(image.shape[-2:], sides, strict=True)]
    count = 1 if not any(places) and len(image.shape) == 2 else _BLOCKS
    blocks = []
    for number in range(count):
        share = (number + 0.5) / count if any(places) else 0.0
        region = []
        for axis, size in zip(image.axes, image.shape, strict=True):
            if axis == "c":
                region.append(slice(channel, channel + 1))
            elif axis in "yx":
                room = places["yx".index(axis)]
                at = int(share * room) if axis == "y" or number % 2 == 0 else room - int(share * room)
                region.append(slice(at, at + sides["yx".index(axis)]))
            else:
                at = number * size // count
                region.append(slice(at, at + 1))
        pixels = image.read(tuple(region))
        blocks.append(pixels.reshape(pixels.shape[-2:]))
    return np.stack(blocks)
