"""What tells one version of a source from another: sizes and times of its files, and digests where these differ."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zarr_neural.errors import SourceChangedError

if TYPE_CHECKING:
    from zarr_neural.archive.tiff.source import SourceImage

_DIGEST_NBYTES = 2**20
_HOT_SECONDS = 10.0


def stamp_of(files: Sequence[Path]) -> list[list[int]]:
    """Return size and time of change (nanoseconds) of every file, as JSON."""
    return [[found.st_size, found.st_mtime_ns] for found in (file.stat() for file in files)]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's size and of its first and last MiB: tells files apart without reading them."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as handle:
        digest.update(handle.read(_DIGEST_NBYTES))
        handle.seek(max(0, size - _DIGEST_NBYTES))
        digest.update(handle.read())
    return digest.hexdigest()


def is_unchanged(image: SourceImage) -> bool:
    """Return whether the files of an image have the sizes and times that they had when it was opened."""
    try:
        return stamp_of(image.files) == image.stamp
    except OSError:
        return False


def is_hot(stamp: Sequence[Sequence[int]]) -> bool:
    """Return whether a file was written a moment ago: its time may not tell whether it was written once more."""
    return any(time.time_ns() - changed < _HOT_SECONDS * 1e9 for _, changed in stamp)


def changed_error(image: SourceImage) -> SourceChangedError:
    """Return the error for a source that changed."""
    return SourceChangedError(
        f"{image.path.name} changed while it was converted, perhaps because the acquisition is still "
        "running: nothing was kept; convert it again when the acquisition has finished"
    )
