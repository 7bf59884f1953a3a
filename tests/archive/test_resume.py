"""Interruption, resuming, overwriting: what exists is complete, and what was done is not done again."""

import filecmp
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert, fidelity_from, regions
from zarr_neural.archive.source import SourceImage
from zarr_neural.errors import ConfigurationError

Writer = Callable[..., tuple[Path, np.ndarray]]
OPTIONS = Options(fidelity=fidelity_from(max_error=2), chunks=(64, 64), workers=2)


class StoppedError(Exception):
    """Raised by the progress callback, as Ctrl-C would be."""


def stop_after(calls: int) -> Callable[[str, int, int], None]:
    count = iter(range(calls))

    def callback(name: str, done: int, total: int) -> None:
        if next(count, None) is None:
            raise StoppedError

    return callback


def same_trees(a: Path, b: Path) -> bool:
    files = [sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()) for root in (a, b)]
    return files[0] == files[1] and all(filecmp.cmp(a / name, b / name, shallow=False) for name in files[0])


@pytest.fixture
def regions_read(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every region that is read from a source from now on."""
    read, seen = SourceImage.read, []

    def spy(self: SourceImage, region: Any) -> Any:
        seen.append(region)
        return read(self, region)

    monkeypatch.setattr(SourceImage, "read", spy)
    return seen


@pytest.mark.parametrize(("version", "bands", "calls"), [("0.5", 1, 1), ("0.4", 1, 3), ("0.5", 1, 4), ("0.4", 5, 7),
                                                         ("0.5", 5, 20), ("0.5", 5, 22), ("0.4", 5, 25)])  # fmt: skip
def test_an_interrupted_conversion_is_resumed(
    version: str,
    bands: int,
    calls: int,
    write_ome: Writer,
    tmp_path: Path,
    regions_read: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing looks complete after an interruption; the next run does the rest only; the bytes are the same.

    With one band a plane, overviews are written with their plane; with five, level after level.
    """
    monkeypatch.setattr("zarr_neural.archive.layout.REGION_NBYTES", 2**20 if bands == 1 else 64 * 256 * 2)
    path, _ = write_ome("ZYX", (4, 300, 200))
    options = Options(fidelity=OPTIONS.fidelity, chunks=(64, 64), workers=2, ome_version=version)
    convert([path], tmp_path / "whole.zarr", options)
    everything = len(regions_read)
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "cut.zarr", options, stop_after(calls))
    assert not (tmp_path / "cut.zarr").exists()
    journal = (tmp_path / "cut.zarr.partial" / "journal.jsonl").read_text().splitlines()
    finished = sum('"key":"0/' in line for line in journal)
    assert finished == min(calls, 4 * bands)
    regions_read.clear()
    (report,) = convert([path], tmp_path / "cut.zarr", options)
    assert report.status == "converted"
    assert report.resumed
    assert len(regions_read) == everything - finished
    assert same_trees(tmp_path / "whole.zarr", tmp_path / "cut.zarr")
    assert not (tmp_path / "cut.zarr.partial").exists()


def test_a_torn_journal_line_is_dropped(write_ome: Writer, tmp_path: Path) -> None:
    """A line that was being written when the power went is not believed, nor is what follows it."""
    path, _ = write_ome("ZYX", (6, 100, 100))
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "a.zarr", OPTIONS, stop_after(4))
    journal = tmp_path / "a.zarr.partial" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-7])
    convert([path], tmp_path / "whole.zarr", OPTIONS)
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert report.resumed
    assert same_trees(tmp_path / "whole.zarr", tmp_path / "a.zarr")


def test_a_journal_without_its_store_is_not_believed(write_ome: Writer, tmp_path: Path) -> None:
    """A run that ended between moving the store and removing the journal leaves nothing that counts as done."""
    path, pixels = write_ome("ZYX", (6, 100, 100))
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "a.zarr", OPTIONS, stop_after(4))
    shutil.rmtree(tmp_path / "a.zarr.partial" / "store")
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert (report.status, report.resumed) == ("converted", False)
    assert np.abs(zarr.open_array(tmp_path / "a.zarr" / "0", mode="r")[:].astype(int) - pixels).max() <= 2


def test_another_plan_starts_afresh(write_ome: Writer, tmp_path: Path) -> None:
    """What another fidelity left unfinished is thrown away."""
    path, _ = write_ome("ZYX", (6, 100, 100))
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "a.zarr", OPTIONS, stop_after(4))
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity=fidelity_from(lossless=True), chunks=(64, 64)))
    assert not report.resumed
    assert report.max_error == 0


def test_output_is_deterministic(write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread or many, whole planes or bands of them: the same bytes in every file."""
    path, _ = write_ome("CYX", (2, 300, 203))
    for name, workers in (("a", 1), ("b", 4), ("c", 2)):
        if name == "c":
            monkeypatch.setattr("zarr_neural.archive.layout.REGION_NBYTES", 64 * 128 * 2)
        convert([path], tmp_path / f"{name}.zarr", Options(chunks=(64, 64), workers=workers))
    assert same_trees(tmp_path / "a.zarr", tmp_path / "b.zarr")
    assert same_trees(tmp_path / "a.zarr", tmp_path / "c.zarr")


def test_an_existing_store_is_not_overwritten(write_ome: Writer, tmp_path: Path) -> None:
    """A target that exists stays as it is without overwrite, and is replaced whole with it."""
    path, _ = write_ome("YX", (100, 100))
    convert([path], tmp_path / "a.zarr", OPTIONS)
    before = sorted(file.stat().st_mtime_ns for file in (tmp_path / "a.zarr").rglob("*"))
    with pytest.raises(ConfigurationError, match="exists"):
        convert([path], tmp_path / "a.zarr", OPTIONS)
    assert sorted(file.stat().st_mtime_ns for file in (tmp_path / "a.zarr").rglob("*")) == before
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity=fidelity_from(lossless=True), overwrite=True))
    assert (report.status, report.max_error) == ("converted", 0)
    assert sorted(os.listdir(tmp_path)) == ["a.zarr", "image.ome.tif"]


def test_an_interrupted_overwrite_leaves_the_old_store(write_ome: Writer, tmp_path: Path) -> None:
    """Until the new store is complete the old one is there."""
    path, _ = write_ome("ZYX", (6, 100, 100))
    convert([path], tmp_path / "a.zarr", OPTIONS)
    convert([path], tmp_path / "b.zarr", OPTIONS)
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "a.zarr", Options(chunks=(64, 64), overwrite=True), stop_after(3))
    assert same_trees(tmp_path / "a.zarr", tmp_path / "b.zarr")


def test_a_source_that_breaks_halfway_leaves_nothing(tmp_path: Path) -> None:
    """A file whose pixels turn out damaged fails, and leaves neither a store nor a part of one."""
    path = tmp_path / "bad.tif"
    pixels = np.random.default_rng(0).integers(0, 999, (6, 100, 100), dtype=np.uint16)
    tifffile.imwrite(path, pixels, photometric="minisblack", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[4].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 400] = bytes(400)
    path.write_bytes(content)
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert report.status == "failed"
    assert "bad.tif" in (report.error or "")
    assert os.listdir(tmp_path) == ["bad.tif"]


def test_a_broken_promise_stops_the_conversion(
    write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads back is compared with the source: an error beyond the bound is never archived."""
    path, _ = write_ome("YX", (100, 100))
    tally = regions.tally

    def lying(*arguments: Any) -> Any:
        return [entry | {"max": 3} for entry in tally(*arguments)]

    monkeypatch.setattr(regions, "tally", lying)
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert report.status == "failed"
    assert "promised" in (report.error or "")
    assert not (tmp_path / "a.zarr").exists()
