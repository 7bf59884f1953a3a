"""OME-XML: images found by their order and identifier, their sizes, units, channels, wells, and the text to keep.

Specification: the OME data model 2016-06 and its predecessors (docs.openmicroscopy.org).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from zarr_neural.archive.tiff.dialects.record import Record, text_of, visible
from zarr_neural.errors import ArchiveError

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>\s*")
_POINTERS = ("TiffData", "BinData", "MetadataOnly")
DOCUMENT = "METADATA.ome.xml"


def parse(text: str) -> ElementTree.Element:
    """Return the root element of OME-XML.

    Raises
    ------
    ArchiveError
        It is not well formed.
    """
    try:
        return ElementTree.fromstring(_DECLARATION.sub("", text.lstrip("\ufeff")))
    except (ElementTree.ParseError, ValueError) as error:
        raise ArchiveError(f"its OME-XML cannot be read ({error}), so it is not known what its pages are") from error


def children(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Yield the children of an element with a local name, whatever their namespace."""
    return (child for child in element if child.tag.rpartition("}")[2] == name)


def pixels_of(image: ElementTree.Element) -> ElementTree.Element | None:
    """Return the Pixels element of an Image element."""
    return next(children(image, "Pixels"), None)


def images_with_data(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Return the images whose pixels lie in TIFF files, in order: those that tifffile makes a series of."""
    found = []
    for image in children(root, "Image"):
        pixels = pixels_of(image)
        if pixels is not None and next(children(pixels, "TiffData"), None) is not None:
            found.append(image)
    return found


def companion_of(root: ElementTree.Element) -> str | None:
    """Return the name of the companion file that holds the metadata of a file, None where it holds its own."""
    only = next(children(root, "BinaryOnly"), None)
    return None if only is None else only.get("MetadataFile") or ""


def files_named(root: ElementTree.Element) -> set[str]:
    """Return the names of all files that the document says pixels lie in."""
    return {
        str(uuid.get("FileName"))
        for image in children(root, "Image")
        for pixels in children(image, "Pixels")
        for data in children(pixels, "TiffData")
        for uuid in children(data, "UUID")
        if uuid.get("FileName")
    }


def image_of_series(root: ElementTree.Element, series: Any, number: int, count: int) -> ElementTree.Element | None:
    """Return the Image element of a series, by order among those with pixels in TIFF; None where that is not certain.

    Parameters
    ----------
    root : Element
        Of the document.
    series : tifffile.TiffPageSeries
        Of kind "ome".
    number, count : int
        Which of how many series of that kind in the file.

    Raises
    ------
    ArchiveError
        The sizes that the document gives for it are not those of the series.
    """
    images = images_with_data(root)
    if len(images) != count:
        images = [image for image in images if _fits(image, series)]
        number = 0 if len(images) == 1 else len(images)
    if number >= len(images):
        return None
    image = images[number]
    if not _fits(image, series):
        raise ArchiveError(
            f"its OME-XML gives {image.get('ID')} the sizes {_sizes(image)}, but its pages make {dict(_found(series))}"
        )
    return image


def only_image(root: ElementTree.Element, series: Any) -> ElementTree.Element | None:
    """Return the one image of a document that points to no pages, for a file with the one page that it describes."""
    images = list(children(root, "Image"))
    alone = len(images) == 1 and len(series.pages) == 1 and pixels_of(images[0]) is not None
    return images[0] if alone and _fits(images[0], series) else None


def _sizes(image: ElementTree.Element) -> dict[str, int]:
    pixels = pixels_of(image)
    assert pixels is not None
    sizes = {}
    for axis in "TCZYX":
        text = pixels.get(f"Size{axis}") or "1"
        sizes[axis] = int(text) if text.isdigit() else 0
    return sizes


def _found(series: Any) -> list[tuple[str, int]]:
    return list(zip(series.get_axes(False), series.get_shape(False), strict=True))


def _fits(image: ElementTree.Element, series: Any) -> bool:
    """Whether width, height, and the numbers of planes along every axis are those of a series."""
    found: dict[str, int] = {}
    for letter, size in _found(series):
        found[letter] = found.get(letter, 1) * size
    sizes = _sizes(image)
    channels = found.pop("C", 1) * found.pop("S", 1)
    known = {
        "T": found.pop("T", 1),
        "Z": found.pop("Z", 1),
        "C": channels,
        "Y": found.pop("Y", 1),
        "X": found.pop("X", 1),
    }
    if math.prod(found.values()) == 1:
        return known == sizes
    # an axis in an axis ("modulo": lifetime, angle, phase) splits T, C or Z
    return (
        known["Y"] == sizes["Y"]
        and known["X"] == sizes["X"]
        and (math.prod(found.values()) * math.prod(known.values()) == math.prod(sizes.values()))
    )


def read_ome_xml(record: Record, text: str, root: ElementTree.Element, image: ElementTree.Element) -> None:
    """Put what an Image element of the document says into `record`."""
    pixels = pixels_of(image)
    assert pixels is not None
    record.name = text_of(image.get("Name"))
    for axis in "xyz":
        record.put(axis, _size(pixels, axis), pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"))
    record.put("t", pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    channels = list(children(pixels, "Channel"))
    record.names = [text_of(channel.get("Name")) for channel in channels]
    record.colours = [_colour(channel.get("Color")) for channel in channels]
    label = next(children(image, "StageLabel"), None)
    record.position = None if label is None else text_of(label.get("Name"))
    record.well = _well(root, image.get("ID"))
    record.documents[DOCUMENT] = metadata_only(text)


def _size(pixels: ElementTree.Element, axis: str) -> str | None:
    return pixels.get(f"PhysicalSize{axis.upper()}")


def _colour(colour: str | None) -> str | None:
    """OME's signed RGBA integer as RRGGBB, None where there is no integer."""
    try:
        return None if colour is None else visible(f"{(int(colour) & 0xFFFFFFFF) >> 8:06X}")
    except ValueError:
        return None


def _well(root: ElementTree.Element, identifier: str | None) -> dict[str, Any] | None:
    for plate in children(root, "Plate"):
        for well in children(plate, "Well"):
            for sample in children(well, "WellSample"):
                if any(ref.get("ID") == identifier for ref in children(sample, "ImageRef")):
                    row = _named(well.get("Row"), plate.get("RowNamingConvention", "letter"))
                    column = _named(well.get("Column"), plate.get("ColumnNamingConvention", "number"))
                    found = {"plate": plate.get("Name") or plate.get("ID"), "row": row, "column": column}
                    return {**found, "well": f"{row}{column}", "field": sample.get("Index")}
    return None


def _named(number: str | None, convention: str) -> str:
    if number is None or not number.isdigit():
        return number or ""
    if convention != "letter":
        return str(int(number) + 1)
    letters, rest = "", int(number) + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def metadata_only(text: str) -> str:
    """Return OME-XML in which the pixels are said to be elsewhere (MetadataOnly), in time that grows with its length.

    All else stays as it is, to the letter; it is declared to be UTF-8, as it is kept.
    """
    body = _DECLARATION.sub("", text.lstrip("\ufeff"))
    whole, places, open_at = body.encode("utf-8", "surrogateescape"), _Places(), 0
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = lambda name, _: places.start(name, parser.CurrentByteIndex)
    parser.EndElementHandler = lambda name: places.end(name, _behind(whole, name, parser.CurrentByteIndex))
    try:
        parser.Parse(whole, True)
    except expat.ExpatError as error:
        raise ArchiveError(f"its OME-XML cannot be read ({error})") from error
    parts = [b'<?xml version="1.0" encoding="UTF-8"?>\n']
    for start, end, only in places.found:
        parts += [whole[open_at:start], only]
        open_at = end
    return b"".join([*parts, whole[open_at:]]).decode("utf-8", "surrogateescape")


def _behind(text: bytes, name: str, at: int) -> int:
    """Where an element ends: expat gives the place of its closing tag, or the place behind it if it has none."""
    return text.index(b">", at) + 1 if text.startswith(b"</" + name.encode(), at) else at


class _Places:
    """Where the elements that point to pixels begin and end, and what takes their place."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, bytes]] = []
        self._path: list[str] = []
        self._start, self._told = 0, False

    def start(self, name: str, at: int) -> None:
        local = name.rpartition(":")[2]
        if local == "Pixels":
            self._told = False
        if local in _POINTERS and self._path[-1:] == ["Pixels"]:
            self._start = at
        self._path.append(local)

    def end(self, name: str, at: int) -> None:
        prefix, _, local = name.rpartition(":")
        self._path.pop()
        if local in _POINTERS and self._path[-1:] == ["Pixels"]:
            only = b"" if self._told else f"<{prefix}{':' if prefix else ''}MetadataOnly/>".encode()
            self.found.append((self._start, at, only))
            self._told = True
