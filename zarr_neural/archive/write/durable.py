"""What was written reaches the disk before it is given its name, so that a power failure finds all of it or none."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS = 16
"""Waiting for the disk, not working: file systems commit many files at once when they are asked for at once."""


def sync_tree(folder: Path) -> None:
    """Return when every file and folder at and below `folder` is on the disk.

    Raises
    ------
    OSError
        The disk did not take one: it is full, or fails.
    """
    files: list[str] = []
    folders: list[str] = []
    for base, _, names in os.walk(folder):
        folders.append(base)
        files += [os.path.join(base, name) for name in names]
    with ThreadPoolExecutor(min(_THREADS, len(files) or 1)) as pool:
        for _ in pool.map(_sync_file, files):
            pass
        for _ in pool.map(sync_folder, folders):
            pass


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
