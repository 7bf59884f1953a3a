"""What a store says of itself is held against what it is, and the errors that were recorded come out again."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert, export, fidelity_from, inspect_path, verify
from zarr_neural.archive.check import compare
from zarr_neural.archive.check.measure import ChannelError, combine, tally, with_levels
from zarr_neural.archive.check.recorded import same_rmse
from zarr_neural.archive.provenance import channel_records
from zarr_neural.errors import ArchiveError

Writer = Callable[..., tuple[Path, np.ndarray]]
STORES: list[dict[str, Any]] = [{"ome_version": "0.5"}, {"ome_version": "0.4"}, {"shards": (128, 128)}]


def made(path: Path, target: Path, **options: Any) -> Path:
    (report,) = convert([path], target, Options(**{"chunks": (64, 64), "workers": 2} | options))
    assert report.status == "converted", report.error
    return target


def test_every_error_is_found_again_to_the_digit_that_was_recorded() -> None:
    """An rmse is the recorded one, whatever its size; one unit more in the last digit that was recorded is another."""
    rng = np.random.default_rng(3)
    sweep = np.concatenate([rng.uniform(0.1, 0.15, 2000), 10 ** rng.uniform(-9, 30, 2000), [1e-3, 0.1, 1.0, 10.0]])
    for rmse in map(float, sweep):
        recorded = channel_records(["a"], [ChannelError(0, 1, rmse, None)])[0]["rmse"]
        assert same_rmse(recorded, rmse)
        assert same_rmse(recorded, float(np.nextafter(rmse, np.inf))), rmse
        unit = 1e-6 if rmse >= 1 else 10 ** (np.floor(np.log10(rmse)) - 5)
        assert not same_rmse(recorded, rmse + max(2 * unit, 1e-9 * rmse))
        assert not same_rmse(recorded, rmse - max(2 * unit, 1e-9 * rmse))
    assert not same_rmse(0.0, 1e-9)
    assert not same_rmse(1.0, float("nan"))


@pytest.mark.parametrize("store", STORES, ids=str)
@pytest.mark.parametrize("asked", [{"noise": 1.0}, {"max_error": 3}, {"rmse": 2.0}, {"psnr": 35.0}, {}], ids=str)
def test_no_false_alarms(store: dict[str, Any], asked: dict[str, Any], write_ome: Writer, tmp_path: Path) -> None:
    """What was just converted is sound against its source, whatever was asked and however it is cut."""
    path, _ = write_ome("CYX", (2, 331, 277))
    (report,) = verify(made(path, tmp_path / "a.zarr", fidelity=fidelity_from(**asked), **store), path)
    assert report.damaged == ()
    assert report.status == "sound"


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e12, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shards", [False, (128, 128)])
def test_no_false_alarms_for_floats_of_any_size(dtype: str, scale: float, shards: Any, tmp_path: Path) -> None:
    """Sums of floats that were added in another order are the same error."""
    pixels = (np.random.default_rng(1).normal(100, 10, (300, 250)) * scale).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    options = {"fidelity": fidelity_from(max_error=scale), "shards": shards}
    (report,) = verify(made(tmp_path / "a.tif", tmp_path / "a.zarr", **options), tmp_path / "a.tif")
    assert report.damaged == ()
    assert report.measured[0]["max_error"] > 0


def edited(file: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(file.read_text())
    edit(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@pytest.mark.parametrize("bit", range(9))
def test_one_flipped_bit_of_a_shape_is_found(version: str, bit: int, write_ome: Writer, tmp_path: Path) -> None:
    """Without the source: the shape of every array is the one that was recorded when it was made."""
    path, _ = write_ome("YX", (300, 280))
    store = made(path, tmp_path / "a.zarr", ome_version=version)
    name = "zarr.json" if version == "0.5" else ".zarray"

    def flip(content: dict[str, Any]) -> None:
        content["shape"][1] ^= 1 << bit

    edited(store / "0" / name, flip)
    (report,) = verify(store)
    assert report.status == "damaged"
    assert "0" in {damage.array for damage in report.damaged}


def _halve_pixel(content: dict[str, Any]) -> None:
    content["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"][-1] /= 2


def _move(content: dict[str, Any]) -> None:
    shift = content["ome"]["multiscales"][0]["datasets"][1]["coordinateTransformations"][1]["translation"]
    shift[-1] = -shift[-1]


@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_an_array_of_another_shape_than_was_recorded_is_not_searched(
    version: str, write_ome: Writer, tmp_path: Path
) -> None:
    """A shape of trillions of pixels ends in one sentence, not in a search for chunks that never were."""
    path, _ = write_ome("YX", (200, 150))
    store = made(path, tmp_path / "a.zarr", ome_version=version)
    file = store / "0" / ("zarr.json" if version == "0.5" else ".zarray")
    content = json.loads(file.read_text())
    content["shape"][0] = 2**42
    file.write_text(json.dumps(content))
    for source in (None, path):
        (report,) = verify(store, source)
        assert len(report.damaged) == 1
        assert "[4398046511104, 150]" in report.damaged[0].what


def test_every_file_is_read_once_for_its_digest_and_pixels(
    write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checksum of a chunk or shard is taken when its pixels are decoded, once; no second pass over the store."""
    path, _ = write_ome("YX", (300, 290))
    store = made(path, tmp_path / "a.zarr", shards=(128, 128))
    events: list[str] = []
    mark, decode = compare.file_mark, zarr.Array.__getitem__

    def marked(file: Path) -> list[int]:
        events.append("mark")
        return mark(file)

    def decoded(array: Any, selection: Any) -> Any:
        events.append("decode")
        return decode(array, selection)

    monkeypatch.setattr(compare, "file_mark", marked)
    monkeypatch.setattr(zarr.Array, "__getitem__", decoded)
    for source in (None, path):
        events.clear()
        (report,) = verify(store, source)
        assert report.status == "sound"
        assert events.count("mark") == 9 + 4
        assert "decode" in events[: events.count("mark")]


@pytest.mark.parametrize("edit", [_halve_pixel, _move])
def test_an_edited_scale_is_found(edit: Callable[[dict[str, Any]], None], write_ome: Writer, tmp_path: Path) -> None:
    """Pixel sizes and places of the levels are those that were recorded."""
    path, _ = write_ome("YX", (300, 280))
    store = made(path, tmp_path / "a.zarr")
    edited(store / "zarr.json", lambda content: edit(content["attributes"]))
    (report,) = verify(store)
    assert [("transforms" in damage.what) for damage in report.damaged] == [True]


def chunk_files(folder: Path) -> list[Path]:
    names = {"zarr.json", ".zarray", ".zattrs", ".zgroup"}
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.name not in names)


@pytest.mark.parametrize("store", STORES, ids=str)
@pytest.mark.parametrize("number", [0, 1])
def test_two_exchanged_chunk_files_are_found(
    number: int, store: dict[str, Any], write_ome: Writer, tmp_path: Path
) -> None:
    """Without the source: every file lies where it was written, in every level."""
    path, _ = write_ome("YX", (512, 512))
    target = made(path, tmp_path / "a.zarr", **store)
    one, other = chunk_files(target / str(number))[:2]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    (report,) = verify(target)
    assert {damage.array for damage in report.damaged} == {str(number)}


def test_a_store_without_our_checksums_is_not_called_sound(tmp_path: Path) -> None:
    """That the chunks of another codec can be read proves little, and is called what it is."""
    zarr.create_array(tmp_path / "a.zarr", shape=(64, 64), chunks=(32, 32), dtype="u2")[:] = 7
    (report,) = verify(tmp_path / "a.zarr")
    assert (report.status, report.sound, report.damaged) == ("readable, no checksums", False, ())


def test_a_missing_source_does_not_stop_the_others(write_ome: Writer, tmp_path: Path) -> None:
    """The stores of a folder whose TIFF is gone are named, all others are compared."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        write_ome("YX", (80, 90), name=f"in/{name}.ome.tif")
    convert([tmp_path / "in"], tmp_path / "out", Options(workers=2))
    (tmp_path / "in" / "b.ome.tif").unlink()
    reports = verify(tmp_path / "out", tmp_path / "in")
    assert [len(report.damaged) for report in reports] == [0, 1, 0]
    assert "b.ome.tif" in reports[1].damaged[0].what
    assert [bool(report.measured) for report in reports] == [True, False, True]


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(attributes: dict[str, Any]) -> None:
        place: Any = attributes
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    edit.__name__ = "-".join(map(str, (*path, value)))
    return edit


def _remove_path(attributes: dict[str, Any]) -> None:
    del attributes["ome"]["multiscales"][0]["datasets"][0]["path"]


EDITS = [
    _set("ome", value="x"),
    _set("ome", value=None),
    _set("ome", "multiscales", value="x"),
    _set("ome", "multiscales", value=[3]),
    _set("ome", "multiscales", 0, "datasets", value=None),
    _set("ome", "multiscales", 0, "datasets", 0, value="0"),
    _set("zarr_neural", value="x"),
    _set("zarr_neural", value=[1]),
    _set("zarr_neural", "levels", value="x"),
    _set("zarr_neural", "levels", value=["x", 3]),
    _set("zarr_neural", "levels", 0, value={}),
    _set("zarr_neural", "source", value="x"),
    _set("zarr_neural", "source", value={"name": ["x"]}),
    _set("zarr_neural", "source", value={"name": "../../in/a.ome.tif"}),
    _set("zarr_neural", "source", "series", value="x"),
    _set("zarr_neural", "source", "series", value=-7),
    _set("zarr_neural", "axes_option", value=[3]),
    _set("zarr_neural", "measured", value="x"),
    _set("zarr_neural", "measured", value=[{}]),
    _set("zarr_neural", "levels", 0, "measured", value=[{"rmse": "x"}]),
    _set("zarr_neural", "levels", 0, "parameters", value=4),
    _set("zarr_neural", "levels", 0, "parameters", value={"max_error": "x"}),
    _set("zarr_neural", "targets", value=[{"rmse": "x"}]),
    _set("zarr_neural", "targets", value=5),
    _remove_path,
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_edited_attributes_end_in_a_line_for_that_store(edit: Any, tmp_path: Path, edited_folder: Path) -> None:
    """Whatever stands in the attributes of one store, nothing is raised and the rest of the folder is verified."""
    edited(edited_folder / "out/b.ome.zarr/zarr.json", lambda content: edit(content["attributes"]))
    for source in (None, edited_folder / "in"):
        reports = verify(edited_folder / "out", source)
        assert [report.status for report in reports][::2] == ["sound", "sound"]
        assert not any("Traceback" in damage.what or "\n" in damage.what for damage in reports[1].damaged)
        if edit.__name__.split("-")[0] == "ome" or edit in (EDITS[6], EDITS[7], EDITS[8], EDITS[9], _remove_path):
            assert reports[1].status == "damaged"


@pytest.fixture(scope="module")
def folder_of_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small TIFFs and their stores."""
    folder = tmp_path_factory.mktemp("stores")
    (folder / "in").mkdir()
    for number, name in enumerate("abc"):
        pixels = np.random.default_rng(number).poisson(90, (80, 90)).astype("uint16")
        tifffile.imwrite(folder / "in" / f"{name}.ome.tif", pixels, ome=True, metadata={"axes": "YX"})
    options = Options(fidelity_from(rmse=2.0), chunks=(64, 64), workers=2)
    assert all(report.status == "converted" for report in convert([folder / "in"], folder / "out", options))
    return folder


@pytest.fixture
def edited_folder(folder_of_stores: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may damage."""
    shutil.copytree(folder_of_stores, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_folder_that_links_to_itself_is_verified_once(edited_folder: Path) -> None:
    """Links to folders above, and second names of a store, do not multiply the work, nor end it."""
    os.symlink(edited_folder / "out", edited_folder / "out" / "again")
    os.symlink("..", edited_folder / "out" / "up")
    os.symlink("nowhere", edited_folder / "out" / "broken")
    reports = verify(edited_folder / "out")
    assert sorted(Path(report.store).name for report in reports) == ["a.ome.zarr", "b.ome.zarr", "c.ome.zarr"]


def test_what_was_added_to_a_store_is_read_and_not_compared(write_ome: Writer, tmp_path: Path) -> None:
    """Labels that somebody drew and saved in the store are no overviews of the source."""
    path, _ = write_ome("YX", (300, 280))
    store = made(path, tmp_path / "a.zarr")
    group = zarr.open_group(store, mode="r+").create_group("labels").create_group("cells")
    group.create_array("0", shape=(300, 280), chunks=(100, 100), dtype="u4")[:] = 3
    for source in (None, path):
        (report,) = verify(store, source)
        assert report.damaged == ()
        assert report.status == "sound"


@pytest.mark.parametrize("asked", [{}, {"max_error": 2}], ids=str)
def test_more_than_ten_levels_are_compared_in_their_order(
    asked: dict[str, Any], write_ome: Writer, tmp_path: Path
) -> None:
    """Level 10 follows level 9, not level 1."""
    path, _ = write_ome("YX", (40, 2050))
    store = made(path, tmp_path / "a.zarr", levels=12, fidelity=fidelity_from(**asked), chunks=(40, 256))
    assert len(list(zarr.open_group(store, mode="r").array_keys())) == 12
    (report,) = verify(store, path)
    assert report.damaged == ()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float64"])
def test_extremes_are_measured_exactly(dtype: str) -> None:
    """The largest possible errors overflow nowhere: not their squares, not the sums of these, not the range."""
    info: Any = np.finfo(dtype) if dtype.startswith("f") else np.iinfo(dtype)
    source, decoded = np.full((2048, 1024), info.min, dtype), np.full((2048, 1024), info.max, dtype)
    source[:, ::2], decoded[:, ::2] = info.max, info.min
    parts = with_levels(tally(source, decoded, None, 0), source, None, 0)
    (error,) = combine(parts + parts)
    if dtype == "float64":
        assert error.max_error == np.inf
        assert not error.rmse < np.inf
    else:
        assert error.max_error == pytest.approx(int(info.max) - int(info.min), rel=1e-9)
        assert error.rmse == pytest.approx(error.max_error, rel=1e-9)
        assert error.psnr_db == pytest.approx(0.0, abs=1e-3)
    json.dumps(parts)


def test_a_wide_range_of_floats_has_a_psnr() -> None:
    """Ranges whose square is beyond all floats are told in decibels all the same."""
    source = np.linspace(-1e160, 1e160, 4096).reshape(64, 64)
    (error,) = combine(with_levels(tally(source, source + 1e150, None, 0), source, None, 0))
    assert error.psnr_db == pytest.approx(20 * np.log10(2e10), abs=0.1)


@pytest.mark.parametrize(("version", "name"), [("0.4", "a.ome.zarr"), ("0.5", "a.ome.zarr"), ("0.4", "a.zarr")])
def test_a_store_that_lost_its_attributes_is_not_sound(version: str, name: str, tmp_path: Path) -> None:
    """Chunks with sound checksums are no image: what was an OME-Zarr image is damaged."""
    tifffile.imwrite(tmp_path / "a.tif", np.arange(400, dtype="u2").reshape(20, 20), photometric="minisblack")
    convert([tmp_path / "a.tif"], tmp_path / name, Options(ome_version=version))
    if version == "0.4":
        (tmp_path / name / ".zattrs").write_text("null")
    else:
        file = tmp_path / name / "zarr.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"attributes": {}}))
    (report,) = verify(tmp_path / name)
    assert report.status == "damaged"


@pytest.mark.parametrize("ome", [7, "text", ["list"], None])
def test_inspect_names_attributes_that_are_no_object(ome: Any, tmp_path: Path) -> None:
    """A group whose attribute "ome" was edited ends in our error."""
    zarr.create_group(tmp_path / "a.zarr", attributes={"ome": ome})
    with pytest.raises(ArchiveError, match="'ome' is a"):
        inspect_path(tmp_path / "a.zarr")


@pytest.mark.parametrize("path", ["../../x", "", 7, None])
def test_export_names_paths_that_lead_nowhere(path: Any, tmp_path: Path) -> None:
    """A dataset whose path was edited ends in our error, and no file appears."""
    tifffile.imwrite(tmp_path / "a.tif", np.arange(400, dtype="u2").reshape(20, 20), photometric="minisblack")
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr")
    file = tmp_path / "a.zarr" / "zarr.json"
    content = json.loads(file.read_text())
    content["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = path
    file.write_text(json.dumps(content))
    with pytest.raises(ArchiveError):
        export(tmp_path / "a.zarr", tmp_path / "b.tif")
    assert sorted(os.listdir(tmp_path)) == ["a.tif", "a.zarr"]
