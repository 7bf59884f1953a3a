"""ScanImage: names of the saved channels, step of the stage, frame rate.

Specification: the header "SI.*" of ScanImage, as tifffile reads it.
"""

from __future__ import annotations

import json
from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, text_of, to_number


def read_scanimage(record: Record, tiff: Any, series: Any, channels: int) -> None:
    """Put what the header of a ScanImage file says into `record`; sizes in x and y are not in it."""
    meta = as_mapping(tiff.scanimage_metadata)
    frame = as_mapping(meta.get("FrameData")) or meta
    saved = frame.get("SI.hChannels.channelSave")
    saved = list(saved) if isinstance(saved, list | tuple) else [saved]
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
    record.documents["scanimage.json"] = json.dumps(meta, default=str, indent=1)
