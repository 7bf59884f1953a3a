"""ScanImage: what its pages are, names of the saved channels, step of the stage, frame rate.

Specification: the header "SI.*" of ScanImage, as tifffile reads it.
"""

from __future__ import annotations

import json
import math
import re
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
    volumes = "TZ" in series.axes
    rate = to_number(frame.get("SI.hRoiManager.scanVolumeRate" if volumes else "SI.hRoiManager.scanFrameRate"))
    if "T" in series.axes and rate > 0:
        record.put("t", float(f"{(1 if volumes else _averaged(frame)) / rate:.9g}"), "second")
    record.documents["scanimage.json"] = json.dumps(meta or frame, default=str, indent=1)


def order_of_pages(tiff: Any, count: int) -> tuple[str, tuple[int, ...]] | None:
    """Return the axes of so many pages and their sizes, such as "TZC" and (2, 3, 2); None where nothing tells.

    Pages follow each other by channel, frame of a slice, slice and volume, the channel fastest. The axis is I where
    the pages are one sequence that the header does not name.
    """
    header = _header_of(tiff)
    channels = _channel_count(tiff, header)
    if count % channels:
        return None
    frames = to_number(header.get("SI.hStackManager.framesPerSlice")) // _averaged(header)
    endless = header.get("SI.hStackManager.framesPerSlice") == math.inf
    slices = _slice_count(header)
    if slices > 1 and header.get("SI.hFastZ.enable") and to_number(header.get("SI.hFastZ.numDiscardFlybackFrames")):
        return None  # frames of the way back lie between the volumes, and versions differ in whether they are saved
    if slices == 0 and (endless or frames * channels == count):
        slices = 1
    if slices == 0:
        return ("I", (count,)) if channels == 1 else None
    if slices == 1:
        return "TC", (count // channels, channels)
    volume = int(slices * frames * channels)
    if volume == 0 or count % volume or not _starts_a_volume(tiff, int(slices * frames)):
        return None
    volumes = count // volume
    planned = _first_of(
        header, "SI.hStackManager.actualNumVolumes", "SI.hStackManager.numVolumes", "SI.hFastZ.numVolumes"
    )
    if volumes == 1:
        return "ZTC", (slices, int(frames), channels)
    return ("TZC", (volumes, slices, channels)) if frames == 1 and volumes <= (planned or volumes) else None


def _channel_count(tiff: Any, header: Mapping[str, Any]) -> int:
    """The channels that were saved, by the header or by the description of older versions."""
    if "SI.hChannels.channelSave" in header:
        return max(1, len(_saved(header)))
    found = re.search(r"(?:channelsSave|channelSave|numberOfChannelsSave) *= *([^\r\n]+)", tiff.pages.first.description)
    if found is None:
        return 1
    numbers = re.findall(r"\d+", found[1])
    return max(1, int(numbers[0]) if found[0].startswith("number") and numbers else len(numbers))


def _slice_count(header: Mapping[str, Any]) -> int:
    """The heights of a volume, 1 where the stage did not move, 0 where nothing tells."""
    if header.get("SI.hStackManager.enable") is False and not header.get("SI.hFastZ.enable"):
        return 1
    return int(_first_of(header, "SI.hStackManager.actualNumSlices", "SI.hStackManager.numSlices"))


def _starts_a_volume(tiff: Any, frames: int) -> bool:
    """Whether the first page is the first of a volume: a long run lies in several files, cut anywhere."""
    found = re.search(r"frameNumbers? *= *(\d+)", tiff.pages.first.description)
    return found is None or (int(found[1]) - 1) % frames == 0


def _averaged(header: Mapping[str, Any]) -> int:
    """The frames that became one page each."""
    return int(_first_of(header, "SI.hScan2D.logAverageFactor")) or 1


def _first_of(header: Mapping[str, Any], *keys: str) -> float:
    """The first positive number under one of some keys, 0 where there is none."""
    return next((number for key in keys if (number := to_number(header.get(key))) > 0), 0.0)


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
