"""Zeiss LSM: voxel sizes in metres, time step, names and colours of the channels.

Specification: tag 34412 as tifffile reads it.
"""

from __future__ import annotations

import json
from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, hex_colour, regular_step, text_of, to_number


def read_lsm(record: Record, tiff: Any, channels: int) -> None:
    """Put what the metadata of an LSM file say into `record`."""
    meta = as_mapping(tiff.lsm_metadata)
    for axis in "xyz":
        size = to_number(meta.get(f"VoxelSize{axis.upper()}"))
        record.put(axis, float(f"{size * 1e6:.9g}"), "micrometer")
    record.put("t", to_number(meta.get("TimeIntervall")) or regular_step(meta.get("TimeStamps")), "second")
    found = as_mapping(meta.get("ChannelColors"))
    names, colours = found.get("ColorNames") or [], found.get("Colors") or []
    if len(names) == channels:
        record.names = [text_of(name) for name in names]
    if len(colours) == channels:
        record.colours = [hex_colour(*list(colour)[:3]) if len(list(colour)) >= 3 else None for colour in colours]
    record.documents["lsm.json"] = json.dumps(meta, default=str, indent=1)
