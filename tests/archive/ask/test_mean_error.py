"""Mean errors: kept in every chunk of every level, one for each channel, recorded and checked."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert, fidelity_from, inspect_path, verify
from zarr_neural.archive.ask import targets
from zarr_neural.archive.layout import grid

Writer = Callable[..., tuple[Path, np.ndarray]]
STORES: list[dict[str, Any]] = [
    {"ome_version": "0.5"},
    {"ome_version": "0.4"},
    {"shards": True},
    {"chunks": (100, 90), "shards": (100, 180)},
]


def converted(path: Path, target: Path, options: dict[str, Any] | None = None, **asked: Any) -> tuple[Any, zarr.Group]:
    chosen = {"chunks": (64, 64), "workers": 2} | (options or {})
    (report,) = convert([path], target, Options(fidelity=fidelity_from(**asked), **chosen))
    assert report.status == "converted", report.error
    return report, zarr.open_group(target, mode="r")


def array_of(group: zarr.Group, path: str) -> zarr.Array[Any]:
    array = group[path]
    assert isinstance(array, zarr.Array)
    return array


def chunk_errors(array: zarr.Array[Any], pixels: np.ndarray) -> np.ndarray:
    """Rmse of every chunk, by channel or plane (axis 0) and chunk."""
    decoded = np.asarray(array[:]).astype(float)
    square = (decoded - pixels) ** 2
    errors = [math.sqrt(square[region].mean()) for region in grid(array.shape, array.chunks)]
    return np.reshape(errors, (pixels.shape[0] if pixels.ndim > 2 else 1, -1))


@pytest.fixture
def three(write_ome: Writer, camera: Callable[..., np.ndarray]) -> tuple[Path, np.ndarray]:
    """Three channels: the usual one, one eleven times as bright, and one that is constant."""
    usual = camera((1, 300, 200))
    bright = (camera((1, 300, 200), seed=2) * 11 + 500).astype("uint16")
    return write_ome("CYX", (3, 300, 200), pixels=np.concatenate([usual, bright, np.full_like(usual, 321)]))


@pytest.mark.parametrize("store", STORES, ids=str)
def test_an_rmse_holds_in_every_chunk(store: dict[str, Any], write_ome: Writer, tmp_path: Path) -> None:
    """No chunk of any level has a larger error, cut chunks at the edges included; most come within 5 % of it."""
    path, pixels = write_ome("ZYX", (3, 300, 200))
    report, group = converted(path, tmp_path / "a.zarr", store, rmse=4.0)
    errors = chunk_errors(array_of(group, "0"), pixels)
    assert errors.max() <= 4
    assert np.median(errors) > 0.95 * 4
    assert (report.method, report.parameters) == ("rmse", {"rmse": 4.0})
    assert report.channels[0]["rmse"] == pytest.approx(math.sqrt((errors**2).mean()), rel=0.1)
    assert report.ratio > 2
    above = np.asarray(array_of(group, "0")[:]).astype(int)
    mean = (above[:, ::2, ::2] + above[:, 1::2, ::2] + above[:, ::2, 1::2] + above[:, 1::2, 1::2] + 2) >> 2
    assert chunk_errors(array_of(group, "1"), mean).max() <= 4
    (verified,) = verify(tmp_path / "a.zarr", path)
    assert verified.sound


@pytest.mark.parametrize("asked", [{"rmse": 4.0}, {"psnr": 30.0}, {"ratio": 3.0}], ids=str)
def test_a_hard_bound_holds_beside_a_mean(asked: dict[str, Any], write_ome: Writer, tmp_path: Path) -> None:
    """With max_error as well, every pixel and every chunk keep their promise, and both are recorded."""
    path, pixels = write_ome("CYX", (2, 130, 200))
    report, group = converted(path, tmp_path / "a.zarr", max_error=6, **asked)
    assert np.abs(np.asarray(array_of(group, "0")[:]).astype(int) - pixels).max() <= 6
    for errors, target in zip(chunk_errors(array_of(group, "0"), pixels), report.targets, strict=True):
        assert errors.max() <= target["rmse"]
    assert report.parameters["max_error"] == 6
    (config,) = inspect_path(tmp_path / "a.zarr")["arrays"][0]["codecs"]
    assert config["configuration"]["max_error"] == 6
    assert config["configuration"]["rmse"] == report.parameters["rmse"]
    assert verify(tmp_path / "a.zarr", path)[0].sound


@pytest.mark.parametrize("store", STORES, ids=str)
def test_decibels_become_one_rmse_for_each_channel(
    store: dict[str, Any], three: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """Each channel keeps its own rmse in every chunk; the array promises the largest; a constant is lossless."""
    path, pixels = three
    report, group = converted(path, tmp_path / "a.zarr", store, psnr=36.0)
    peaks = np.ptp(np.percentile(pixels, (0.05, 99.95), axis=(1, 2), method="inverted_cdf"), axis=0)
    wanted = peaks / 10 ** (36 / 20)
    found = [target["rmse"] for target in report.targets]
    assert found[:2] == pytest.approx(wanted[:2], rel=1e-5)
    assert (found[:2] <= wanted[:2]).all()
    assert found[2] is None
    assert [target["peak"] for target in report.targets] == peaks.tolist()
    errors = chunk_errors(array_of(group, "0"), pixels)
    assert (errors.max(axis=1)[:2] <= found[:2]).all()
    assert (np.median(errors, axis=1)[:2] > 0.9 * np.array(found[:2])).all()
    assert errors[2].max() == 0
    for channel in report.channels[:2]:
        assert channel["psnr_db"] >= 36
    assert report.channels[2]["psnr_db"] is None
    assert report.parameters == {"rmse": max(found[:2])}
    assert report.asked == {"psnr": 36.0, "preset": "fast"}
    record: dict[str, Any] = group.attrs.asdict()["zarr_neural"]
    assert record["asked"] == report.asked
    assert tuple(record["targets"]) == report.targets
    assert len(record["models"]) == 2
    assert verify(tmp_path / "a.zarr", path)[0].sound


@pytest.mark.parametrize("cut", [{"chunks": (3, 64, 64)}, {"shards": (3, 128, 128)}], ids=str)
def test_channels_in_one_chunk_or_shard_get_the_strictest(
    cut: dict[str, Any], three: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """Where channels are written together each still has the decibels that were asked for, and it is said."""
    path, pixels = three
    report, group = converted(path, tmp_path / "a.zarr", cut, psnr=36.0)
    assert {target["rmse"] for target in report.targets} == {report.parameters["rmse"]}
    peak = np.ptp(np.percentile(pixels[0], (0.05, 99.95), method="inverted_cdf"))
    assert report.parameters["rmse"] == pytest.approx(peak / 10 ** (36 / 20), rel=1e-5)
    assert any("same rmse" in note for note in report.notes)
    error = np.asarray(array_of(group, "0")[:]).astype(float) - pixels
    assert np.sqrt((error**2).mean(axis=(1, 2))).max() <= report.parameters["rmse"]
    assert verify(tmp_path / "a.zarr", path)[0].sound


def test_a_ratio_becomes_one_rmse_for_each_channel(
    camera: Callable[..., np.ndarray], write_ome: Writer, tmp_path: Path
) -> None:
    """Channels alike all over reach the ratio to a few percent, each at an error of its own."""
    pixels = camera((2, 512, 512))
    pixels[1] *= 13
    path, _ = write_ome("CYX", pixels.shape, pixels=pixels)
    report, group = converted(path, tmp_path / "a.zarr", {"chunks": (128, 128)}, ratio=6.0)
    quiet, loud = (target["rmse"] for target in report.targets)
    assert loud > 5 * quiet
    for target, channel in zip(report.targets, report.channels, strict=True):
        assert 6 <= target["sampled_ratio"] <= 6.3
        assert channel["ratio"] == pytest.approx(6, rel=0.1)
    errors = chunk_errors(array_of(group, "0"), pixels)
    assert (errors.max(axis=1) <= [quiet, loud]).all()
    sizes = [sum(f.stat().st_size for f in (tmp_path / f"a.zarr/0/c/{c}").rglob("*") if f.is_file()) for c in (0, 1)]
    assert [channel["ratio"] for channel in report.channels] == pytest.approx(
        [pixels[0].nbytes / size for size in sizes], abs=1e-4
    )


def test_a_ratio_that_lossless_reaches_is_lossless(write_ome: Writer, tmp_path: Path) -> None:
    """Nothing is thrown away for a ratio that comes for free."""
    smooth = np.broadcast_to(np.arange(200, dtype="uint16") // 8, (300, 200))
    path, pixels = write_ome("YX", (300, 200), pixels=np.ascontiguousarray(smooth))
    report, group = converted(path, tmp_path / "a.zarr", {"labels": False}, ratio=10.0)
    assert report.method == "lossless"
    np.testing.assert_array_equal(np.asarray(array_of(group, "0")[:]), pixels)
    assert report.targets[0]["sampled_ratio"] > 10
    assert any("losslessly" in note for note in report.notes)
    assert verify(tmp_path / "a.zarr", path)[0].sound


def test_a_ratio_out_of_reach_is_refused(write_ome: Writer, tmp_path: Path) -> None:
    """Below 25 dB nothing is stored: the message says what could be reached, and no store appears."""
    path, _ = write_ome("YX", (256, 256), pixels=np.random.default_rng(0).integers(0, 4096, (256, 256), "uint16"))
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity=fidelity_from(ratio=500.0)))
    assert report.status == "failed"
    assert "a ratio of 500 is out of reach" in str(report.error)
    assert "25 dB (rmse 230), it is" in str(report.error)
    assert list(tmp_path.iterdir()) == [path]


def test_decibels_that_need_every_level_are_lossless(write_ome: Writer, tmp_path: Path) -> None:
    """An rmse below 1/256 of a grey level is not worth the trouble."""
    path, pixels = write_ome("YX", (100, 90))
    report, group = converted(path, tmp_path / "a.zarr", psnr=110.0)
    assert report.method == "lossless"
    np.testing.assert_array_equal(np.asarray(array_of(group, "0")[:]), pixels)


@pytest.mark.parametrize("asked", [{"rmse": 0.002}, {"psnr": 40.0}, {"ratio": 8.0}], ids=str)
def test_floating_point(asked: dict[str, Any], camera: Callable[..., np.ndarray], tmp_path: Path) -> None:
    """Images of floats, whose range may be tiny, keep their promise alike."""
    pixels = (camera((300, 260)) / 4096).astype("float32")
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    report, group = converted(tmp_path / "a.tif", tmp_path / "a.zarr", {"chunks": (128, 128)}, **asked)
    limit = report.targets[0]["rmse"]
    assert chunk_errors(array_of(group, "0"), pixels).max() <= limit * (1 + 1e-6)
    assert report.channels[0]["rmse"] > 0.9 * limit
    assert verify(tmp_path / "a.zarr", tmp_path / "a.tif")[0].sound


@pytest.mark.parametrize("asked", [{"rmse": 4.0}, {"psnr": 40.0}, {"ratio": 8.0}], ids=str)
@pytest.mark.parametrize("dtype", ["uint32", "bool", "float16"])
def test_dtypes_without_a_mean_error(asked: dict[str, Any], dtype: str, tmp_path: Path) -> None:
    """Labels are stored losslessly whatever is asked; other dtypes that cannot be coded are refused."""
    tifffile.imwrite(tmp_path / "a.tif", np.eye(60, dtype=dtype), photometric="minisblack")
    options = Options(fidelity=fidelity_from(**asked))
    (report,) = convert([tmp_path / "a.tif"], tmp_path / "a.zarr", options)
    if dtype == "float16":
        assert report.status == "failed"
        assert "cannot be used for float16 samples" in str(report.error)
        return
    assert (report.status, report.method, report.targets) == ("converted", "lossless", ())
    if dtype == "uint32":
        options = Options(fidelity=options.fidelity, labels=False)
        (report,) = convert([tmp_path / "a.tif"], tmp_path / "b.zarr", options)
        assert "cannot be used for uint32 samples" in str(report.error)


def test_a_broken_mean_is_found_in_its_chunk(three: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """verify compares every chunk with the rmse of its channel, not with the largest of the array."""
    path, pixels = three
    report, _ = converted(path, tmp_path / "a.zarr", psnr=36.0)
    quiet, loud = (target["rmse"] for target in report.targets[:2])
    assert loud > 4 * quiet
    other = pixels.copy()
    other[0, 64:128, 64:128] += round(2 * quiet)
    tifffile.imwrite(path, other, photometric="minisblack", metadata={"axes": "CYX"})
    (verified,) = verify(tmp_path / "a.zarr", path)
    (found,) = [damage for damage in verified.damaged if "rmse" in damage.what and "at most" in damage.what]
    assert "[0:1, 64:128, 64:128]" in found.what
    assert f"at most {quiet:g}" in found.what


def test_a_promise_that_reads_back_broken_stops_everything(
    write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A codec that loses more than it says is found out while converting, and nothing is left behind."""
    path, _ = write_ome("YX", (100, 90))
    honest = zarr.Array.__getitem__
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda self, region: honest(self, region) + np.uint16(5))
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity=fidelity_from(rmse=4.0)))
    assert "hold a chunk with an rmse of" in str(report.error)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("asked", [{"psnr": 36.0}, {"ratio": 4.0}], ids=str)
def test_what_is_there_is_kept_without_measuring(
    asked: dict[str, Any], three: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeated run knows a finished store by what was asked; an interrupted one comes to the same targets."""
    folder = tmp_path / "in"
    folder.mkdir()
    three[0].rename(folder / "image.ome.tif")
    options = Options(fidelity=fidelity_from(**asked), chunks=(64, 64), workers=2)

    def stop(name: str, done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert([folder], tmp_path / "out", options, stop)
    (report,) = convert([folder], tmp_path / "out", options)
    assert report.resumed
    assert verify(tmp_path / "out", folder)[0].sound
    monkeypatch.setattr(targets, "channel_peaks", lambda *a: pytest.fail("measured again"))
    (report,) = convert([folder], tmp_path / "out", options)
    assert report.status == "kept"
    other = Options(fidelity=fidelity_from(psnr=35.0), chunks=(64, 64))
    (report,) = convert([folder], tmp_path / "out", other)
    assert report.status == "failed"


def test_nothing_depends_on_the_number_of_threads(three: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """One thread and four give the same targets and the same record."""
    path, _ = three
    records = []
    for workers in (1, 4):
        target = tmp_path / f"{workers}.zarr"
        _, group = converted(path, target, {"workers": workers}, ratio=5.0)
        records.append(json.dumps(group.attrs.asdict(), sort_keys=True))
    assert records[0] == records[1]
