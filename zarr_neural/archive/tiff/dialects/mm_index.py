"""The index of a Micro-Manager stack: where the directory of every page lies.

tifffile takes the pixels of a page to begin 162 bytes behind its directory, as Micro-Manager writes them, and a page to
be lost where they would end beyond the file. A file that another program wrote again holds them elsewhere. So places
come from the index alone, and pixels from the directory there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from zarr_neural.errors import ArchiveError

_COLUMNS = "CZTR"


def place_frames(series: Any) -> None:
    """Give every frame of a series that tifffile took for lost the place that the index of its file names."""
    lost = [frame for frame in series if frame is not None and frame.is_frame and not frame.offset]
    letters, sizes = series.get_axes(False), series.get_shape(False)
    columns = [
        (_COLUMNS.index(letter), size) for letter, size in zip(letters, sizes, strict=True) if letter in _COLUMNS
    ]
    places: dict[str, dict[int, int]] = {}
    for frame in lost:
        path = frame.parent.filehandle.path
        if path not in places:
            places[path] = _places_in(Path(path), columns)
        frame.offset = places[path].get(frame.index, 0)


def page_at(frame: Any) -> Any:
    """Return the page whose directory the index of a Micro-Manager file names for a frame.

    Raises
    ------
    ArchiveError
        The directory lies beyond the end of the file, or there is none at that place.
    """
    handle = frame.parent.filehandle
    name = Path(handle.path).name
    closed = handle.closed
    if closed:
        handle.open()
    try:
        if not 0 < frame.offset < handle.size:
            raise ArchiveError(
                f"{name}: truncated: page {frame.index} is in the index of the file but lies beyond its end"
            )
        handle.seek(frame.offset)
        return tifffile.TiffPage(frame.parent, index=frame.index)
    except tifffile.TiffFileError as error:
        raise ArchiveError(
            f"{name}: damaged: page {frame.index} is in the index of the file but not at the place given there"
        ) from error
    finally:
        if closed:
            handle.close()


def _places_in(path: Path, columns: list[tuple[int, int]]) -> dict[int, int]:
    """Where the directories of a file lie, by the number of the page in its series."""
    with tifffile.FileHandle(path) as handle:
        rows = np.asarray(tifffile.tifffile.read_micromanager_metadata(handle, {"IndexMap"})["IndexMap"], np.int64)
    index = rows[:, [column for column, _ in columns]]
    sizes = tuple(size for _, size in columns)
    if (index >= sizes).any():
        index = index - index.min(axis=0)  # files of a set are missing: what is left begins elsewhere
    numbers = np.ravel_multi_index(tuple(index.T), sizes)
    return dict(zip(numbers.tolist(), rows[:, 4].tolist(), strict=True))
