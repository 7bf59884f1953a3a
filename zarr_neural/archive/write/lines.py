"""The lines of a journal: JSON with a checksum, read from a file that may be torn, damaged, edited or none at all."""

from __future__ import annotations

import json
import os
import stat
import zlib
from pathlib import Path
from typing import IO, Any

from zarr_neural.errors import ArchiveError

LINE_NBYTES = 2**26
"""No line is longer: a region has at most some ten thousand files, each with a mark of a few bytes."""


def pack_line(entry: dict[str, Any]) -> bytes:
    """Return the line of an entry: its JSON with the checksum of it as the last member, and a line feed."""
    text = json.dumps(entry, separators=(",", ":"))
    return f'{text[:-1]},"crc":{zlib.crc32(text.encode())}}}\n'.encode()


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the sound entries at the head of a journal, a plan and then regions, and how many bytes they take.

    Raises
    ------
    ArchiveError
        It is no plain file.
    """
    entries: list[dict[str, Any]] = []
    good = 0
    with open_plain(path, os.O_RDONLY) as handle:
        while line := handle.readline(LINE_NBYTES):
            entry = _unpack_line(line)
            if entry is None or not _is_sound(entry, first=not entries):
                break
            entries.append(entry)
            good += len(line)
    return entries, good


def _unpack_line(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None where it is torn or not what `pack_line` made."""
    try:
        entry = json.loads(line)
        if not line.endswith(b"\n") or not isinstance(entry, dict):
            return None
        entry.pop("crc", None)
        return entry if pack_line(entry) == line else None
    except (ValueError, RecursionError):
        return None


def _is_sound(entry: dict[str, Any], *, first: bool) -> bool:
    if first:
        return set(entry) == {"plan"}
    return set(entry) == {"key", "result"} and isinstance(entry["key"], str) and isinstance(entry["result"], dict)


def first_line(path: Path) -> bytes | None:
    """Return the beginning of a file up to its first line feed; None where it is no plain file."""
    try:
        with open_plain(path, os.O_RDONLY) as handle:
            return handle.readline(2**10)
    except ArchiveError:
        return None


def as_read(entry: dict[str, Any]) -> Any:
    """Return what an entry is after it was written and read: tuples as lists, keys as text."""
    return json.loads(json.dumps(entry))


def open_plain(path: Path, flags: int) -> IO[bytes]:
    """Open a plain file without following a link or waiting for a pipe.

    Raises
    ------
    ArchiveError
        It is something else.
    """
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags | careful, 0o666)
    except OSError as error:
        if path.is_symlink() or (os.path.lexists(path) and not path.is_file()):
            raise ArchiveError(f"{path} is not a regular file: move it away") from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ArchiveError(f"{path} is not a regular file: move it away")
    reading = flags & (os.O_WRONLY | os.O_RDWR) == 0
    return os.fdopen(handle, "rb") if reading else os.fdopen(handle, "wb")
