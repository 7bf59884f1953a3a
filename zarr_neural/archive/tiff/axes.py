"""Axes: from the letters that tifffile finds to T C S Z Y X."""

from __future__ import annotations

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
        raise ConfigurationError(f"axes {wanted!r}: each of {ORDER} once at most, Y and X among them, such as TYX")
    return letters


def map_axes(found: str, wanted: str | None = None) -> tuple[str, list[str]]:
    """Return one letter of T C S Z Y X for each axis that tifffile found, and notes on what was assumed.

    An axis of unknown meaning becomes Z, then T, then C, the first that is free, starting at the fastest axis.

    Raises
    ------
    ArchiveError
        More unknown axes than free letters.
    ConfigurationError
        `wanted` does not name every axis once.
    """
    if wanted is not None:
        letters = check_axes(wanted)
        if len(letters) != len(found):
            raise ConfigurationError(f"axes {wanted!r} do not fit the axes {found!r} of the file: one letter for each")
        return letters, []
    free = [letter for letter in "ZTC" if letter not in found]
    letters, notes = "", []
    for position in reversed(range(len(found))):
        letter = found[position]
        if letter not in ORDER or letter in found[position + 1 :]:
            if not free:
                raise ArchiveError(f"axes {found!r} have no place in TCZYX; say what they are with the axes option")
            letter = free.pop(0)
            notes.append(f"axis {position} ({found[position]}) was taken as {letter}")
        letters = letter + letters
    return letters, notes
