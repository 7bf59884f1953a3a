"""Folders that are searched for files named by their hash: which there are, and which of their files can be trusted.

What lies in a folder of the user's may be out of reach or damaged; neither may hide a sound file elsewhere.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from zarr_neural.errors import ModelError, ModelNotFoundError

USER_DIRECTORY_VARIABLE = "ZARR_NEURAL_MODELS"
Found = TypeVar("Found")
_told: set[str] = set()


def user_directory() -> Path | None:
    """Return the directory of the user's own models, or None where this account has no home.

    It is `$ZARR_NEURAL_MODELS`, or lies below the platform's data directory.
    """
    if given := os.environ.get(USER_DIRECTORY_VARIABLE):
        return Path(given)
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Application Support"
        else:
            base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError:  # neither HOME nor an entry among the users, as in containers
        return None
    return base / "zarr_neural" / "models"


def readable(file_name: str, directories: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of that name that this account may read, in the order of the directories."""
    for directory in directories:
        path = directory / file_name
        try:
            if path.is_file() and os.access(path, os.R_OK):
                yield path
        except OSError:  # a folder that is out of reach is a folder without the file
            continue


def first_sound(
    file_name: str, digest: str, directories: list[Path], look: Callable[[Path], tuple[str, Found]]
) -> Found:
    """Return what `look` finds, beside its SHA-256, in the first file of that name whose SHA-256 is `digest`.

    Others of that name are passed over, with a warning once per process: they are damaged, or not what they say.

    Raises
    ------
    ModelError
        If there are only files of other contents; names them.
    ModelNotFoundError
        Listing the directories.
    """
    damaged: list[str] = []
    for path in readable(file_name, directories):
        try:
            contents, found = look(path)
        except OSError:  # gone or locked since
            continue
        if contents == digest:
            for passed_over in damaged:
                _warn(passed_over)
            return found
        damaged.append(f"the contents of {path} have SHA-256 {contents}, expected {digest}")
    if damaged:
        raise ModelError("; ".join(damaged))
    raise ModelNotFoundError(digest, [str(directory) for directory in directories])


def _warn(what: str) -> None:
    if what not in _told:
        _told.add(what)
        warnings.warn(f"{what}; the file is ignored: delete it, or copy it again", RuntimeWarning, stacklevel=2)
