"""Names in metadata never lead out of the folder of the file that names them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zarr_neural.errors import ArchiveError


def file_beside(path: Path, name: str) -> Path:
    """Return the file of a name that the metadata of `path` give, which lies in the same folder.

    Raises
    ------
    ArchiveError
        The name leads elsewhere: it has folders in it, or is a link to another place.
    """
    beside = path.parent / name
    plain = name not in ("", ".", "..") and not any(sign in name for sign in "/\\\0")
    if plain and (not beside.is_symlink() or beside.resolve().parent == path.resolve().parent):
        return beside
    raise ArchiveError(
        f"{path.name}: its metadata name the file {name!r}, which is not in the same folder, so it is not read"
    )


def check_beside(path: Path, names: Iterable[str]) -> None:
    """Refuse names that lead out of the folder of `path`, before any of them is opened."""
    for name in sorted(names):
        file_beside(path, name)
