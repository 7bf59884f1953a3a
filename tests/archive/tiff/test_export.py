"""Back to OME-TIFF: pixels, axes, names, sizes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert, export, fidelity_from, inspect_path, measure_noise
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ArchiveError, ConfigurationError, DamagedChunkError

Writer = Callable[..., tuple[Path, np.ndarray]]
LOSSLESS = fidelity_from(lossless=True)


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@pytest.mark.parametrize(
    ("axes", "shape", "chunks"),
    [
        ("TCZYX", (2, 3, 4, 60, 70), None),
        ("TCZYX", (2, 3, 4, 60, 70), (2, 3, 3, 32, 32)),
        ("CYX", (3, 60, 70), None),
        ("TYX", (4, 60, 70), (2, 60, 70)),
        ("YX", (60, 70), (32, 32)),
    ],
)
def test_round_trip(
    version: str, axes: str, shape: tuple[int, ...], chunks: Any, write_ome: Writer, tmp_path: Path
) -> None:
    """TIFF to store to TIFF keeps pixels, axes, channel names, pixel sizes and the time increment."""
    path, pixels = write_ome(axes, shape)
    convert([path], tmp_path / "a.zarr", Options(fidelity=LOSSLESS, chunks=chunks, ome_version=version))
    export(tmp_path / "a.zarr", tmp_path / "back.ome.tif")
    with open_images(path) as before, open_images(tmp_path / "back.ome.tif") as after:
        assert (after[0].axes, after[0].shape, after[0].dtype) == (before[0].axes, before[0].shape, before[0].dtype)
        for axis in axes.lower().replace("c", ""):
            assert after[0].record.scale[axis] == before[0].record.scale[axis]
            assert after[0].record.unit[axis] == before[0].record.unit[axis]
        if "C" in axes:
            assert after[0].record.names == before[0].record.names
        np.testing.assert_array_equal(after[0].read(tuple(slice(0, size) for size in shape)), pixels)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_every_dtype_of_ome_tiff(dtype: str, compression: str, tmp_path: Path) -> None:
    """Every pixel type that OME-TIFF has goes there and back."""
    pixels = np.random.default_rng(0).integers(0, 2, (3, 20, 30)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr", Options(fidelity=LOSSLESS))
    export(tmp_path / "a.zarr", tmp_path / "b.tif", compression=compression)
    back = tifffile.imread(tmp_path / "b.tif")
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


def test_rgb_comes_back_as_channels(tmp_path: Path) -> None:
    """The samples of an RGB image are channels with the names of the colours."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr", Options(fidelity=LOSSLESS))
    export(tmp_path / "a.zarr", tmp_path / "b.tif")
    with open_images(tmp_path / "b.tif") as images:
        assert images[0].record.names == ["red", "green", "blue"]
        assert images[0].axes == "cyx"
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), pixels.transpose(2, 0, 1))


def test_an_overview_can_be_exported(write_ome: Writer, tmp_path: Path) -> None:
    """A lower level has its own pixel size."""
    path, _ = write_ome("YX", (300, 300))
    convert([path], tmp_path / "a.zarr", Options(fidelity=LOSSLESS))
    export(tmp_path / "a.zarr", tmp_path / "small.tif", level=1)
    with open_images(tmp_path / "small.tif") as images:
        assert (images[0].shape, images[0].record.scale) == ((150, 150), {"x": 0.2, "y": 0.4})


def test_export_refuses(write_ome: Writer, tmp_path: Path) -> None:
    """Existing files, unknown levels, damage and foreign stores end in our errors, and leave no file."""
    path, _ = write_ome("ZYX", (3, 100, 100))
    convert([path], tmp_path / "a.zarr", Options(fidelity=LOSSLESS))
    for wrong in ({"target": path}, {"level": 5}, {"compression": "jpeg"}):
        with pytest.raises(ConfigurationError):
            export(tmp_path / "a.zarr", **{"target": tmp_path / "b.tif", **wrong})
    chunk = tmp_path / "a.zarr" / "0" / "c" / "1" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(ArchiveError, match=r"planes 1:2"):
        export(tmp_path / "a.zarr", tmp_path / "b.tif")
    zarr.create_group(tmp_path / "empty.zarr")
    with pytest.raises(ArchiveError, match="multiscales"):
        export(tmp_path / "empty.zarr", tmp_path / "b.tif")
    assert not [name for name in tmp_path.iterdir() if name.name.startswith("b.tif")]


def test_inspect_describes_stores_arrays_and_chunks(write_ome: Writer, tmp_path: Path) -> None:
    """A store, an array and a chunk say what they are; anything else ends in our error."""
    path, _ = write_ome("CYX", (2, 300, 200))
    for version, chunk in (("0.5", "0/c/1/0/0"), ("0.4", "0/1/0/0")):
        store = tmp_path / f"{version}.zarr"
        convert([path], store, Options(fidelity=fidelity_from(max_error=2), ome_version=version))
        content = inspect_path(store)
        assert (content["kind"], content["ome_version"]) == ("store", version)
        assert [array["shape"] for array in content["arrays"]] == [[2, 300, 200], [2, 150, 100]]
        assert content["zarr_neural"]["method"] == "max_error"
        assert inspect_path(store / "0")["kind"] == "array"
        described = inspect_path(store / chunk)
        assert described["kind"] == "chunk"
        assert described["shape"] == [1, 300, 200]
    with pytest.raises(DamagedChunkError):
        inspect_path(path)
    (tmp_path / "empty").mkdir()
    for nothing in (tmp_path / "empty", tmp_path / "nothing"):
        with pytest.raises(ArchiveError):
            inspect_path(nothing)


def test_noise_is_measured_per_channel(write_ome: Writer, tmp_path: Path) -> None:
    """Gain and read noise come out near those that the image was drawn with; what cannot be measured is an entry."""
    path, _ = write_ome("CYX", (2, 400, 400))
    tifffile.imwrite(tmp_path / "float.tif", np.zeros((20, 20), "float32"))
    entries = measure_noise([path, tmp_path / "float.tif"])
    assert [entry.get("channel") for entry in entries] == ["dye 0", "dye 1", None]
    for entry in entries[:2]:
        sigma = np.sqrt(entry["read_noise"] ** 2 + entry["gain"] * (110 - entry["offset"]))
        assert sigma == pytest.approx(np.sqrt(60 * 1.5**2 + 4), rel=0.25)
    assert "error" in entries[2]


def test_export_touches_nothing_but_its_target(write_ome: Writer, tmp_path: Path) -> None:
    """A file beside the target, whatever its name, survives an export; nothing unfinished is left."""
    path, _ = write_ome("YX", (60, 70))
    convert([path], tmp_path / "a.zarr", Options(fidelity=LOSSLESS))
    (tmp_path / "out.tif.partial").write_text("mine")
    export(tmp_path / "a.zarr", tmp_path / "out.tif")
    assert (tmp_path / "out.tif.partial").read_text() == "mine"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.zarr", "image.ome.tif", "out.tif", "out.tif.partial"]
