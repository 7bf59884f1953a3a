"""Where stores go: URLs are refused, a slash means a folder, and names that cannot be are told."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from zarr_neural.archive import Options, convert
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.errors import ArchiveError, ConfigurationError

Writer = Callable[..., tuple[Path, np.ndarray]]
URLS = [
    "s3://bucket/a.zarr",
    "gs://b/c",
    "https://example.org/a.zarr",
    "file:///tmp/a.zarr",
    "s3:/bucket/a.zarr",
]


@pytest.mark.parametrize("url", URLS)
def test_urls_are_refused(url: str, write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address is no folder of that name, neither as a target nor as a source, as text and as a path."""
    path, _ = write_ome("YX", (20, 20))
    monkeypatch.chdir(tmp_path)
    for sources, target in (([path], url), ([path], Path(url)), ([url], "a.zarr")):
        with pytest.raises(ConfigurationError, match="addresses are not supported"):
            convert(sources, target)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["a:b", "C:", "12:30 run", "a::b"])
def test_colons_are_no_addresses(name: str, write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a colon is a name."""
    path, _ = write_ome("YX", (20, 20))
    monkeypatch.chdir(tmp_path)
    (report,) = convert([path], f"{name}.zarr")
    assert report.status == "converted"
    assert (tmp_path / f"{name}.zarr" / "0").is_dir()


@pytest.mark.parametrize("name", ["out/", "new/out/", "out.zarr/"])
def test_a_slash_at_the_end_means_a_folder(name: str, write_ome: Writer, tmp_path: Path) -> None:
    """One image given to a folder that is not there yet becomes a store in it."""
    path, pixels = write_ome("YX", (20, 30))
    (report,) = convert([path], f"{tmp_path}/{name}")
    assert Path(report.target) == tmp_path / name / "image.ome.zarr"
    assert np.array_equal(zarr.open_array(tmp_path / name / "image.ome.zarr" / "0", mode="r")[:], pixels)


def test_a_slash_after_a_store_or_a_file_is_refused(write_ome: Writer, tmp_path: Path) -> None:
    """What is no folder is not one by a slash: nothing is put into a store, no file is read."""
    path, _ = write_ome("YX", (20, 30))
    convert([path], tmp_path / "a.zarr")
    for overwrite in (False, True):
        with pytest.raises(ConfigurationError, match="leave out the slash"):
            convert([path], f"{tmp_path}/a.zarr/", Options(overwrite=overwrite))
    with pytest.raises(ConfigurationError, match="this is a file"):
        convert([f"{path}/"], tmp_path / "b.zarr")


def test_a_forgotten_target_is_told(write_ome: Writer, tmp_path: Path) -> None:
    """`convert *.tif` takes the last file for the target: it is refused, with the likely reason."""
    path, _ = write_ome("YX", (20, 30))
    last = tmp_path / "z.tif"
    last.write_bytes(path.read_bytes())
    for overwrite in (False, True):
        with pytest.raises(ConfigurationError, match="was it left out"):
            convert([path], last, Options(overwrite=overwrite))
    assert last.read_bytes() == path.read_bytes()


def test_what_is_missing_and_what_is_empty_are_told_apart(tmp_path: Path) -> None:
    """A folder that is not there, one that is empty and one without TIFFs have messages of their own."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("x")
    for name, what in (("gone/", "no such file or folder"), ("empty/", "is empty"), ("texts", "no TIFF in the folder")):
        with pytest.raises(ArchiveError, match=what):
            convert([f"{tmp_path}/{name}"], tmp_path / "out")


def test_names_that_cannot_be_are_told(write_ome: Writer, tmp_path: Path) -> None:
    """A name that is too long with the suffix of a store, or is not UTF-8, fails alone and says what to do."""
    path, _ = write_ome("YX", (20, 30))
    folder = tmp_path / "in"
    folder.mkdir()
    names = [b"good.tif", b"l" * 246 + b".tif", b"\xff\xfe.tif", "µ.tif".encode()]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(path.read_bytes())
    reports = {os.fsencode(Path(report.source).name): report for report in convert([folder], tmp_path / "out")}
    assert [reports[name].status for name in names] == ["converted", "failed", "failed", "converted"]
    assert "too long: 263 bytes" in (reports[names[1]].error or "")
    assert "not valid UTF-8" in (reports[names[2]].error or "")
    assert sorted(os.listdir(tmp_path / "out")) == ["good.ome.zarr", "µ.ome.zarr"]
    (report,) = convert([folder / os.fsdecode(names[1])], tmp_path / "short.zarr")
    assert report.status == "converted"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk of .*out is full"),
        (RecursionError("too deep"), "unexpected RecursionError: too deep; please report"),
        (KeyError("x"), "unexpected KeyError"),
    ],
)
def test_one_bad_file_stops_no_batch(
    error: Exception, what: str, write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk names its folder; an error that nobody thought of costs its own file only."""
    path, _ = write_ome("YX", (20, 30))
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.tif").write_bytes(path.read_bytes())
    read = SourceImage.read

    def bad(self: SourceImage, region: Any) -> Any:
        if self.path.name == "b.tif":
            raise error
        return read(self, region)

    monkeypatch.setattr(SourceImage, "read", bad)
    reports = convert([folder], tmp_path / "out")
    assert [report.status for report in reports] == ["converted", "failed", "converted"]
    assert re.search(what, reports[1].error or "")
