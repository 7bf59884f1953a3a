"""Whole-slide scanners: Aperio SVS (micrometres per pixel in the description) and PerkinElmer QPTIFF (biomarkers).

Specification: Aperio's ImageDescription ("MPP = 0.4970"); PerkinElmer's XML in the description of every page.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from zarr_neural.archive.tiff.dialects.record import Record, hex_colour, text_of
from zarr_neural.archive.tiff.dialects.resolution_tags import read_resolution_tags

_MPP = re.compile(r"\bMPP\s*=\s*([0-9.eE+-]+)")


def read_svs(record: Record, series: Any) -> None:
    """Put the size of a pixel that the description of an Aperio slide gives into `record`."""
    text = series.keyframe.description
    record.name = text_of(series.name)
    if series.name == "Baseline" and (found := _MPP.search(text)):
        for axis in "xy":
            record.put(axis, found.group(1), "micrometer")
    if text:
        record.documents["aperio.txt"] = text


def read_qptiff(record: Record, series: Any, channels: int) -> None:
    """Put the biomarkers, colours and sizes of a PerkinElmer slide into `record`."""
    record.name = text_of(series.name)
    texts = [page.aspage().description if page.is_frame else page.description for page in series if page is not None]
    if series.name != "Baseline":
        return
    read_resolution_tags(record, series.keyframe)
    elements = [_element(text) for text in texts]
    if len(elements) == channels:
        for element in elements:
            biomarker = None if element is None else element.findtext("Biomarker") or element.findtext("Name")
            colour = None if element is None else element.findtext("Color")
            record.names.append(text_of(biomarker))
            record.colours.append(hex_colour(*parts) if len(parts := (colour or "").split(",")) == 3 else None)
    record.documents["perkin-elmer.xml"] = "\n".join(texts)


def _element(text: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError:
        return None
