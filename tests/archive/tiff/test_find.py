"""What a folder gives: every TIFF once, and a list of what is passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import convert
from zarr_neural.archive.tiff.find import find_tiffs
from zarr_neural.errors import ArchiveError


def test_suffixes_of_microscopes_are_found_and_others_listed(tmp_path: Path) -> None:
    """TIFFs under the names that microscopes give them are found; images of other formats are listed, not lost."""
    tiffs = ["a.svs", "b.qptiff", "c.scn", "d.ndpi", "e.lsm", "f.stk", "g.ome.tif", "h.OME.TIFF", "i.tf8", "j.btf"]
    for name in (*tiffs, "k.nd2", "l.CZI", "m.lif", "n.txt", ".o.tif"):
        (tmp_path / name).touch()
    found = find_tiffs([tmp_path])
    assert [name.name for _, name in found.files] == tiffs
    assert [path.name for path in found.passed_over] == ["k.nd2", "l.CZI", "m.lif"]


def test_a_folder_that_links_to_itself_is_searched_once(tmp_path: Path) -> None:
    """A link that leads back up, or to a folder that was searched, gives no file a second time."""
    (tmp_path / "sub").mkdir()
    for name in ("a.tif", "sub/b.tif"):
        (tmp_path / name).touch()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "twice").symlink_to(tmp_path / "sub")
    assert [str(name) for _, name in find_tiffs([tmp_path]).files] == ["a.tif", "sub/b.tif"]


def test_missing_empty_and_foreign_folders_are_told_apart(tmp_path: Path) -> None:
    """The message says whether a folder does not exist, is empty, or holds images of other formats alone."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.czi").touch()
    for name, message in (
        ("missing", "no such file or folder"),
        ("missing/*.tif", "no TIFF matches"),
        ("empty", "the folder is empty"),
        ("other", r"an image of another format \(x\.czi\)"),
    ):
        with pytest.raises(ArchiveError, match=message):
            find_tiffs([tmp_path / name])


def test_every_file_of_a_folder_is_accounted_for(tmp_path: Path) -> None:
    """One report for every file: sound ones converted, an empty one and a dead link failed, the rest passed over."""
    source = tmp_path / "in"
    source.mkdir()
    tifffile.imwrite(source / "a.tif", np.arange(600, dtype="u2").reshape(20, 30))
    (source / "b.tif").touch()
    (source / "c.tif").symlink_to(tmp_path / "nothing.tif")
    (source / "d.nd2").write_bytes(b"x")
    reports = {Path(report.source).name: report for report in convert([source], tmp_path / "out")}
    assert {name: report.status for name, report in reports.items()} == {
        "a.tif": "converted",
        "b.tif": "failed",
        "c.tif": "failed",
        "d.nd2": "passed over",
    }
    assert "the file is empty" in (reports["b.tif"].error or "")
    assert "c.tif" in (reports["c.tif"].error or "")
