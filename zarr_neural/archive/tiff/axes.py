"""Axes: from the letters that tifffile finds to T C S Z Y X."""

from __future__ import annotations

from typing import Any

from zarr_neural.archive.tiff.dialects.micro_manager import axes_of_summary
from zarr_neural.archive.tiff.dialects.scanimage import order_of_pages
from zarr_neural.archive.tiff.dialects.stk import axes_of_wavelengths
from zarr_neural.errors import ArchiveError, ConfigurationError

ORDER = "TCSZYX"


def check_axes(wanted: str) -> str:
    """Return `wanted` in capitals if it can be the axes of an image.

    Raises
    ------
    ConfigurationError
        It has other letters than TCSZYX, one of them twice, or not both Y and X.
    """
    letters = wanted.upper()
    if len(set(letters)) != len(letters) or not set("YX") <= set(letters) <= set(ORDER):
        raise ConfigurationError(
            f"axes must name Y and X, and others of {ORDER} at most once, such as TYX; not {wanted!r}"
        )
    return letters


def series_axes(tiff: Any, series: Any, has_xml: bool, wanted: str | None) -> str:
    """Return the axes of a series, corrected where the metadata of the file say otherwise than tifffile.

    Positions of the stage are R. Pages in a plain sequence are not taken for planes where the file knows what they are.

    Raises
    ------
    ArchiveError
        The file says that there is more than one axis, and not which pages are what.
    """
    axes: str = series.axes
    if wanted is not None:
        return axes
    if series.kind == "lsm":
        return axes.replace("P", "R") if "P" in axes else axes.replace("M", "R")
    found: str | None
    if series.kind == "stk" and len(axes) > 2:
        found = axes_of_wavelengths(tiff, axes)
    elif axes[0] not in "IQ":
        return axes
    elif series.kind == "scanimage":
        found = axes if order_of_pages(tiff, series.shape[0]) else "refused"
    else:
        found = axes_of_summary(tiff, axes, tuple(series.shape)) if tiff.is_micromanager else None
    if found == "refused" or (found is None and has_xml and series.kind != "ome"):
        raise ArchiveError(
            f"its metadata name positions, times or channels, but its {series.shape[0]} pages cannot be matched to "
            "them: say what the axes are with the axes option, such as --axes TYX"
        )
    return found or axes


def map_axes(found: str, wanted: str | None = None) -> tuple[str, list[str]]:
    """Return one letter of T C S Z Y X for each axis that tifffile found (R: position), and notes on what was assumed.

    A plain sequence of pages (I, Q) becomes Z, then T, then C, the first that is free, starting at the fastest axis.

    Raises
    ------
    ArchiveError
        An axis has another meaning (angle, lifetime, phase ...), or there are more sequences than free letters.
    ConfigurationError
        `wanted` does not name every axis once.
    """
    if wanted is not None:
        letters = check_axes(wanted)
        if len(letters) != len(found):
            raise ConfigurationError(
                f"axes {wanted!r} do not fit the axes {found!r} of the file: give one letter for each"
            )
        return letters, []
    free = [letter for letter in "ZTC" if letter not in found]
    letters, notes = "", []
    for position in reversed(range(len(found))):
        letter = found[position]
        if letter in "IQ" and free:
            letter = free.pop(0)
            notes.append(
                f"the file does not say what its pages are, so axis {position} was taken as {letter}; if that is "
                "wrong, convert it again and name the axes with --axes"
            )
        elif letter not in f"{ORDER}R" or letter in found[position + 1 :]:
            raise ArchiveError(
                f"axis {position} of {found!r} cannot be mapped to TCZYX: say what the axes are with the axes option, "
                "such as --axes TYX"
            )
        letters = letter + letters
    return letters, notes
