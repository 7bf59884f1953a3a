"""MetaMorph STK: calibration of x and y, distances of the planes.

Specification: the UIC tags 33628 to 33631 as tifffile reads them.
"""

from __future__ import annotations

import json
from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, text_of, to_number


def read_stk(record: Record, tiff: Any, series: Any) -> None:
    """Put what the metadata of an STK file say into `record`."""
    meta = as_mapping(tiff.stk_metadata)
    unit = text_of(meta.get("CalibrationUnits"))
    if to_number(meta.get("SpatialCalibration", 1)):
        for axis in "xy":
            record.put(axis, meta.get(f"{axis.upper()}Calibration"), unit)
    distances = [abs(to_number(value)) for value in list(meta.get("ZDistance", ()))]
    steps = sorted(set(distances[1:] or distances))
    if "Z" in series.axes and steps and steps[0] > 0:
        if steps[-1] - steps[0] > 1e-3 * steps[-1]:
            record.notes.append(
                f"the distance of the planes was left out: it varies from {steps[0]:g} to {steps[-1]:g}"
            )
        else:
            record.put("z", steps[0], unit)
    record.name = text_of(meta.get("ImageName")) if isinstance(meta.get("ImageName"), str) else None
    names = meta.get("Name")
    if isinstance(names, str):
        record.name = record.name or text_of(names)
    record.documents["metamorph.json"] = json.dumps(meta, default=str, indent=1)
