"""OME-XML for a file that has none: made of what its own dialect says.

Specification: the OME data model 2016-06.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

import numpy as np

from zarr_neural.archive.tiff.dialects.record import Record
from zarr_neural.archive.tiff.units import SYMBOLS

_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
_NAMESPACE_ONLY = f'<OME xmlns="{_NAMESPACE}"><Image '
_TYPES = {"bool": "bit", "float32": "float", "float64": "double"} | {
    name: name for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32")
}


def make_ome_xml(
    record: Record, axes: str, shape: Sequence[int], dtype: np.dtype[np.generic], names: Sequence[str]
) -> str | None:
    """Return a document with one image, its pixels elsewhere; None for a dtype that OME-XML does not have.

    Parameters
    ----------
    record : Record
        Sizes and colours.
    axes, shape, dtype
        Of the image in OME order.
    names : sequence of str
        Of the channels.
    """
    if dtype.name not in _TYPES:
        return None
    sizes = dict.fromkeys("XYZCT", 1) | {a.upper(): int(n) for a, n in zip(axes, shape, strict=True)}
    pixels = {"ID": "Pixels:0", "DimensionOrder": "XYZCT", "Type": _TYPES[dtype.name]}
    pixels |= {f"Size{letter}": str(size) for letter, size in sizes.items()}
    for axis, size in record.scale.items():
        name = "TimeIncrement" if axis == "t" else f"PhysicalSize{axis.upper()}"
        pixels |= {name: repr(size), f"{name}Unit": SYMBOLS[record.unit[axis]]}
    channels = []
    for number, name in enumerate(names):
        colour = record.colours[number] if number < len(record.colours) else None
        entry = {"ID": f"Channel:0:{number}", "Name": name, "SamplesPerPixel": "1"}
        if colour is not None:
            value = int(colour + "FF", 16)
            entry["Color"] = str(value - 2**32 if value >= 2**31 else value)
        channels.append(f"<Channel{_attributes(entry)}/>")
    image = {"ID": "Image:0"} | ({"Name": record.name} if record.name else {})
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OME xmlns="{_NAMESPACE}"><Image{_attributes(image)}>'
        f"<Pixels{_attributes(pixels)}>{''.join(channels)}<MetadataOnly/></Pixels></Image></OME>\n"
    )


def join_ome_xml(documents: Sequence[str | None]) -> str | None:
    """Return one document for the images of a file: theirs if it is one, or those that were made for each in one.

    Parameters
    ----------
    documents : sequence of str or None
        By image, of the file or of `make_ome_xml`.
    """
    known = [text for text in documents if text is not None]
    if len(known) < len(documents) or not known:
        return None
    if len(set(known)) == 1 and (len(known) == 1 or _NAMESPACE_ONLY not in known[0]):
        return known[0]
    images = []
    for number, text in enumerate(known):
        begin, end = text.find("<Image "), text.rfind("</OME>")
        if _NAMESPACE_ONLY not in text or begin < 0 or end < 0:
            return None
        image = text[begin:end].replace('"Image:0"', f'"Image:{number}"').replace('"Pixels:0"', f'"Pixels:{number}"')
        images.append(image.replace('"Channel:0:', f'"Channel:{number}:'))
    return known[0][: known[0].find("<Image ")] + "".join(images) + "</OME>\n"


def _attributes(entries: dict[str, str]) -> str:
    return "".join(f" {key}={quoteattr(_printable(value))}" for key, value in entries.items())


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(character if character >= " " else "\ufffd" for character in text)
