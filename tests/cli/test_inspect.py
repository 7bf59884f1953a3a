"""What `inspect` says of stores of all kinds."""

from pathlib import Path

import numpy as np
import tifffile
import zarr
from typer.testing import CliRunner

from zarr_neural.cli import app


def inspect(path: Path) -> str:
    result = CliRunner().invoke(app, ["inspect", str(path)])
    assert result.exit_code == 0, result.output
    return result.stdout


def convert(folder: Path, name: str, *options: str) -> Path:
    pixels = np.random.default_rng(1).integers(0, 999, (3, 300, 280), dtype="u2")
    tifffile.imwrite(folder / "a.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"})
    result = CliRunner().invoke(app, ["convert", str(folder / "a.tif"), str(folder / name), *options])
    assert result.exit_code == 0, result.output
    return folder / name


def test_it_begins_with_a_sentence(tmp_path: Path) -> None:
    """The first line says what the store is and whether pixels were altered; raw JSON is for --json."""
    first = inspect(convert(tmp_path, "a.zarr")).splitlines()[0]
    assert "A lossless OME-Zarr 0.5 image of 3 channels, 3x300x280 uint16, in 2 levels, " in first
    text = inspect(convert(tmp_path, "b.zarr", "--max-error", "4", "--no-pyramid", "--ome-version", "0.4"))
    assert "A lossy OME-Zarr 0.4 image of 3 channels, 3x300x280 uint16, in one level, without overviews" in text
    assert "{" not in text


def test_a_folder_is_told_store_by_store_and_in_sum(tmp_path: Path) -> None:
    """A folder of stores: one line each, one that cannot be read among them, and a sum."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in "ab":
        (tmp_path / name).mkdir()
        convert(tmp_path / name, "x.zarr").rename(folder / f"{name}.zarr")
    (folder / "b.zarr" / "zarr.json").write_text("{")
    lines = inspect(folder).splitlines()
    assert len(lines) == 3
    assert "A lossless" in lines[0]
    assert "b.zarr: It cannot be read: " in lines[1]
    assert lines[2].startswith("2 stores, 1 cannot be read, ")


def test_other_codecs_are_shown_as_what_they_are(tmp_path: Path) -> None:
    """Arrays of other writers, OME or not: the codecs that they have, and no compression where there is none."""
    shape = {"shape": (64, 64), "chunks": (64, 64), "dtype": "u2"}
    blosc = zarr.codecs.BloscCodec(cname="zstd")
    zarr.create_array(tmp_path / "a.zarr", compressors=blosc, **shape)[:] = 1
    zarr.create_array(tmp_path / "b.zarr", compressors=None, **shape)[:] = 1
    zarr.create_array(tmp_path / "c.zarr", zarr_format=2, **shape)[:] = 1
    assert "A Zarr v3 array, 64x64 uint16, not marked as an OME-Zarr image, " in inspect(tmp_path / "a.zarr")
    assert "coded with blosc (zstd) and not by zarr-neural" in inspect(tmp_path / "a.zarr")
    assert ", not compressed." in inspect(tmp_path / "b.zarr")
    assert "zstd" in inspect(tmp_path / "c.zarr")


def test_a_store_names_the_package_that_reads_it(tmp_path: Path) -> None:
    """The attributes of the group say how to install what zarr calls an unknown codec."""
    attributes = zarr.open_group(convert(tmp_path, "a.zarr"), mode="r").attrs.asdict()
    assert "pip install zarr-neural" in attributes["zarr_neural"]["read_with"]
