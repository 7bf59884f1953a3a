"""What a TIFF says beside its pixels: channel names and colours, pixel sizes, time between frames.

Sizes and units are returned by axis, with the unit names of OME-Zarr ("micrometer", "second"). What a file does not
say is left out, never guessed: a resolution in dots per inch is printing advice, not a pixel size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

UNITS = {
    "m": "meter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer", "nm": "nanometer", "pm": "picometer",
    "Å": "angstrom", "in": "inch", "s": "second", "ms": "millisecond", "µs": "microsecond", "ns": "nanosecond",
    "min": "minute", "h": "hour", "d": "day",
}  # fmt: skip
_SPELLINGS = {
    "um": "µm", "μm": "µm", "micron": "µm", "microns": "µm", "micrometer": "µm", "micrometre": "µm", "\\u00b5m": "µm",
    "nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m", "inch": "in", "inches": "in",
    "sec": "s", "second": "s", "seconds": "s", "msec": "ms", "us": "µs", "μs": "µs", "minutes": "min", "hour": "h",
}  # fmt: skip
RGB = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF"))


@dataclass(frozen=True)
class Calibration:
    """Size of a pixel (or frame) per axis and its unit, names and colours of the channels (None where not said)."""

    scale: dict[str, float] = field(default_factory=dict)
    unit: dict[str, str] = field(default_factory=dict)
    channel_names: tuple[str | None, ...] = ()
    channel_colours: tuple[str | None, ...] = ()


def unit_name(text: str | None) -> str | None:
    """Return the OME-Zarr name of a unit in any of the spellings met in TIFFs, None for pixels and the unknown."""
    if text is None:
        return None
    short = text.strip().strip("\0")
    return UNITS.get(_SPELLINGS.get(short.lower(), short))


def read_calibration(tiff: Any, series: Any, index: int, channels: int, samples: int) -> Calibration:
    """Return the calibration of one series of an open TIFF.

    Parameters
    ----------
    tiff, series : tifffile.TiffFile, tifffile.TiffPageSeries
        The file and the series.
    index : int
        Number of the series in the file.
    channels : int
        Channels, samples included.
    samples : int
        Samples of each page that became channels (3 for RGB), else 1.
    """
    page = series.keyframe
    names: list[str | None] = [None] * (channels // samples)
    colours: list[str | None] = [None] * (channels // samples)
    scale: dict[str, float] = {}
    unit: dict[str, str] = {}
    if series.kind == "ome" and tiff.ome_metadata:
        _read_ome(tiff.ome_metadata, series.name, index, len(tiff.series), scale, unit, names, colours)
    elif tiff.is_imagej:
        _read_imagej(tiff.imagej_metadata or {}, page, scale, unit, names)
    elif tiff.is_lsm and tiff.lsm_metadata:
        for axis in "xyz":
            _put(scale, unit, axis, _number(tiff.lsm_metadata.get(f"VoxelSize{axis.upper()}")) * 1e6, "micrometer")
        _put(scale, unit, "t", _number(tiff.lsm_metadata.get("TimeIntervall")), "second")
    elif tiff.is_stk and tiff.stk_metadata:
        meta = tiff.stk_metadata
        named = unit_name(str(meta.get("CalibrationUnits", "")))
        for axis in "xy":
            _put(scale, unit, axis, _number(meta.get(f"{axis.upper()}Calibration")), named)
    elif _tag(page, "ResolutionUnit") == 3:
        for axis in "xy":
            _put(scale, unit, axis, _per_pixel(page, axis) * 1e4, "micrometer")
    if samples > 1:
        parts = RGB if samples in (3, 4) else tuple((f"sample {i}", "FFFFFF") for i in range(samples))
        pairs = [(name, part) for name in names for part in parts[:samples]]
        names = [f"{name} {part[0]}" if name else part[0] for name, part in pairs]
        colours = [part[1] for _, part in pairs]
    return Calibration(scale, unit, tuple(names), tuple(colours))


def _number(value: Any) -> float:
    """A number that a file gives in whatever form; 0 where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _put(scale: dict[str, float], unit: dict[str, str], axis: str, size: float, name: str | None) -> None:
    if 0 < size < float("inf") and name is not None:
        scale[axis], unit[axis] = size, name


def _tag(page: Any, name: str) -> Any:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _per_pixel(page: Any, axis: str) -> float:
    """Length of a pixel in units of ResolutionUnit; 0 where the file does not say."""
    value = _tag(page, f"{axis.upper()}Resolution")
    return 0.0 if not value or not value[0] else value[1] / value[0]


def _read_imagej(
    meta: dict[str, Any], page: Any, scale: dict[str, float], unit: dict[str, str], names: list[str | None]
) -> None:
    named = unit_name(meta.get("unit"))
    for axis in "xy":
        _put(scale, unit, axis, _per_pixel(page, axis), named)
    _put(scale, unit, "z", abs(_number(meta.get("spacing"))), named)
    _put(scale, unit, "t", _number(meta.get("finterval")), unit_name(meta.get("tunit", "s")) or "second")
    labels = meta.get("Labels") or []
    if len(labels) == len(names) and meta.get("channels", 1) == len(labels):
        names[:] = [str(label) or None for label in labels]


def _read_ome(
    xml: str,
    name: str,
    index: int,
    count: int,
    scale: dict[str, float],
    unit: dict[str, str],
    names: list[str | None],
    colours: list[str | None],
) -> None:
    images = [element for element in ElementTree.fromstring(xml) if element.tag.endswith("}Image")]
    if len(images) != count:
        images = [image for image in images if image.get("Name") == name]
        index = 0
    pixels = next((part for image in images[index : index + 1] for part in image if part.tag.endswith("}Pixels")), None)
    if pixels is None:
        return
    for axis in "xyz":
        named = unit_name(pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"))
        _put(scale, unit, axis, _number(pixels.get(f"PhysicalSize{axis.upper()}")), named)
    _put(scale, unit, "t", _number(pixels.get("TimeIncrement")), unit_name(pixels.get("TimeIncrementUnit", "s")))
    found = [part for part in pixels if part.tag.endswith("}Channel")]
    if len(found) == len(names):
        names[:] = [channel.get("Name") for channel in found]
        colours[:] = [_hex(channel.get("Color")) for channel in found]


def _hex(colour: str | None) -> str | None:
    """OME's signed RGBA integer as RRGGBB, None where there is no integer."""
    try:
        return None if colour is None else f"{(int(colour) & 0xFFFFFFFF) >> 8:06X}"
    except ValueError:
        return None
