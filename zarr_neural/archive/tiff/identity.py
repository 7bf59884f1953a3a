"""What tells one version of a source from another: a digest of content, and a stamp of sizes and times."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

_DIGEST_NBYTES = 2**20


def digest_of(path: Path) -> str:
    """SHA-256 of the file's size and of its first and last MiB: tells files apart without reading them."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as handle:
        digest.update(handle.read(_DIGEST_NBYTES))
        handle.seek(max(0, size - _DIGEST_NBYTES))
        digest.update(handle.read())
    return digest.hexdigest()


def stamp_of(files: Sequence[Path]) -> str:
    """SHA-256 of name, size and time of change of every file: tells versions apart that differ anywhere."""
    digest = hashlib.sha256()
    for file in files:
        found = file.stat()
        digest.update(f"{file.name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
