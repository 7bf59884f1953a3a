"""How an image is to be shown: pixels are kept as they are stored, and it is told where a viewer would turn them.

Specification: TIFF 6.0, tag 274 (Orientation).
"""

from __future__ import annotations

from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record
from zarr_neural.archive.tiff.dialects.resolution_tags import tag

_SHOWN = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored along its diagonal, rows as columns",
    6: "turned clockwise by 90 degrees",
    7: "mirrored along its other diagonal, rows as columns",
    8: "turned counter-clockwise by 90 degrees",
}


def tell_orientation(record: Record, page: Any) -> None:
    """Add a note where the tag Orientation asks for another view than the pixels as they are stored."""
    found = tag(page, "Orientation")
    if isinstance(found, int) and (shown := _SHOWN.get(int(found))):
        record.notes.append(
            f"the file asks viewers to show the image {shown} (Orientation {int(found)}): the pixels were kept as they "
            "are stored, so it looks different in viewers that follow this tag"
        )
