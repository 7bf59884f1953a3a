"""Steps between planes that are not what they seem: planes at uneven heights, frames that were averaged."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from vendor_files import write_stk

from zarr_neural.archive.tiff.source import open_images

PLANES = np.random.default_rng(4).integers(0, 900, (6, 20, 30)).astype("u2")


def test_stk_of_varying_distances_has_no_step(tmp_path: Path) -> None:
    """Planes that are not evenly spaced have no size along z: it is left out with a note."""
    path = write_stk(
        tmp_path / "a.stk", PLANES[:4], distances=[0.5, 0.5, 0.7, 0.5], wavelengths=[488] * 4, times=[0] * 4
    )
    with open_images(path) as (image,):
        assert "z" not in image.record.scale
        assert any("varies from 0.5 to 0.7" in note for note in image.notes)


@pytest.mark.parametrize("averaged", [1, 4])
def test_scanimage_averages_frames(averaged: int, tmp_path: Path) -> None:
    """Where several frames became one page, the step of time is that of so many frames."""
    lines = (
        "SI.VERSION_MAJOR = 2016", "SI.hChannels.channelName = {'green'}", "SI.hChannels.channelSave = 1",
        "SI.hStackManager.enable = false", "SI.hStackManager.framesPerSlice = Inf",
        "SI.hRoiManager.scanFrameRate = 30.0", f"SI.hScan2D.logAverageFactor = {averaged}",
    )  # fmt: skip
    tifffile.imwrite(
        tmp_path / "a.tif", PLANES, photometric="minisblack", metadata=None, description="frameNumbers = 1",
        software="\n".join(lines),
    )  # fmt: skip
    with open_images(tmp_path / "a.tif") as (image,):
        assert image.axes == "tyx"
        assert image.record.scale["t"] == pytest.approx(averaged / 30)
