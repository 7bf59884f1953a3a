"""A source that changes while it is read becomes no store."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import convert
from zarr_neural.archive.tiff import identity


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(4).integers(0, 900, (3, 60, 70)).astype("u2")
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": "ZYX"})
    return path


def rewrite_once(path: Path, stamp: tuple[int, int] | None = None) -> Callable[[str, int, int], None]:
    """A progress callback that turns pixels that were read already into others, and sets the times of the file."""

    def progress(name: str, done: int, total: int) -> None:
        if done == total:
            found = path.stat()
            with path.open("r+b") as handle:
                handle.seek(found.st_size // 2)
                handle.write(b"\x07" * 100)
            if stamp is not None:
                os.utime(path, ns=stamp)

    return progress


def test_another_time_of_the_file_is_a_change(source: Path, tmp_path: Path) -> None:
    """Size and time are looked at again when all pixels are written."""
    os.utime(source, (1e9, 1e9))
    (report,) = convert([source], tmp_path / "a.zarr", progress=rewrite_once(source))
    assert report.status == "failed"
    assert "changed while it was converted" in (report.error or "")
    assert sorted(os.listdir(tmp_path)) == ["a.tif"]


def test_a_file_that_was_just_written_is_read_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a file that was written a moment before it was opened proves nothing, however long it was read."""
    found = source.stat()
    begun, progress = time.time_ns, rewrite_once(source, (found.st_atime_ns, found.st_mtime_ns))

    def slow(name: str, done: int, total: int) -> None:
        progress(name, done, total)
        monkeypatch.setattr(identity.time, "time_ns", lambda: begun() + 60 * 10**9)

    (report,) = convert([source], tmp_path / "a.zarr", progress=slow)
    assert source.stat().st_mtime_ns == found.st_mtime_ns
    assert report.status == "failed"
    assert "changed while it was converted" in (report.error or "")
