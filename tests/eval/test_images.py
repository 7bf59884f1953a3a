import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile

from eval.images import HELDOUT, heldout_sources, package_file, read_planes, spread, tiles
from zarr_neural.training.data import SETS, group_of


def heldout_rows() -> list[dict[str, str]]:
    with HELDOUT.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_no_held_out_image_is_trained_on() -> None:
    by_folder = {data_set.folder: data_set for data_set in SETS}
    for row in heldout_rows():
        if row["path"].startswith("package:"):
            continue
        data_set = by_folder[row["path"].split("/")[0]]
        assert not data_set.trained or group_of(row["path"]) in data_set.held_out, row["path"]


def test_every_held_out_group_is_measured() -> None:
    measured = {group_of(row["path"]) for row in heldout_rows() if not row["path"].startswith("package:")}
    assert {group for data_set in SETS for group in data_set.held_out} <= measured


def test_what_is_not_on_this_machine_is_named_and_left_out(tmp_path: Path) -> None:
    table = tmp_path / "list.tsv"
    (tmp_path / "a.npy").touch()
    table.write_text("set\tpath\tplanes\ns\ta.npy\t0,2\ns\tb.npy\tall\ns\tpackage:no_such_package/c.tif\tall\n")
    found, missing = heldout_sources(tmp_path, table)
    assert [(source.set, source.name, source.planes) for source in found] == [("s", "a.npy", (0, 2))]
    assert missing == ["b.npy", "package:no_such_package/c.tif"]
    assert package_file("package:numpy/__init__.py") is not None


def test_planes_of_any_axes_come_one_by_one(tmp_path: Path) -> None:
    stack = np.arange(2 * 3 * 4 * 5, dtype=">u2").reshape(2, 3, 4, 5)
    np.save(tmp_path / "a.npy", stack)
    planes = read_planes(tmp_path / "a.npy")
    assert len(planes) == 6
    assert planes[0].dtype.isnative
    np.testing.assert_array_equal(planes[4], stack[1, 1])
    colour = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    tifffile.imwrite(tmp_path / "b.tif", colour, photometric="rgb")
    np.testing.assert_array_equal(read_planes(tmp_path / "b.tif")[2], colour[..., 2])
    with pytest.raises(ValueError, match=r"expected .tif"):
        read_planes(tmp_path / "c.bmp")


def test_tiles_cover_the_plane_and_samples_are_spread() -> None:
    plane = np.arange(1080 * 70).reshape(1080, 70)
    cut = tiles(plane, 512)
    assert [tile.shape for tile in cut] == [(540, 70), (540, 70)]
    assert len(tiles(plane, 1024)) == 1
    np.testing.assert_array_equal(np.concatenate(cut), plane)
    assert spread(40, 5) == (0, 10, 20, 29, 39)
    assert spread(40, 1) == (20,)
    assert spread(2, 5) == (0, 1)
