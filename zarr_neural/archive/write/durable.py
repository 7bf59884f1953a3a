"""What was written reaches the disk before it is given its name, so that a power failure finds all of it or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from zarr_neural.archive.write.tasks import side_by_side

_THREADS = 16
"""Waiting for the disk, not working: file systems commit many files at once when they are asked for at once."""


def sync_tree(folder: Path) -> None:
    """Return when every file and folder at and below `folder` is on the disk.

    Raises
    ------
    OSError
        The disk did not take one: it is full, or fails.
    """
    for _ in side_by_side(_sync, _entries(folder), _THREADS):
        pass


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield (path, whether it is a folder) for all at and below a folder."""
    for base, _, names in os.walk(folder):
        yield base, True
        for name in names:
            yield os.path.join(base, name), False


def _sync(entry: tuple[str, bool]) -> None:
    path, is_folder = entry
    (sync_folder if is_folder else _sync_file)(path)


def _sync_file(path: str) -> None:
    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: str | Path) -> None:
    """Return when the names in a folder are on the disk; where a folder cannot be synced (Windows) do nothing."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
