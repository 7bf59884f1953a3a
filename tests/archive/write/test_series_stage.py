"""The unfinished store of several images: nothing of an earlier source stays in it, and no link leads out of it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import Options, convert


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A TIFF of two images, and the empty folder of its unfinished store."""
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        for side in (20, 30):
            tiff.write(np.full((side, 40), side, "u1"), photometric="minisblack")
    stage = tmp_path / "two.ome.zarr.series.partial"
    stage.mkdir()
    return stage


def test_an_image_that_the_source_no_longer_has_is_not_in_the_store(stage: Path) -> None:
    """What a run left unfinished of a source of more images does not become part of the store."""
    (stage / "7").mkdir()
    (stage / "7" / "zarr.json").write_text("{}")
    store = stage.with_name("two.ome.zarr")
    reports = convert([stage.with_name("two.tif")], store, Options(layout="bf2raw", workers=1))
    assert [report.status for report in reports] == ["converted"] * 2
    assert sorted(path.name for path in store.iterdir() if path.is_dir()) == ["0", "1", "OME"]


def test_a_link_in_the_unfinished_store_is_refused(stage: Path) -> None:
    """An image that is a link would be written elsewhere: it is refused by its name, and what is there stays."""
    other = stage.with_name("other")
    other.mkdir()
    (stage / "1").symlink_to(other)
    source, store = stage.with_name("two.tif"), stage.with_name("two.ome.zarr")
    reports = convert([source], store, Options(layout="bf2raw", workers=1))
    assert all("holds something else (1)" in (report.error or "") for report in reports)
    assert not store.exists()
    assert list(other.iterdir()) == []
    assert (stage / "1").is_symlink()
