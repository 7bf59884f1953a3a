"""MetaMorph STK: calibration of x and y, distances of the planes.

Specification: the UIC tags 33628 to 33631 as tifffile reads them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from zarr_neural.archive.tiff.dialects.record import Record, as_mapping, regular_step, text_of, to_number


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
            record.notes.append(f"the spacing of the planes was left out: it varies from {steps[0]:g} to {steps[-1]:g}")
        else:
            record.put("z", steps[0], unit)
    if axes_of_wavelengths(tiff, series.axes)[0] == "C":
        record.names = [f"{to_number(wave):g} nm" for wave in meta["Wavelengths"]]
    created = np.asarray(meta.get("DatetimeCreated", ()))
    if created.dtype.kind == "M":
        record.put("t", regular_step((created - created.min()) / np.timedelta64(1, "s")), "second")
    record.name = text_of(meta.get("ImageName")) if isinstance(meta.get("ImageName"), str) else None
    names = meta.get("Name")
    if isinstance(names, str):
        record.name = record.name or text_of(names)
    record.documents["metamorph.json"] = json.dumps(meta, default=str, indent=1)


def axes_of_wavelengths(tiff: Any, found: str) -> str:
    """Return the axes of a stack: planes of different wavelengths are channels, whatever tifffile took them for.

    "refused" where planes of one wavelength follow those of another, so that the planes are more than one axis.
    """
    waves = [to_number(wave) for wave in as_mapping(tiff.stk_metadata).get("Wavelengths", ())]
    if len(set(waves)) <= 1:
        return found
    return f"C{found[1:]}" if len(set(waves)) == len(waves) else "refused"
