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

from zarr_neural.archive import Options, convert, fidelity_from, verify
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write import regions
from zarr_neural.errors import ArchiveError, ConfigurationError

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
                                                         ("0.5", 5, 12), ("0.5", 5, 19)])  # fmt: skip
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

    Overviews are written with the last region that they cover.
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
    # what is done is read again where an overview lacks its part, and only there
    assert everything - finished <= len(regions_read) < everything
    assert bands > 1 or len(regions_read) == everything - finished
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


def test_a_changed_source_starts_afresh(write_ome: Writer, tmp_path: Path) -> None:
    """Old and new pixels never meet in one store: a source that was written anew is converted anew."""
    path, pixels = write_ome("ZYX", (6, 100, 100))
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "a.zarr", OPTIONS, stop_after(4))
    write_ome("ZYX", (6, 100, 100), pixels=pixels + np.uint16(100))
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert (report.status, report.resumed) == ("converted", False)
    found = zarr.open_array(tmp_path / "a.zarr" / "0", mode="r")[:].astype(int)
    assert np.abs(found - pixels - 100).max() <= 2


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
    """A target that exists stays as it is without overwrite: kept for the same request, refused for another.

    With overwrite it is replaced whole.
    """
    path, _ = write_ome("YX", (100, 100))
    convert([path], tmp_path / "a.zarr", OPTIONS)
    before = sorted(file.stat().st_mtime_ns for file in (tmp_path / "a.zarr").rglob("*"))
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert report.status == "kept"
    with pytest.raises(ConfigurationError, match="exists"):
        convert([path], tmp_path / "a.zarr", Options())
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


def test_a_source_that_breaks_halfway_leaves_no_store(tmp_path: Path) -> None:
    """A file whose pixels turn out damaged fails and leaves nothing that passes for a store."""
    path = tmp_path / "bad.tif"
    pixels = np.random.default_rng(0).integers(0, 999, (6, 100, 100), dtype=np.uint16)
    tifffile.imwrite(path, pixels, photometric="minisblack", compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[5].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 400] = bytes(400)
    path.write_bytes(content)
    (report,) = convert([path], tmp_path / "a.zarr", Options(labels=False))
    assert report.status == "failed"
    assert "bad.tif" in (report.error or "")
    assert sorted(os.listdir(tmp_path)) == ["a.zarr.partial", "bad.tif"]
    (broken,) = verify(tmp_path / "a.zarr.partial" / "..")
    assert not broken.sound


def test_what_was_done_outlives_a_passing_fault(
    write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regions_read: list[Any]
) -> None:
    """A read error near the end costs the region that it hit, not those that are finished."""
    path, _ = write_ome("ZYX", (6, 100, 100))
    options = Options(workers=1, labels=False)  # nothing is to be measured before
    read = SourceImage.read

    def flaky(self: SourceImage, region: Any) -> Any:
        if region[0].start == 5:
            raise ArchiveError("the network drive went away")
        return read(self, region)

    with monkeypatch.context() as patch:
        patch.setattr(SourceImage, "read", flaky)
        (report,) = convert([path], tmp_path / "a.zarr", options)
    assert report.status == "failed"
    regions_read.clear()
    (report,) = convert([path], tmp_path / "a.zarr", options)
    assert (report.status, report.resumed, len(regions_read)) == ("converted", True, 1)
    assert not (tmp_path / "a.zarr.partial").exists()


def test_a_failure_before_anything_is_done_leaves_nothing(write_ome: Writer, tmp_path: Path) -> None:
    """Where no region was finished there is nothing to go on from, and nothing stays."""
    path, _ = write_ome("YX", (100, 100), pixels=np.zeros((100, 100), "float32"))
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity=fidelity_from(noise=1.0)))
    assert report.status == "failed"
    assert os.listdir(tmp_path) == ["image.ome.tif"]


@pytest.mark.parametrize("name", ["thesis.txt", "store", "journal.jsonl"])
def test_a_foreign_partial_folder_is_left_alone(name: str, write_ome: Writer, tmp_path: Path) -> None:
    """A folder <target>.partial that we did not make is refused, not removed."""
    path, _ = write_ome("YX", (100, 100))
    mine = tmp_path / "a.zarr.partial" / name
    mine.parent.mkdir()
    mine.write_text("years of work\n")
    for overwrite in (False, True):
        options = Options(fidelity=OPTIONS.fidelity, overwrite=overwrite)
        (report,) = convert([path], tmp_path / "a.zarr", options)
        assert report.status == "failed"
        assert "something else" in (report.error or "")
    assert mine.read_text() == "years of work\n"
    assert [file.name for file in mine.parent.iterdir()] == [name]


def test_an_empty_partial_folder_is_used(write_ome: Writer, tmp_path: Path) -> None:
    """An empty folder <target>.partial holds nothing to lose."""
    path, _ = write_ome("YX", (100, 100))
    (tmp_path / "a.zarr.partial").mkdir()
    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
    assert report.status == "converted"
    assert not (tmp_path / "a.zarr.partial").exists()


@pytest.mark.parametrize("what", ["store", "file", "folder"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_appears_meanwhile_is_not_replaced(what: str, overwrite: bool, write_ome: Writer, tmp_path: Path) -> None:
    """The target is looked at again before the rename: only a store, and only with overwrite, gives way."""
    path, _ = write_ome("ZYX", (2, 100, 100))
    target = tmp_path / "a.zarr"

    def appear(name: str, done: int, total: int) -> None:
        if not target.exists():
            if what == "file":
                target.write_text("mine")
            else:
                target.mkdir()
                (target / ("zarr.json" if what == "store" else "thesis.txt")).write_text("mine")

    options = Options(fidelity=OPTIONS.fidelity, overwrite=overwrite)
    (report,) = convert([path], target, options, appear)
    if overwrite and what == "store":
        assert report.status == "converted"
        assert (target / "0").is_dir()
    else:
        assert report.status == "failed"
        left = target if target.is_file() else next(target.iterdir())
        assert left.read_text() == "mine"
        shutil.move(target, tmp_path / "elsewhere")
        (report,) = convert([path], target, options)
        assert (report.status, report.resumed) == ("converted", True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_crash_between_the_renames_loses_nothing(
    overwrite: bool, write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old store, moved away for a new one that never came, is put back by the next run."""
    path, _ = write_ome("YX", (100, 100))
    convert([path], tmp_path / "a.zarr", OPTIONS)
    convert([path], tmp_path / "b.zarr", OPTIONS)
    lossless = Options(fidelity=fidelity_from(lossless=True), overwrite=True)
    rename = Path.rename

    def crash(self: Path, target: Path) -> Any:
        if self.name == "store":
            raise StoppedError
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", crash)
        with pytest.raises(StoppedError):
            convert([path], tmp_path / "a.zarr", lossless)
    assert not (tmp_path / "a.zarr").exists()
    if overwrite:
        (report,) = convert([path], tmp_path / "a.zarr", lossless)
        assert (report.status, report.resumed, report.max_error) == ("converted", True, 0)
        assert not (tmp_path / "a.zarr.partial").exists()
    else:  # another plan, and no leave to replace
        (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
        assert report.status == "failed"
        assert same_trees(tmp_path / "a.zarr", tmp_path / "b.zarr")


def test_a_replaced_store_whose_place_is_taken_is_kept(write_ome: Writer, tmp_path: Path) -> None:
    """Where the old store cannot be put back it is not deleted either."""
    path, _ = write_ome("ZYX", (6, 100, 100))
    with pytest.raises(StoppedError):
        convert([path], tmp_path / "a.zarr", OPTIONS, stop_after(4))
    convert([path], tmp_path / "a.zarr.partial" / "replaced", OPTIONS)
    convert([path], tmp_path / "b.zarr", OPTIONS)
    shutil.copytree(tmp_path / "b.zarr", tmp_path / "a.zarr")
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity=OPTIONS.fidelity, overwrite=True))
    assert report.status == "failed"
    assert same_trees(tmp_path / "a.zarr.partial" / "replaced", tmp_path / "b.zarr")


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
    assert os.listdir(tmp_path) == ["image.ome.tif"]


def test_a_broken_noise_promise_stops_the_conversion(
    write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under noise= too, pixels beyond half a step of the camera's noise are never archived."""
    path, _ = write_ome("YX", (100, 100))
    bounds = regions.noise_bounds

    def tight(array: Any) -> Any:
        found = bounds(array)
        assert found is not None
        return np.zeros_like(found)

    monkeypatch.setattr(regions, "noise_bounds", tight)
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity_from(noise=1.0)))
    assert report.status == "failed"
    assert "half noise step" in (report.error or "")
    assert os.listdir(tmp_path) == ["image.ome.tif"]
