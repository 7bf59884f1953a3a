"""Verification finds what is wrong, all of it, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural import NeuralCodec, NoiseModel
from zarr_neural.archive import Options, convert, fidelity_from, verify
from zarr_neural.archive.check.promise import count_beyond, noise_bounds
from zarr_neural.errors import ArchiveError

Writer = Callable[..., tuple[Path, np.ndarray]]


def store_of(path: Path, target: Path, version: str = "0.5", shards: bool = False) -> Path:
    options = Options(fidelity=fidelity_from(max_error=1), chunks=(64, 64), ome_version=version, shards=shards)
    (report,) = convert([path], target, options)
    assert report.status == "converted", report.error
    return target


def chunks_of(store: Path) -> list[Path]:
    names = {"zarr.json", ".zarray", ".zattrs", ".zgroup"}
    return sorted(file for file in (store / "0").rglob("*") if file.is_file() and file.name not in names)


@pytest.mark.parametrize(("version", "shards"), [("0.5", False), ("0.5", True), ("0.4", False)])
def test_a_sound_store_is_sound(version: str, shards: bool, write_ome: Writer, tmp_path: Path) -> None:
    """Every chunk of every level is read, and against the source the recorded errors come out again."""
    path, _ = write_ome("CYX", (2, 300, 200))
    (report,) = verify(store_of(path, tmp_path / "a.zarr", version, shards), path)
    assert report.sound
    assert report.chunks == 2 * (5 * 4 + 3 * 2)
    assert [entry["max_error"] for entry in report.measured] == [1, 1]


@pytest.mark.parametrize(("version", "shards"), [("0.5", False), ("0.5", True), ("0.4", False)])
@pytest.mark.parametrize("place", [0, 9, 0.5, 0.98, -1])
def test_a_flipped_byte_is_found(version: str, shards: bool, place: float, write_ome: Writer, tmp_path: Path) -> None:
    """One changed byte anywhere in a chunk is found, in the right file."""
    path, _ = write_ome("CYX", (2, 300, 200))
    store = store_of(path, tmp_path / "a.zarr", version, shards)
    victim = chunks_of(store)[len(chunks_of(store)) // 2]
    content = bytearray(victim.read_bytes())
    content[int(place * len(content)) if isinstance(place, float) else place] ^= 0x10
    victim.write_bytes(content)
    (report,) = verify(store)
    assert not report.sound
    assert {str(store / damage.array / damage.chunk) for damage in report.damaged} == {str(victim)}


def test_missing_and_foreign_chunks_are_found(write_ome: Writer, tmp_path: Path) -> None:
    """A chunk that is gone, emptied, cut or swapped with another shape does not pass for fill."""
    path, _ = write_ome("ZYX", (5, 100, 90))
    store = store_of(path, tmp_path / "a.zarr")
    chunks = chunks_of(store)
    chunks[0].unlink()
    chunks[5].write_bytes(b"")
    chunks[10].write_bytes(chunks[10].read_bytes()[:-5])
    chunks[15].write_bytes(b"something else")
    (report,) = verify(store)
    assert [damage.chunk for damage in report.damaged] == [
        chunks[i].relative_to(store / "0").as_posix() for i in (0, 5, 10, 15)
    ]
    assert "missing" in report.damaged[0].what


def test_a_changed_source_is_found(write_ome: Writer, tmp_path: Path) -> None:
    """Sound chunks of other pixels than those of the source break the promise."""
    path, pixels = write_ome("YX", (100, 90))
    store = store_of(path, tmp_path / "a.zarr")
    other = pixels.copy()
    other[50, 50] += 40
    tifffile.imwrite(path, other)
    (report,) = verify(store, path)
    assert any("promised" in damage.what for damage in report.damaged)
    tifffile.imwrite(path, other[:50])
    with pytest.raises(ArchiveError, match="shape"):
        verify(store, path)


def test_a_folder_of_stores(write_ome: Writer, tmp_path: Path) -> None:
    """Every store below a folder is read, sources found by name, and an unfinished conversion is a fault."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.ome.tif", "b.ome.tif"):
        write_ome("YX", (80, 90), name=f"in/{name}")
    options = Options(fidelity=fidelity_from(lossless=True))
    convert([folder], tmp_path / "out", options)
    assert [report.sound for report in verify(tmp_path / "out", folder)] == [True, True]

    def stop(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert([folder / "a.ome.tif"], tmp_path / "out" / "c.ome.zarr", options, stop)
    reports = verify(tmp_path / "out")
    assert [report.sound for report in reports] == [True, True, False]
    with pytest.raises(ArchiveError, match="not finished"):
        verify(tmp_path / "out" / "c.ome.zarr")


def test_missing_levels_and_metadata_are_found(write_ome: Writer, tmp_path: Path) -> None:
    """A level that the attributes name and the store lacks is damage, and so are broken metadata."""
    path, _ = write_ome("YX", (300, 300))
    store = store_of(path, tmp_path / "a.zarr")
    (store / "1" / "zarr.json").unlink()
    (report,) = verify(store)
    assert [damage.array for damage in report.damaged] == ["1"]
    (store / "zarr.json").write_text("{")
    (report,) = verify(store)
    assert "metadata" in report.damaged[0].what
    with pytest.raises(ArchiveError, match="no Zarr store"):
        verify(tmp_path / "nothing")


def far_off(source: Path, pixels: np.ndarray) -> None:
    """Write pixels of which one lies six standard deviations of the noise away from where it was."""
    other = pixels.copy()
    other[..., 50, 50] += 60
    tifffile.imwrite(source, other, photometric="minisblack")


@pytest.mark.parametrize("noise", [1.0, 4.0])
@pytest.mark.parametrize(("version", "shards"), [("0.5", False), ("0.5", True), ("0.4", False)])
def test_the_noise_promise_is_checked_pixel_by_pixel(
    version: str, shards: bool, noise: float, write_ome: Writer, tmp_path: Path
) -> None:
    """With a noise model in the codec every pixel lies within half a step, and one that does not is found by chunk."""
    path, pixels = write_ome("YX", (200, 190))
    options = Options(fidelity_from(noise=noise), chunks=(64, 64), ome_version=version, shards=shards)
    (made,) = convert([path], tmp_path / "a.zarr", options)
    assert made.parameters["noise_model"] != "per chunk"
    (report,) = verify(tmp_path / "a.zarr", path)
    assert report.sound
    far_off(path, pixels)
    (report,) = verify(tmp_path / "a.zarr", path)
    (found,) = [damage for damage in report.damaged if "half noise step" in damage.what]
    assert "1 pixels" in found.what
    assert "[0:64, 0:64]" in found.what


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
@pytest.mark.parametrize("q", [0.3, 1.0, 7.0])
def test_the_bound_of_noise_holds_for_every_level(dtype: str, q: float) -> None:
    """The codec keeps half a step, rounded up, at all grey levels of a dtype, and one level more is counted."""
    info = np.iinfo(dtype)
    every = np.arange(info.min, info.max + 1).astype(dtype).reshape(-1, 256).repeat(2, axis=0)
    for model in (NoiseModel(1.7, 3.4, 2.2), NoiseModel(0.0, 0.0, 0.0), NoiseModel(0.3, -50.0, 11.0)):
        codec = NeuralCodec(noise=q, noise_model=model)
        store = zarr.create_array(
            zarr.storage.MemoryStore(), shape=every.shape, chunks=every.shape, dtype=dtype, zarr_format=2,
            compressors=codec,
        )  # fmt: skip
        bounds = noise_bounds(store)
        assert bounds is not None
        assert (np.diff(bounds) >= 0).all()
        sigma = model.sigma(every.astype(float))
        np.testing.assert_allclose(bounds[every.astype(int) - info.min], np.ceil(np.maximum(1, q * sigma) / 2), atol=1)
        assert count_beyond(every, codec.decode(codec.encode(every)), bounds) == 0
        worse = np.array([[info.max]], dtype)
        assert count_beyond(worse, (worse - bounds[-1]).astype(dtype), bounds) == 0
        assert count_beyond(worse, (worse - bounds[-1] - 1).astype(dtype), bounds) == 1


@pytest.mark.parametrize("fidelity", [{"lossless": True}, {"max_error": 2}, {"noise": 1.0}], ids=str)
def test_other_promises_have_no_noise_bounds(fidelity: dict[str, Any]) -> None:
    """Without a noise model in the configuration there is nothing to work a bound out from."""
    codec = NeuralCodec(**fidelity)
    array = zarr.create_array(
        zarr.storage.MemoryStore(), shape=(9, 9), chunks=(9, 9), dtype="u2", zarr_format=2, compressors=codec
    )
    assert noise_bounds(array) is None
