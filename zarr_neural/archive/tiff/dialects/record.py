"""What every reader of a dialect returns: the meaning of one image of a TIFF, as far as the file says it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from zarr_neural.archive.tiff.units import is_time, unit_name

RGB = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF"))


@dataclass
class Record:
    """The meaning of one image, None or absent where the file does not tell.

    Attributes
    ----------
    scale, unit : dict
        Size of a pixel, a plane or a time step by axis ("x", "y", "z", "t"), each with its own unit (OME-Zarr name).
    names, colours, windows : list
        By channel: name, RRGGBB, and the grey levels shown as black and white.
    name, position : str or None
        Of the image, and of the place on the stage.
    well : dict or None
        Plate, row ("B"), column ("3") and field of a multi-well plate.
    notes : list of str
        What was left out or is worth telling.
    documents : dict
        Original metadata by file name, to be kept beside the pixels.
    """

    scale: dict[str, float] = field(default_factory=dict)
    unit: dict[str, str] = field(default_factory=dict)
    names: list[str | None] = field(default_factory=list)
    colours: list[str | None] = field(default_factory=list)
    windows: list[tuple[float, float] | None] = field(default_factory=list)
    name: str | None = None
    position: str | None = None
    positions: list[str] = field(default_factory=list)
    well: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    documents: dict[str, str] = field(default_factory=dict)

    def put(self, axis: str, size: Any, unit: Any) -> None:
        """Set the size of an axis if it is a positive number with a known unit; otherwise say what was left out.

        Zero is what many programs write where they do not know; it is told for x and y only, which every image has.
        """
        number = to_number(size)
        if size is None or (number == 0 and axis not in "xy" and isinstance(size, int | float) and size == 0):
            return
        named = unit_name(unit)
        if number <= 0 or named is None or is_time(named) != (axis == "t"):
            told = f"{size} {unit}" if unit else f"{size} without a unit"
            self.notes.append(f"the pixel size along {axis} was left out: the file gives it as {told}"[:200])
            return
        self.scale[axis], self.unit[axis] = number, named

    def at(self, position: str) -> Record:
        """Return the record of one position of the stage."""
        return replace(self, position=position, name=f"{self.name} {position}" if self.name else position)


def to_number(value: Any) -> float:
    """Return a finite number that a file gives in whatever form, 0.0 where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def regular_step(stamps: Any) -> float:
    """Return the step of a row of times if no step is more than 10 % from their mean, otherwise 0.0."""
    times = [to_number(stamp) for stamp in (stamps if stamps is not None else ())]
    steps = [after - before for before, after in pairwise(times)]
    mean = sum(steps) / len(steps) if steps else 0.0
    return float(f"{mean:.6g}") if all(abs(step - mean) <= 0.1 * mean for step in steps) else 0.0


def hex_colour(red: Any, green: Any, blue: Any) -> str | None:
    """Return three values of 0 to 255 as RRGGBB; None where they are none, and for black, which shows nothing."""
    values = [to_number(value) for value in (red, green, blue)]
    if not all(0 <= value <= 255 for value in values):
        return None
    return visible("".join(f"{round(value):02X}" for value in values))


def visible(colour: str) -> str | None:
    """Return a colour as it is, None for black: programs write it where none was chosen, and it shows nothing."""
    return None if colour == "000000" else colour


def text_of(value: Any) -> str | None:
    """Return a text without surrounding blanks and zeros, None where nothing is left."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    return value.strip().strip("\0").strip() or None


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, and an empty one for anything else: files are not to be trusted."""
    return value if isinstance(value, Mapping) else {}
