"""What makes a finished store another than the one that is asked for now."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import Options, convert
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.archive.write.kept import difference, finished_record

SIDE = 1200  # the middle of the file lies beyond what its quick digest sees
CHANGES: dict[str, tuple[Callable[[np.ndarray], object], int, bool]] = {
    "touched": (lambda pixels: None, 5, True),
    "first pixel": (lambda pixels: pixels.__setitem__((0, 0), 9), 0, False),
    "middle": (lambda pixels: pixels.__setitem__((SIDE // 2, 7), 9), 5, False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_pixels_decide_where_the_time_does_not(name: str, tmp_path: Path) -> None:
    """A touched file is the same one; a changed pixel makes another, at the old time and in the middle of a file."""
    change, later, same = CHANGES[name]
    pixels = np.random.default_rng(1).integers(10, 4000, (SIDE, SIDE)).astype("u2")
    path, when = tmp_path / "a.tif", 1_600_000_000
    for seconds in (0, later):
        tifffile.imwrite(path, pixels)
        os.utime(path, (when + seconds, when + seconds))
        if seconds == 0 and not (tmp_path / "a.zarr").exists():
            convert([path], tmp_path / "a.zarr", Options(workers=1))
            change(pixels)
    record = finished_record(tmp_path / "a.zarr")
    assert record is not None
    with open_images(path) as (image,):
        assert difference(record, image, Options(workers=1)) == (
            None if same else "from different content of its source"
        )
        other = {**record, "source": {**record["source"], "series": 3}}
        assert difference(other, image, Options(workers=1)) == "from another image of its source"


@pytest.mark.parametrize("way", ["relative", "link"])
def test_a_file_counts_once_however_it_is_named(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path or a link names the same file as its absolute path: one size, one stamp, the store is kept."""
    monkeypatch.chdir(tmp_path)
    path, name = tmp_path / "real" / "a.tif", Path("real") / "a.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.zeros((20, 30), "u1"))
    if way == "link":
        (tmp_path / "linked").symlink_to(tmp_path / "real")
        name = tmp_path / "linked" / "a.tif"
    (report,) = convert([name], tmp_path / "a.zarr", Options(workers=1))
    assert report.source_nbytes == path.stat().st_size
    with open_images(path) as (absolute,), open_images(name) as (other,):
        assert other.files == absolute.files == (path.resolve(),)
        assert other.stamp == absolute.stamp
