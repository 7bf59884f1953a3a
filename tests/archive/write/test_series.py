"""All images of a file in one store, as bioformats2raw lays them out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaozarrs
import zarr

from zarr_neural.archive import Options, convert, export, fidelity_from, verify
from zarr_neural.archive.stores import find_stores
from zarr_neural.errors import ArchiveError

RNG = np.random.default_rng(2)
FIRST, SECOND = RNG.integers(0, 900, (3, 40, 50)).astype("u2"), RNG.integers(0, 250, (300, 200)).astype("u1")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A TIFF of two images."""
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(FIRST, photometric="minisblack", metadata={"axes": "ZYX"})
        tiff.write(SECOND, photometric="minisblack")
    os.utime(path, (1e9, 1e9))
    return path


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_images_of_a_file_become_groups_of_one_store(version: str, two: Path, tmp_path: Path) -> None:
    """The root says which layout it has, OME lists the images, and each of them is valid, verified and exported."""
    store = tmp_path / "two.ome.zarr"
    reports = convert([two], store, Options(layout="bf2raw", ome_version=version))
    assert [Path(report.target).name for report in reports] == ["0", "1"]
    root: Any = zarr.open_group(store, mode="r")
    said = root.attrs.asdict()
    assert said.get("ome", said)["bioformats2raw.layout"] == 3
    listed = root["OME"].attrs.asdict()
    assert listed.get("ome", listed)["series"] == ["0", "1"]
    for name, pixels in (("0", FIRST), ("1", SECOND)):
        np.testing.assert_array_equal(root[f"{name}/0"][...], pixels)
        yaozarrs.validate_zarr_store(str(store / name))
    xml = (store / "OME" / "METADATA.ome.xml").read_text()
    assert xml.count("<Image ") == 2
    assert '"Image:1"' in xml
    assert find_stores(tmp_path)[0] == [store / "0", store / "1"]
    for source in (two, tmp_path):
        assert [report.status for report in verify(store if source == two else tmp_path, source)] == ["sound"] * 2
    export(store / "1", tmp_path / "back.ome.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "back.ome.tif"), SECOND)
    with pytest.raises(ArchiveError, match="STORE/0"):
        export(store, tmp_path / "none.tif")
    assert sorted(os.listdir(tmp_path)) == ["back.ome.tif", "two.ome.zarr", "two.tif"]


def test_a_second_run_keeps_the_store_and_other_options_do_not_touch_it(two: Path, tmp_path: Path) -> None:
    """The same command keeps it, another one is refused, and overwriting replaces it whole."""
    store, options = tmp_path / "two.ome.zarr", Options(layout="bf2raw")
    convert([two], store, options)
    before = json.dumps(sorted(str(path) for path in store.rglob("*")))
    assert [report.status for report in convert([two], store, options)] == ["kept", "kept"]
    lossy = Options(layout="bf2raw", fidelity=fidelity_from(max_error=9))
    assert {report.status for report in convert([two], store, lossy)} == {"failed"}
    assert json.dumps(sorted(str(path) for path in store.rglob("*"))) == before
    over = Options(layout="bf2raw", fidelity=fidelity_from(max_error=9), overwrite=True)
    assert [report.status for report in convert([two], store, over)] == ["converted", "converted"]
    assert sorted(os.listdir(tmp_path)) == ["two.ome.zarr", "two.tif"]


def test_an_interrupted_run_leaves_nothing_that_looks_complete(two: Path, tmp_path: Path) -> None:
    """Until all images are there the target is not, verify says so, and the next run goes on."""
    store, options = tmp_path / "two.ome.zarr", Options(layout="bf2raw")

    def stop(name: str, done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert([two], store, options, stop)
    assert not store.exists()
    assert not any(report.sound for report in verify(tmp_path))
    reports = convert([two], store, options)
    assert [report.status for report in reports] == ["converted", "converted"]
    assert reports[0].resumed
    np.testing.assert_array_equal(zarr.open_array(store / "1" / "0", mode="r")[...], SECOND)
    assert all(report.sound for report in verify(store, two))


def test_a_foreign_unfinished_store_is_left_alone(two: Path, tmp_path: Path) -> None:
    """A folder of the name of the unfinished store that something else made is refused, and nothing in it removed."""
    mine = tmp_path / "two.ome.zarr.series.partial" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    for overwrite in (False, True):
        (report,) = convert([two], tmp_path / "two.ome.zarr", Options(layout="bf2raw", overwrite=overwrite))
        assert "something else (thesis.txt)" in (report.error or "")
    assert mine.read_text() == "years of work"


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_appears_meanwhile_is_not_replaced(overwrite: bool, two: Path, tmp_path: Path) -> None:
    """The target is looked at again before it is replaced: a folder that is no store stays."""
    store = tmp_path / "two.ome.zarr"

    def appear(name: str, done: int, total: int) -> None:
        store.mkdir(exist_ok=True)
        (store / "thesis.txt").write_text("years of work")

    (report,) = convert([two], store, Options(layout="bf2raw", overwrite=overwrite), appear)
    assert report.status == "failed"
    assert os.listdir(store) == ["thesis.txt"]


def test_one_target_of_several_images_is_converted_to_once_at_a_time(two: Path, tmp_path: Path) -> None:
    """A second conversion to the same store fails while the first is at work, and does it no harm."""
    store, second = tmp_path / "two.ome.zarr", []

    def meddle(name: str, done: int, total: int) -> None:
        if not second:
            second.append("begun")
            second.extend(report.error for report in convert([two], store, Options(layout="bf2raw")))

    reports = convert([two], store, Options(layout="bf2raw"), meddle)
    assert [report.status for report in reports] == ["converted", "converted"]
    assert "two.ome.zarr is in use" in str(second[1])
    assert sorted(os.listdir(tmp_path)) == ["two.ome.zarr", "two.tif"]


def test_a_store_that_was_moved_away_is_not_removed_for_something_else(two: Path, tmp_path: Path) -> None:
    """After a crash between the two renames the old store goes back, or stays where something else took its place."""
    store, options = tmp_path / "two.ome.zarr", Options(layout="bf2raw", overwrite=True)
    old, stage = (tmp_path / f"two.ome.zarr{suffix}" for suffix in (".replaced.partial", ".series.partial"))
    convert([two], store, options)
    store.rename(old)
    convert([two], tmp_path / "other.ome.zarr", options)
    (tmp_path / "other.ome.zarr").rename(stage)
    store.mkdir()
    assert {report.status for report in convert([two], f"{tmp_path}/", options)} == {"failed"}
    assert (old / "0" / "zarr.json").is_file()
    store.rmdir()
    assert {report.status for report in convert([two], store, Options(layout="bf2raw"))} == {"kept"}
    assert not old.exists()


def test_a_store_that_was_not_given_its_name_counts_as_unfinished(two: Path, tmp_path: Path) -> None:
    """What a crash left between the last write and the rename is not taken for a store."""
    convert([two], tmp_path / "two.ome.zarr", Options(layout="bf2raw"))
    (tmp_path / "two.ome.zarr").rename(tmp_path / "two.ome.zarr.series.partial")
    assert find_stores(tmp_path) == ([], [tmp_path / "two.ome.zarr.series.partial"])
