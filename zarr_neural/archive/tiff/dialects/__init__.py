"""What a TIFF means, by the program that wrote it: one small reader for each dialect, all filling the same record.

Comes in: an open file and one of its series. Goes out: a `Record`. To add a dialect, write a module with a function
that fills a record, and name it in `read_record`. May import: units, errors. Tests: tests/archive/tiff.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from zarr_neural.archive.tiff.dialects.imagej import read_imagej
from zarr_neural.archive.tiff.dialects.kept_tags import keep_tags
from zarr_neural.archive.tiff.dialects.lsm import read_lsm
from zarr_neural.archive.tiff.dialects.micro_manager import read_micro_manager
from zarr_neural.archive.tiff.dialects.ome_xml import DOCUMENT, image_of_series, metadata_only, only_image, read_ome_xml
from zarr_neural.archive.tiff.dialects.orientation import tell_orientation
from zarr_neural.archive.tiff.dialects.record import Record, text_of
from zarr_neural.archive.tiff.dialects.resolution_tags import read_resolution_tags
from zarr_neural.archive.tiff.dialects.scanimage import read_scanimage
from zarr_neural.archive.tiff.dialects.slides import read_qptiff, read_svs
from zarr_neural.archive.tiff.dialects.stk import read_stk

__all__ = ["Record", "read_record"]


def read_record(tiff: Any, number: int, channels: int, xml: tuple[str, ElementTree.Element] | None) -> Record:
    """Return what a file says about one of its series.

    Parameters
    ----------
    tiff : tifffile.TiffFile
        Open.
    number : int
        Of the series.
    channels : int
        Of the series, without the samples of RGB.
    xml : (str, Element), optional
        The OME-XML that belongs to the file: its text and its root element.

    Raises
    ------
    ArchiveError
        The metadata and the pages contradict each other.
    """
    series, record = tiff.series[number], Record()
    kind = series.kind
    ome = [index for index, other in enumerate(tiff.series) if other.kind == "ome"]
    if kind == "ome" and xml is not None:
        image = image_of_series(xml[1], series, ome.index(number), len(ome))
        if image is None:
            record.notes.append(
                "names and pixel sizes were left out: the OME-XML lists other images than the file holds, so it is "
                "not certain which of them this one is"
            )
        else:
            read_ome_xml(record, *xml, image)
    elif kind in ("mmstack", "ndtiff") or tiff.is_micromanager:
        read_micro_manager(record, tiff, channels)
        if xml is not None:
            record.documents[DOCUMENT] = metadata_only(xml[0])
    elif kind == "imagej":
        read_imagej(record, tiff, series, channels)
    elif kind == "lsm":
        read_lsm(record, tiff, channels)
    elif kind == "stk":
        read_stk(record, tiff, series)
    elif kind == "svs":
        read_svs(record, series)
    elif kind == "qpi":
        read_qptiff(record, series, channels)
    elif kind == "scanimage":
        read_scanimage(record, tiff, series, channels)
    elif xml is not None and len(tiff.series) == 1 and (image := only_image(xml[1], series)) is not None:
        read_ome_xml(record, *xml, image)
    else:
        read_resolution_tags(record, series.keyframe)
        if text := text_of(series.keyframe.description):
            record.documents["image-description.txt"] = text
    tell_orientation(record, series.keyframe)
    keep_tags(record, tiff, series.keyframe)
    return record
