"""Overviews of lossy images are made from the source, and lose no more than their own noise hides."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from zarr_neural.archive import Options, convert, fidelity_from, verify
from zarr_neural.archive.tiff.source import SourceImage

Writer = Callable[..., tuple[Path, np.ndarray]]
SIGMA = 8.0
CUTS: list[dict[str, Any]] = [
    {"chunks": (128, 128)},
    {"chunks": (101, 97)},
    {"chunks": (128, 128), "shards": (256, 256)},
    {"chunks": (128, 128), "ome_version": "0.4"},
]


@pytest.fixture
def scene(write_ome: Writer) -> tuple[Path, np.ndarray]:
    """A smooth scene with Gaussian noise of 8 grey levels, two planes."""
    y, x = np.mgrid[:500, :410]
    smooth = 900 + 300 * np.sin(y / 90) * np.cos(x / 70)
    pixels = smooth + np.random.default_rng(8).normal(0, SIGMA, (2, 500, 410))
    path, stored = write_ome("ZYX", (2, 500, 410), pixels=pixels.round().astype("uint16"))
    os.utime(path, (1e9, 1e9))
    return path, stored


@pytest.fixture(autouse=True)
def small_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many regions in an image, so that those of an overview come of several."""
    monkeypatch.setattr("zarr_neural.archive.layout.REGION_NBYTES", 128 * 256 * 2)


def halved(pixels: np.ndarray) -> np.ndarray:
    """Mean of 2 x 2 pixels, halves rounded up, a last odd row or column twice."""
    even = np.pad(pixels.astype(int), [(0, 0), *((0, size % 2) for size in pixels.shape[-2:])], mode="edge")
    return (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2] + 2) // 4


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize("asked", [{"noise": 1.0}, {"max_error": 30}, {"rmse": 12.0}], ids=str)
def test_overviews_lose_less_than_their_own_noise(
    asked: dict[str, Any], cut: dict[str, Any], scene: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """The noise halves from level to level, and so does what may be lost; every level's error is recorded and found."""
    path, pixels = scene
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity_from(**asked), levels=4, workers=2, **cut))
    assert report.status == "converted", report.error
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    record: Any = group.attrs.asdict()["zarr_neural"]
    truth = pixels.astype(int)
    for number in range(4):
        array: Any = group[str(number)]
        error = np.asarray(array[:]).astype(int) - truth
        rmse = np.sqrt((error**2).mean())
        assert record["levels"][number]["measured"][0]["rmse"] == pytest.approx(rmse, rel=1e-5)
        assert record["levels"][number]["measured"][0]["max_error"] == np.abs(error).max()
        assert number == 0 or rmse <= 1.15 * SIGMA / 2**number
        assert number > 0 or rmse > 0
        truth = halved(truth)
    (found,) = verify(tmp_path / "a.zarr", path)
    assert found.damaged == ()


def test_an_overview_that_errs_more_than_recorded_is_found(scene: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """With the source, the error of every level is held against what the store says of it."""
    path, _ = scene
    store = tmp_path / "a.zarr"
    convert([path], store, Options(fidelity_from(noise=1.0), levels=3, workers=2))
    content = json.loads((store / "zarr.json").read_text())
    content["attributes"]["zarr_neural"]["levels"][2]["measured"][0]["rmse"] *= 0.98
    (store / "zarr.json").write_text(json.dumps(content))
    (found,) = verify(store, path)
    assert [damage.array for damage in found.damaged] == ["2"]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_each_pixel_of_the_source_is_read_once(
    cut: dict[str, Any], scene: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overviews come from the pixels that are at hand; where chunks have odd sides each level reads for itself."""
    path, pixels = scene
    read, sizes = SourceImage.read, []

    def counted(self: SourceImage, region: Any) -> Any:
        sizes.append((block := read(self, region)).size)
        return block

    monkeypatch.setattr(SourceImage, "read", counted)
    options = Options(levels=4, labels=False, workers=2, **cut)
    (report,) = convert([path], tmp_path / "a.zarr", options)
    assert report.status == "converted", report.error
    passes = 4 if cut["chunks"] == (101, 97) else 1
    assert sum(sizes) == passes * pixels.size
