from pathlib import Path

import tifffile
from rich.console import Console

from eval.demo import IMAGES, run_demo


def test_shipped_images_are_small_uncompressed_and_licensed() -> None:
    licences = (IMAGES / "LICENCES.md").read_text()
    paths = sorted(IMAGES.glob("*.tif"))
    assert len(paths) >= 3
    assert sum(path.stat().st_size for path in paths) < 1.5e6
    for path in paths:
        assert f"`{path.name}`" in licences
        with tifffile.TiffFile(path) as file:
            assert file.pages[0].compression == tifffile.COMPRESSION.NONE


def test_the_demo_leaves_a_picture_and_the_stores(tmp_path: Path) -> None:
    console = Console(record=True, width=140)
    picture = run_demo(tmp_path, console, sorted(IMAGES.glob("plant*.tif")))
    assert picture.stat().st_size > 10_000
    assert (tmp_path / "noise" / "plant-confocal.ome.zarr" / "zarr.json").exists()
    text = console.export_text()
    assert "plant-confocal" in text
    assert "lossless" in text


def test_the_picture_goes_where_it_is_wanted(tmp_path: Path) -> None:
    wanted = tmp_path / "results" / "figure.png"
    picture = run_demo(tmp_path / "out", Console(quiet=True), sorted(IMAGES.glob("plant*.tif")), wanted)
    assert picture == wanted
    assert wanted.read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "out" / "demo.png").exists()
