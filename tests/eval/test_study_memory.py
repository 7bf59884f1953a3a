"""The store of `study_memory` is an ordinary one, and its peak of memory is that of the process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from eval.study.errors import StudyError
from eval.study.image import open_images
from eval.study.memory import CHUNK, IMAGE, VARIANTS, peak_of, repeated


def test_the_store_is_an_image_of_many_chunks_in_few_files(tmp_path: Path) -> None:
    """Every chunk holds the pixels of the image; files are links, so that size on disk does not grow."""
    plane = tifffile.imread(IMAGE)
    store = repeated(plane, tmp_path / "large.ome.zarr", 2 * (5 * CHUNK) ** 2)
    (image,) = open_images([store])
    channel = image.channel(0)
    assert channel.shape == (5 * CHUNK, 5 * CHUNK)
    files = [path for path in (store / "0" / "c").rglob("*") if path.is_file()]
    assert len(files) == 25
    assert len({os.stat(path).st_ino for path in files}) == VARIANTS
    first = channel[slice(0, CHUNK), slice(0, CHUNK)]
    np.testing.assert_array_equal(first[:512, :512], plane)
    second = channel[slice(0, CHUNK), slice(CHUNK, 2 * CHUNK)]
    np.testing.assert_array_equal(second, np.roll(first, 61, (0, 1)))
    with pytest.raises(StudyError, match="name another folder"):
        repeated(plane, store, 1000)
    with pytest.raises(StudyError, match=r"found shape \(2, 512, 512\)"):
        repeated(np.stack([plane, plane]), tmp_path / "other", 1000)


def test_the_peak_counts_children() -> None:
    """A child that takes 200 MB for a moment is seen, and so is the exit status."""
    child = "x = bytearray(200_000_000); import time; time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); sys.exit(3)"
    peak, seconds, status = peak_of([sys.executable, "-c", parent])
    assert 200e6 < peak < 400e6
    assert seconds >= 1
    assert status == 3
