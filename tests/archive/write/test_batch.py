"""Many files: where they go, what is kept, what fails."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.archive.stores import find_stores
from zarr_neural.errors import ArchiveError, ConfigurationError

OPTIONS = Options(fidelity=fidelity_from(lossless=True))


def write(path: Path, value: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.full((20, 30), value, "uint8"))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three readable files, one of them in a subfolder, and one that is no TIFF."""
    write(tmp_path / "in" / "a.tif", 1)
    write(tmp_path / "in" / "day 1" / "b.ome.tiff", 2)
    write(tmp_path / "in" / "c.TIF", 3)
    (tmp_path / "in" / "broken.tif").write_bytes(b"not a TIFF at all")
    return tmp_path / "in"


def test_a_folder_becomes_a_folder_and_bad_files_are_passed(folder: Path, tmp_path: Path) -> None:
    """The tree is repeated, the unreadable file is reported, the rest is converted."""
    reports = convert([folder], tmp_path / "out", OPTIONS)
    status = {Path(report.source).name: report.status for report in reports}
    assert status == {"a.tif": "converted", "b.ome.tiff": "converted", "c.TIF": "converted", "broken.tif": "failed"}
    stores, unfinished = find_stores(tmp_path / "out")
    assert [str(s.relative_to(tmp_path / "out")) for s in stores] == ["a.ome.zarr", "c.ome.zarr", "day 1/b.ome.zarr"]
    assert unfinished == []
    array = zarr.open_array(tmp_path / "out" / "day 1" / "b.ome.zarr" / "0", mode="r")
    assert np.asarray(array[0, 0]) == 2


def test_a_second_run_keeps_what_is_there(folder: Path, tmp_path: Path) -> None:
    """Finished stores of the same source and options are kept; other options make them a failure, never a loss."""
    convert([folder], tmp_path / "out", OPTIONS)
    again = convert([folder], tmp_path / "out", OPTIONS)
    assert sorted(report.status for report in again) == ["failed", "kept", "kept", "kept"]
    other = convert([folder], tmp_path / "out", Options(fidelity=fidelity_from(max_error=3)))
    assert {report.status for report in other} == {"failed"}
    assert sum("already exists, made with asked" in (report.error or "") for report in other) == 3
    write(folder / "a.tif", 9)
    changed = {Path(r.source).name: r.status for r in convert([folder], tmp_path / "out", OPTIONS)}
    assert changed == {"a.tif": "failed", "b.ome.tiff": "kept", "c.TIF": "kept", "broken.tif": "failed"}


def test_several_images_in_a_file_become_several_stores(tmp_path: Path) -> None:
    """Each series has a store of its own, numbered; one store for them is wrong use."""
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        tiff.write(np.zeros((20, 30), "uint8"), photometric="minisblack")
        tiff.write(np.ones((25, 35), "uint16"), photometric="minisblack")
    convert([tmp_path / "two.tif"], tmp_path / "out", OPTIONS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["two-0.ome.zarr", "two-1.ome.zarr"]
    with pytest.raises(ConfigurationError, match="2 images"):
        convert([tmp_path / "two.tif"], tmp_path / "out.zarr", OPTIONS)


def test_one_file_into_an_existing_folder(tmp_path: Path) -> None:
    """As with cp: an existing folder takes the store under the name of the file."""
    (tmp_path / "out").mkdir()
    convert([write(tmp_path / "a.ome.tif")], tmp_path / "out", OPTIONS)
    assert (tmp_path / "out" / "a.ome.zarr" / "zarr.json").is_file()


def test_names_that_collide_stay_apart(tmp_path: Path) -> None:
    """Files of the same name from different folders, or with different endings, get different stores."""
    files = [write(tmp_path / "x" / "a.tif"), write(tmp_path / "y" / "a.tif"), write(tmp_path / "y" / "a.tiff")]
    reports = convert(files, tmp_path / "out", OPTIONS)
    assert {report.status for report in reports} == {"converted"}
    assert len({report.target for report in reports}) == 3


def test_a_long_name_meets_no_short_one(tmp_path: Path) -> None:
    """A name that keeps its ending, for want of another, is not the short name of a third file; twice is once."""
    files = [write(tmp_path / "in" / name) for name in ("a.tif", "a.tiff", "a.tif.tif", "b.tif")]
    reports = convert([*files, tmp_path / "in" / ".." / "in" / "a.tif"], tmp_path / "out", OPTIONS)
    assert [report.status for report in reports] == ["converted"] * 4
    names = [Path(report.target).name for report in reports]
    assert names == ["a.tif.ome.zarr", "a.tiff.ome.zarr", "a.tif.tif.ome.zarr", "b.ome.zarr"]


def test_a_multi_file_image_is_converted_once(tmp_path: Path) -> None:
    """The files of one OME-TIFF set give one image, not one for each file."""
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{i}" for i in range(2)]
    parts = "".join(
        f'<TiffData FirstZ="{i}" IFD="0" PlaneCount="1"><UUID FileName="z{i}.ome.tif">{uuid}</UUID></TiffData>'
        for i, uuid in enumerate(uuids)
    )
    for i, uuid in enumerate(uuids):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">'
            '<Image ID="Image:0" Name="set"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="30" '
            f'SizeY="20" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{parts}'
            "</Pixels></Image></OME>"
        )
        (tmp_path / "in").mkdir(exist_ok=True)
        file = tmp_path / "in" / f"z{i}.ome.tif"
        tifffile.imwrite(file, np.full((20, 30), i, "uint8"), description=xml, metadata=None)
    (report,) = convert([tmp_path / "in"], tmp_path / "out", OPTIONS)
    assert (report.axes, report.shape) == ("zyx", (2, 20, 30))
    pixels = np.asarray(zarr.open_array(f"{report.target}/0", mode="r")[:])
    assert pixels.mean(axis=(1, 2)).tolist() == [0, 1]
    # a changed time of any of the files makes no other source of it, changed pixels do
    os.utime(tmp_path / "in" / "z1.ome.tif", ns=(1, 1))
    (report,) = convert([tmp_path / "in"], tmp_path / "out", OPTIONS)
    assert report.status == "kept"
    tifffile.imwrite(file, np.full((20, 30), 9, "uint8"), description=xml, metadata=None)
    (report,) = convert([tmp_path / "in"], tmp_path / "out", OPTIONS)
    assert report.status == "failed"
    (tmp_path / "in" / "z1.ome.tif").unlink()
    (report,) = convert([tmp_path / "in" / "z0.ome.tif"], tmp_path / "cut.zarr", OPTIONS)
    assert report.status == "failed"


def test_wrong_use_is_told(folder: Path, tmp_path: Path) -> None:
    """Several files for one store, an existing store as a folder, and sources that match nothing."""
    with pytest.raises(ConfigurationError, match="folder"):
        convert([folder], tmp_path / "out.zarr", OPTIONS)
    convert([folder / "a.tif"], tmp_path / "single", OPTIONS)
    with pytest.raises(ConfigurationError, match="is a Zarr store"):
        convert([folder], tmp_path / "single", OPTIONS)
    with pytest.raises(ArchiveError, match="no TIFF"):
        convert([tmp_path / "nothing*.tif"], tmp_path / "out", OPTIONS)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its content, every folder without."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("sources", "target"),
    [
        (["in/a.tif"], "in/a.tif"),
        (["in/a.tif"], "in/c.TIF"),
        (["in/a.tif"], "in/../in/a.tif"),
        (["in/a.tif", "in/c.TIF"], "in/day 1/b.ome.tiff"),
        (["in"], "in"),
        (["in"], "in/out"),
        (["in"], "in/a.tif"),
        (["in/inner.zarr/d.tif"], "in/inner.zarr"),
    ],
)
def test_a_target_never_harms_a_source(
    sources: list[str], target: str, overwrite: bool, folder: Path, tmp_path: Path
) -> None:
    """A target that is a TIFF, is a source, holds one or lies in one is wrong use; nothing is touched."""
    write(folder / "inner.zarr" / "d.tif")
    (folder / "inner.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    before = snapshot(tmp_path)
    options = Options(fidelity=OPTIONS.fidelity, overwrite=overwrite)
    with pytest.raises(ConfigurationError):
        convert([tmp_path / source for source in sources], tmp_path / target, options)
    assert snapshot(tmp_path) == before


def test_only_stores_are_replaced(folder: Path, tmp_path: Path) -> None:
    """In a folder of stores each store is replaced by itself; a file or folder in the place of one stays."""
    (tmp_path / "out" / "c.ome.zarr").mkdir(parents=True)
    (tmp_path / "out" / "c.ome.zarr" / "thesis.txt").write_text("years of work")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    options = Options(fidelity=OPTIONS.fidelity, overwrite=True)
    for _ in range(2):
        status = {Path(r.source).name: r.status for r in convert([folder], tmp_path / "out", options)}
        assert status == {"a.tif": "converted", "b.ome.tiff": "converted", "c.TIF": "failed", "broken.tif": "failed"}
    assert (tmp_path / "out" / "c.ome.zarr" / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_wrong_options_for_one_of_several(tmp_path: Path) -> None:
    """Options that do not suit one file fail it and convert the rest; if they suit none, they are wrong use."""
    write(tmp_path / "in" / "a.tif")
    tifffile.imwrite(tmp_path / "in" / "f.tif", np.zeros((20, 30), "float32"))
    reports = convert([tmp_path / "in"], tmp_path / "out", Options(labels=True))
    assert [report.status for report in reports] == ["converted", "failed"]
    for options in (Options(labels=True), Options(axes="TZYX"), Options(chunks=(1, 1, 1, 8, 8))):
        with pytest.raises(ConfigurationError):
            convert([tmp_path / "in" / "f.tif"], tmp_path / "one.zarr", options)
    with pytest.raises(ConfigurationError):
        convert([tmp_path / "in"], tmp_path / "none", Options(axes="TZYX"))
    assert not (tmp_path / "one.zarr.partial").exists()


def test_a_changed_middle_is_another_source(tmp_path: Path) -> None:
    """A source whose bytes changed anywhere is never reported as kept, even if its size stays."""
    path = tmp_path / "in" / "a.tif"
    path.parent.mkdir()
    pixels = np.zeros((3, 1024, 1024), "uint8")
    tifffile.imwrite(path, pixels, photometric="minisblack")
    assert [report.status for report in convert([path.parent], tmp_path / "out", OPTIONS)] == ["converted"]
    assert [report.status for report in convert([path.parent], tmp_path / "out", OPTIONS)] == ["kept"]
    pixels[1, 512, 512] = 9
    tifffile.imwrite(path, pixels, photometric="minisblack")
    (report,) = convert([path.parent], tmp_path / "out", OPTIONS)
    assert report.status == "failed"
    assert "made from different content of its source" in (report.error or "")


def test_progress_is_that_of_the_whole_batch(folder: Path, tmp_path: Path) -> None:
    """The callback hears of every image, and the bytes of all files together grow from nothing to all of them."""
    heard: list[tuple[str, int, int]] = []
    convert([folder], tmp_path / "out", OPTIONS, lambda *step: heard.append(step))
    assert len({name for name, _, _ in heard}) == 3
    done = [step[1] for step in heard]
    assert done == sorted(done)
    assert done[0] == 0
    assert {total for _, _, total in heard} == {sum(path.stat().st_size for path in folder.rglob("*.[tT][iI][fF]*"))}
    assert done[-1] == heard[-1][2]
