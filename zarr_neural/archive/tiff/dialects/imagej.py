"""ImageJ and Fiji: units per axis, spacing, frame interval, look-up tables, display ranges and slice labels.

Specification: the source of ImageJ (ij/io/TiffEncoder, ij/io/FileInfo), as tifffile reads it.
"""

from __future__ import annotations

from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, hex_colour, text_of, to_number
from zarr_neural.archive.tiff.dialects.resolution_tags import is_printed, pixels_per_unit, read_resolution_tags
from zarr_neural.archive.tiff.units import unit_name

_GREY = ("grayscale", "gray")


def read_imagej(record: Record, tiff: Any, series: Any, channels: int) -> None:
    """Put what the ImageJ metadata of a file say into `record`."""
    meta = as_mapping(tiff.imagej_metadata)
    page = series.keyframe
    _read_sizes(record, meta, page)
    _read_labels(record, meta, series, channels)
    if meta.get("mode") not in _GREY:
        record.colours = [_colour_of(table) for table in _list(meta.get("LUTs"))][:channels]
    ranges = [to_number(value) for value in _list(meta.get("Ranges"))]
    if len(ranges) >= 2 * channels:
        record.windows = [(ranges[2 * i], ranges[2 * i + 1]) for i in range(channels)]
    elif channels == 1 and "min" in meta and "max" in meta:
        record.windows = [(to_number(meta["min"]), to_number(meta["max"]))]
    if to_number(meta.get("c0")) or to_number(meta.get("c1")) not in (0, 1):
        record.notes.append(
            "ImageJ shows calibrated values for this file "
            f"(function {meta.get('cf')}, c0 = {meta.get('c0')}, c1 = {meta.get('c1')}, in {meta.get('vunit')}): the "
            "pixels were kept as they are stored; apply the calibration in OME/imagej.txt when you measure"
        )
    lines = [f"{key}={value}" for key, value in meta.items() if isinstance(value, str | int | float | bool)]
    record.documents["imagej.txt"] = "\n".join(lines) + "\n"
    if info := text_of(meta.get("Info")):
        record.documents["imagej-info.txt"] = info


def _read_sizes(record: Record, meta: Any, page: Any) -> None:
    unit = text_of(meta.get("unit"))
    if unit in (None, "pixel", "pixels"):
        read_resolution_tags(record, page)
    elif unit_name(_escaped(unit)) == "inch" and is_printed(pixels_per_unit(page, "x")):
        record.notes.append(
            f"no pixel size was taken: {pixels_per_unit(page, 'x'):g} pixels per inch is a printing resolution, not "
            "that of a microscope"
        )
    else:
        for axis in "xy":
            per_unit = pixels_per_unit(page, axis)
            own = text_of(meta.get(f"{axis}unit")) or unit
            record.put(axis, 1 / per_unit if per_unit else 0, _escaped(own))
    if "z" in _axes_with(meta):
        named = text_of(meta.get("zunit")) or unit
        if named not in (None, "pixel", "pixels"):
            record.put("z", abs(to_number(meta.get("spacing"))), _escaped(named))
    record.put("t", meta.get("finterval"), _escaped(text_of(meta.get("tunit")) or "s"))


def _axes_with(meta: Any) -> str:
    return "z" if to_number(meta.get("slices")) > 1 or "spacing" in meta else ""


def _escaped(unit: str | None) -> str | None:
    """ImageJ writes letters beyond ASCII as backslash, u, four digits."""
    if unit is None:
        return None
    try:
        return unit.encode("latin-1", "backslashreplace").decode("unicode_escape") if "\\u" in unit else unit
    except UnicodeDecodeError:
        return unit


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _read_labels(record: Record, meta: Any, series: Any, channels: int) -> None:
    """Slice labels are names of channels where all slices of a channel have the same one."""
    labels = [text_of(label) for label in _list(meta.get("Labels"))]
    sizes = dict(zip(series.get_axes(False), series.get_shape(False), strict=True))
    images = sizes.get("T", 1) * sizes.get("Z", 1) * sizes.get("C", 1)
    if channels == sizes.get("C", 1) and len(labels) == images and channels >= 1:
        by_channel = [set(labels[channel::channels]) for channel in range(channels)]
        if all(len(found) == 1 for found in by_channel) and (channels > 1 or images == 1):
            record.names = [found.pop() for found in by_channel]


def _colour_of(table: Any) -> str | None:
    """The colour of a look-up table that rises from black to it; None for any other table."""
    try:
        red, green, blue = (list(map(int, part)) for part in table)
    except (TypeError, ValueError):
        return None
    rises = all(part == sorted(part) for part in (red, green, blue)) and red[0] == green[0] == blue[0] == 0
    return hex_colour(red[-1], green[-1], blue[-1]) if rises and max(red[-1], green[-1], blue[-1]) else None
