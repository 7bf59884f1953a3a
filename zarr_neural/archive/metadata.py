"""OME-Zarr attributes, written (0.4 and 0.5) and read back: axes, levels, pixel sizes, channels, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from zarr_neural.archive.check.measure import ChannelError
from zarr_neural.archive.layout import Level
from zarr_neural.archive.stores import LAYOUT
from zarr_neural.archive.tiff.dialects import Record
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.tiff.units import SYMBOLS
from zarr_neural.errors import ArchiveError

VERSIONS: dict[str, Literal[2, 3]] = {"0.4": 2, "0.5": 3}
KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
COLOURS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")


def ome_attributes(
    image: SourceImage, pyramid: Sequence[Level], errors: Sequence[ChannelError], *, version: str, labels: bool
) -> dict[str, Any]:
    """Return the attributes of the image's group: under "ome" for 0.5, at the top for 0.4.

    Parameters
    ----------
    image : SourceImage
        For axes, names and sizes.
    pyramid : sequence of Level
        From full resolution down.
    errors : sequence of ChannelError
        Their windows are those of the channels, where the file states none.
    version : {"0.4", "0.5"}
        Of OME-Zarr.
    labels : bool
        Mark the image as labels; it gets no display windows.
    """
    multiscale: dict[str, Any] = {
        "name": image.name,
        "axes": [_axis(axis, image.record.unit) for axis in image.axes],
        "datasets": [
            {"path": level.path, "coordinateTransformations": transforms(image, number, labels=labels)}
            for number, level in enumerate(pyramid)
        ],
        "type": "nearest" if labels else "mean",
        "metadata": {
            "method": "every second pixel" if labels else "mean of 2 x 2 pixels of the source, level by level"
        },
    }
    content: dict[str, Any] = {"multiscales": [multiscale]}
    if labels and image.dtype.kind != "b":
        content["image-label"] = {"version": version} if version == "0.4" else {}
    else:
        content["omero"] = {"channels": _channels(image, errors)}
    if version == "0.4":
        multiscale["version"] = version
        return content
    return {"ome": {"version": version, **content}}


def _axis(axis: str, unit: Mapping[str, str]) -> dict[str, str]:
    entry = {"name": axis, "type": KINDS[axis]}
    return entry | {"unit": unit[axis]} if axis in unit else entry


def transforms(image: SourceImage, number: int, *, labels: bool) -> list[dict[str, Any]]:
    """Return the coordinate transformations of level `number`: size of a pixel, and where the first one lies.

    The first pixel of an overview is the mean of 2 ** number pixels along y and x, which begin at 0: its middle lies
    half of what the others add beyond that of the first pixel. Labels keep the first pixel itself.
    """
    factor = 2**number
    size = [image.record.scale.get(axis, 1.0) for axis in image.axes]
    scale = [s * (factor if axis in "yx" else 1) for s, axis in zip(size, image.axes, strict=True)]
    entries: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if number and not labels:
        shift = [s * (factor - 1) / 2 if axis in "yx" else 0.0 for s, axis in zip(size, image.axes, strict=True)]
        entries.append({"type": "translation", "translation": shift})
    return entries


def _channels(image: SourceImage, errors: Sequence[ChannelError]) -> list[dict[str, Any]]:
    names, colours, windows = image.record.names, image.record.colours, image.record.windows
    entries = []
    for number in range(image.channels):
        name = names[number] if number < len(names) else None
        colour = colours[number] if number < len(colours) else None
        low, high = errors[number].window
        if number < len(windows) and (window := windows[number]) is not None and window[0] < window[1]:
            low, high = window
        least, most = (low, high)
        if image.dtype.kind in "iu":
            least, most = float(np.iinfo(image.dtype).min), float(np.iinfo(image.dtype).max)
        single = "FFFFFF" if image.channels == 1 else COLOURS[number % len(COLOURS)]
        entries.append(
            {
                "label": name or f"channel {number}",
                "color": colour or single,
                "active": True,
                "window": {"min": least, "max": most, "start": low, "end": max(high, low + 1.0)},
            }
        )
    return entries


def read_ome(attributes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (version, content) of the OME attributes of a group.

    Raises
    ------
    ArchiveError
        There is no image in the group.
    """
    content = attributes.get("ome", attributes)
    if isinstance(content, Mapping) and LAYOUT in content:
        raise ArchiveError("it holds several images: name one of them, such as STORE/0")
    if not isinstance(content, Mapping) or not content.get("multiscales"):
        raise ArchiveError("it is not an OME-Zarr image: the group has no multiscales")
    version = str(content.get("version") or content["multiscales"][0].get("version", "0.4"))
    return version, dict(content)


def read_axes(content: Mapping[str, Any]) -> str:
    """Return the axes of the first multiscale image, such as "tcyx"."""
    return "".join(axis["name"] for axis in content["multiscales"][0]["axes"])


def read_names(content: Mapping[str, Any]) -> Record:
    """Return pixel sizes and their units where a unit is known, and channel names and colours."""
    multiscale = content["multiscales"][0]
    transforms = multiscale["datasets"][0]["coordinateTransformations"]
    sizes = next(entry["scale"] for entry in transforms if entry["type"] == "scale")
    units = {axis["name"]: axis["unit"] for axis in multiscale["axes"] if axis.get("unit") in SYMBOLS}
    scale = {axis["name"]: size for axis, size in zip(multiscale["axes"], sizes, strict=True) if axis["name"] in units}
    channels = content.get("omero", {}).get("channels", [])
    return Record(
        scale={axis: float(size) for axis, size in scale.items()},
        unit=units,
        names=[channel.get("label") for channel in channels],
        colours=[channel.get("color") for channel in channels],
    )
