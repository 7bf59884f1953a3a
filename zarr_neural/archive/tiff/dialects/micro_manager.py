"""Micro-Manager stacks and NDTiff: the summary metadata of the acquisition.

Specification: micro-manager.org, "Files on disk" and "Metadata"; NDTiff's README.
"""

from __future__ import annotations

import json
import math
from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, text_of, to_number, visible

_MILLISECOND = 1e-3


def read_micro_manager(record: Record, tiff: Any, channels: int) -> None:
    """Put what the summary of a Micro-Manager acquisition says into `record`."""
    meta = as_mapping(tiff.micromanager_metadata)
    summary = as_mapping(meta.get("Summary"))
    for axis in "xy":
        record.put(axis, summary.get("PixelSize_um"), "micrometer")
    record.put("z", abs(to_number(summary.get("z-step_um", summary.get("z-Step_um")))), "micrometer")
    record.put("t", to_number(summary.get("Interval_ms")) * _MILLISECOND, "second")
    names, colours = summary.get("ChNames"), summary.get("ChColors")
    shown = meta.get("DisplaySettings")
    shown = [as_mapping(entry) for entry in shown] if isinstance(shown, list | tuple) else []
    if isinstance(names, list) and len(names) == channels:
        record.names = [text_of(name) for name in names]
    elif len(shown) == channels:
        record.names = [text_of(entry.get("Name")) for entry in shown]
    if isinstance(colours, list) and len(colours) == channels:
        record.colours = [_colour(value) for value in colours]
    elif len(shown) == channels:
        record.colours = [_colour(entry.get("Color")) for entry in shown]
    if len(shown) == channels:
        record.windows = [(to_number(entry.get("Min")), to_number(entry.get("Max"))) for entry in shown]
    record.positions = _positions(summary)
    record.documents["micro-manager.json"] = json.dumps(
        {key: value for key, value in meta.items() if key != "IndexMap"}, default=str, indent=1
    )


def axes_of_summary(tiff: Any, found: str, sizes: tuple[int, ...]) -> str | None:
    """Return the axes of a series that tifffile took for plain pages, by the summary; None where it cannot tell.

    A single sequence of pages is told where the summary names one axis that has more than one entry, and as many as
    there are pages.
    """
    summary = as_mapping(as_mapping(tiff.micromanager_metadata).get("Summary"))
    if not summary or found[0] not in "IQ" or found[1:] not in ("YX", "YXS"):
        return None
    named = {"R": "Positions", "T": "Frames", "C": "Channels", "Z": "Slices"}
    counts = {letter: int(to_number(summary.get(word, 1))) or 1 for letter, word in named.items()}
    several = [letter for letter, count in counts.items() if count > 1]
    if len(several) == 1 and counts[several[0]] == sizes[0]:
        return several[0] + found[1:]
    return found if math.prod(counts.values()) == 1 and sizes[0] == 1 else "refused"


def _positions(summary: Any) -> list[str]:
    stage = summary.get("StagePositions", summary.get("InitialPositionList"))
    if not isinstance(stage, list):
        return []
    return [text_of(as_mapping(entry).get("Label")) or "" for entry in stage]


def _colour(value: Any) -> str | None:
    """A signed ARGB integer as RRGGBB."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return visible(f"{value & 0xFFFFFF:06X}")
