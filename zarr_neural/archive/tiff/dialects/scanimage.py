"""ScanImage: names of the saved channels, step of the stage, frame rate.

Specification: the header "SI.*" of ScanImage, as tifffile reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from tifffile import matlabstr2py

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, text_of, to_number


def read_scanimage(record: Record, tiff: Any, series: Any, channels: int) -> None:
    """Put what the header of a ScanImage file says into `record`; sizes in x and y are not in it."""
    meta, frame = as_mapping(tiff.scanimage_metadata), _header_of(tiff)
    saved = _saved(frame)
    names = frame.get("SI.hChannels.channelName")
    if isinstance(names, list | tuple) and len(saved) == channels:
        numbers = [int(to_number(number)) for number in saved]
        if all(1 <= number <= len(names) for number in numbers):
            record.names = [text_of(str(names[number - 1]).strip("'")) for number in numbers]
    if "Z" in series.axes:
        record.put("z", abs(to_number(frame.get("SI.hStackManager.stackZStepSize"))), "micrometer")
        rate = to_number(frame.get("SI.hRoiManager.scanVolumeRate"))
    else:
        rate = to_number(frame.get("SI.hRoiManager.scanFrameRate"))
    if "T" in series.axes and rate > 0:
        record.put("t", float(f"{1 / rate:.9g}"), "second")
    record.documents["scanimage.json"] = json.dumps(meta or frame, default=str, indent=1)


def axes_of_header(tiff: Any, found: str) -> str:
    """Return the axes of a plain sequence of pages; "refused" where several channels were saved in them."""
    return "refused" if len(_saved(_header_of(tiff))) > 1 else found


def _header_of(tiff: Any) -> Mapping[str, Any]:
    """The header at the start of the file, or the same lines in the tag Software of the first page."""
    meta = as_mapping(tiff.scanimage_metadata)
    try:
        return as_mapping(meta.get("FrameData")) or as_mapping(matlabstr2py(tiff.pages.first.software))
    except (ValueError, TypeError, IndexError, KeyError):
        return meta


def _saved(header: Mapping[str, Any]) -> list[Any]:
    """The numbers of the channels that were saved, from 1 on."""
    saved = header.get("SI.hChannels.channelSave")
    return list(np.ravel(saved)) if isinstance(saved, list | tuple) else [saved]
