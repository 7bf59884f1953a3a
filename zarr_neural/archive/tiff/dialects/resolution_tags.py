"""The resolution tags of plain TIFF: pixels per centimetre or inch. Printing resolutions are no pixel sizes.

Specification: TIFF 6.0, tags 282, 283 and 296.
"""

from __future__ import annotations

from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record

_MICROMETRES = {2: 25400.0, 3: 10000.0}
_PRINTED = (1, 72, 75, 96, 100, 120, 144, 150, 180, 200, 204, 240, 300, 350, 360, 400, 600, 720, 1200, 2400)
_LARGEST = 1000.0


def read_resolution_tags(record: Record, page: Any) -> None:
    """Put the sizes of x and y into `record` where the tags of a page are those of a microscope."""
    unit = tag(page, "ResolutionUnit")
    per_unit = {axis: pixels_per_unit(page, axis) for axis in "xy"}
    if unit not in _MICROMETRES or not all(per_unit.values()):
        return
    inch = {axis: value * (1 if unit == 2 else 2.54) for axis, value in per_unit.items()}
    sizes = {axis: _MICROMETRES[int(unit)] / value for axis, value in per_unit.items()}
    if any(map(is_printed, inch.values())) or any(size > _LARGEST for size in sizes.values()):
        record.notes.append(
            f"no pixel size was taken from the resolution tags: {per_unit['x']:.6g} pixels per "
            f"{'inch' if unit == 2 else 'centimetre'} is a printing resolution, not that of a microscope"
        )
        return
    for axis, size in sizes.items():
        record.put(axis, float(f"{size:.9g}"), "micrometer")


def is_printed(per_inch: float) -> bool:
    """Return whether so many pixels per inch are what printers, screens and scanners have."""
    return any(abs(per_inch - printed) < 0.02 * printed for printed in _PRINTED)


def tag(page: Any, name: str) -> Any:
    """Return the value of a tag of a page, None where there is none."""
    found = page.tags.get(name)
    return None if found is None else found.value


def pixels_per_unit(page: Any, axis: str) -> float:
    """Return pixels per unit along "x" or "y", 0.0 where the file does not say."""
    value = tag(page, f"{axis.upper()}Resolution")
    try:
        above, below = value
        return float(above / below) if above > 0 and below > 0 else 0.0
    except (TypeError, ValueError):
        return 0.0
