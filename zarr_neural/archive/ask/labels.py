"""Which images hold names instead of light: they are never coded with loss.

Labels are always stored losslessly: an image is one if the caller says so, if its pixels are booleans or integers of
32 or 64 bits, or if its file name has one of the words label(s), mask(s) or seg(mentation) between separators.
"""

from __future__ import annotations

import re

from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.errors import ConfigurationError

_LABEL_NAME = re.compile(r"(?:^|[_\-. ])(?:labels?|masks?|seg(?:mentation)?s?)(?:[_\-. 0-9]|$)", re.IGNORECASE)


def is_label_image(image: SourceImage, wanted: bool | None = None) -> bool:
    """Return whether `image` holds labels; `wanted` (not None) decides for the caller.

    Raises
    ------
    ConfigurationError
        Labels are wanted of an image of floating point.
    """
    if wanted and image.dtype.kind not in "biu":
        raise ConfigurationError(f"{image.path.name}: labels are integers, this image is {image.dtype}")
    if wanted is not None:
        return wanted
    if image.dtype.kind not in "biu" or image.samples > 1:
        return False
    wide = image.dtype.kind == "b" or image.dtype.itemsize >= 4
    return wide or _LABEL_NAME.search(re.sub(r"(\.ome)?\.\w+$", "", image.path.name)) is not None
