"""One image to one store: pixels, promises, metadata, refusals."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import ome_zarr_models
import pytest
import tifffile
import yaozarrs
import zarr

from zarr_neural import NoiseModel
from zarr_neural.archive import Options, Request, convert, fidelity_from, inspect_path
from zarr_neural.archive.ask.labels import label_image
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ConfigurationError

LOSSLESS = fidelity_from(lossless=True)
Writer = Callable[..., tuple[Path, np.ndarray]]


def converted(path: Path, target: Path, **options: Any) -> tuple[Any, zarr.Group]:
    (report,) = convert([path], target, Options(**options))
    assert report.status == "converted", report.error
    return report, zarr.open_group(target, mode="r")


def level(group: zarr.Group, number: int) -> np.ndarray:
    array = group[str(number)]
    assert isinstance(array, zarr.Array)
    return np.asarray(array[:])


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@pytest.mark.parametrize("shape", [{}, {"chunks": (100, 90)}, {"chunks": (2, 64, 64)}], ids=str)
def test_lossless_is_lossless(version: str, shape: dict[str, Any], write_ome: Writer, tmp_path: Path) -> None:
    """With lossless=True the store reads as the TIFF, whatever the format and the chunks."""
    path, pixels = write_ome("TCZYX", (2, 2, 3, 130, 170))
    report, group = converted(path, tmp_path / "a.zarr", fidelity=LOSSLESS, ome_version=version, **shape)
    np.testing.assert_array_equal(level(group, 0), pixels)
    assert (report.max_error, report.psnr_db) == (0, None)


@pytest.mark.parametrize("shards", [True, (3, 128, 128)], ids=str)
def test_shards(shards: Any, write_ome: Writer, tmp_path: Path) -> None:
    """Sharded stores read alike and have fewer files."""
    path, pixels = write_ome("ZYX", (5, 200, 300))
    _, group = converted(path, tmp_path / "a.zarr", fidelity=LOSSLESS, chunks=(64, 64), shards=shards)
    np.testing.assert_array_equal(level(group, 0), pixels)
    files = [file for file in (tmp_path / "a.zarr" / "0").rglob("*") if file.is_file()]
    assert len(files) - 1 < 5 * 4 * 5


@pytest.mark.parametrize("bound", [1, 4, 20])
def test_max_error_holds(bound: int, write_ome: Writer, tmp_path: Path) -> None:
    """Every pixel lies within the bound, and the report says the error that was made."""
    path, pixels = write_ome("CYX", (2, 300, 200))
    report, group = converted(path, tmp_path / "a.zarr", fidelity=fidelity_from(max_error=bound))
    error = np.abs(level(group, 0).astype(int) - pixels)
    assert error.max() <= bound
    assert report.max_error == error.max()
    for channel, record in zip(error, report.channels, strict=True):
        assert record["max_error"] == channel.max()
        assert record["rmse"] == pytest.approx(np.sqrt((channel.astype(float) ** 2).mean()), abs=1e-6)
    assert report.ratio == pytest.approx(pixels.nbytes / report.stored_nbytes, abs=1e-4)


def test_nothing_is_lost_unless_asked(write_ome: Writer, tmp_path: Path) -> None:
    """Without a fidelity every pixel comes back, and the metadata say lossless."""
    path, pixels = write_ome("YX", (300, 300))
    report, group = converted(path, tmp_path / "a.zarr")
    assert (report.method, report.max_error) == ("lossless", 0)
    np.testing.assert_array_equal(level(group, 0), pixels)


def test_one_noise_stays_within_the_measured_noise(write_ome: Writer, tmp_path: Path) -> None:
    """At noise 1, errors are about half a standard deviation of the noise, and the model is in the metadata."""
    path, pixels = write_ome("YX", (300, 300))
    report, group = converted(path, tmp_path / "a.zarr", fidelity=fidelity_from(noise=1.0))
    model = report.parameters["noise_model"]
    assert set(model) == {"gain", "offset", "read_noise"}
    sigma = np.sqrt(model["read_noise"] ** 2 + model["gain"] * np.maximum(pixels - model["offset"], 0))
    assert (np.abs(level(group, 0).astype(int) - pixels) <= 0.5 * sigma + 1).all()
    array = group["0"]
    assert isinstance(array, zarr.Array)
    assert "noise_model" in json.dumps(array.metadata.to_dict(), default=str)


def test_channels_of_different_noise_are_measured_per_chunk(
    camera: Callable[..., np.ndarray], write_ome: Writer, tmp_path: Path
) -> None:
    """One array has one codec: where channels differ, the codec measures every chunk, and that is recorded."""
    plain = camera((1, 300, 300))
    loud = (plain + np.random.default_rng(5).normal(5000, 200, plain.shape)).astype("uint16")
    path, _ = write_ome("CYX", (2, 300, 300), pixels=np.concatenate([plain, loud]))
    report, _ = converted(path, tmp_path / "a.zarr", fidelity=fidelity_from(noise=1.0))
    assert report.parameters["noise_model"] == "per chunk"
    assert any("differs" in note for note in report.notes)
    quiet_sigma, loud_sigma = (float(NoiseModel(**c["noise"]).sigma(5100.0)) for c in report.channels)
    assert loud_sigma > 2 * quiet_sigma > 0


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@pytest.mark.parametrize(("axes", "shape"), [("TCZYX", (2, 2, 2, 300, 270)), ("CYX", (3, 40, 50)), ("YX", (600, 20))])
def test_stores_are_valid_ome_zarr(
    version: str, axes: str, shape: tuple[int, ...], write_ome: Writer, tmp_path: Path
) -> None:
    """Both validators accept the store, and names, sizes and units are in it."""
    path, _ = write_ome(axes, shape)
    target = tmp_path / "a.ome.zarr"
    _, group = converted(path, target, ome_version=version)
    yaozarrs.validate_zarr_store(str(target))
    model = ome_zarr_models.open_ome_zarr(group)
    attributes = getattr(model, "ome_attributes", None) or model.attributes
    multiscale = attributes.multiscales[0]
    assert [axis.name for axis in multiscale.axes] == list(axes.lower())
    assert multiscale.axes[-1].unit == "micrometer"
    sizes = {"t": 3.0, "c": 1.0, "z": 0.5, "y": 0.2, "x": 0.1}
    for number, dataset in enumerate(multiscale.datasets):
        scale = [sizes[a] * (2**number if a in "yx" else 1) for a in axes.lower()]
        assert list(dataset.coordinateTransformations[0].scale) == pytest.approx(scale)
        assert level(group, number).shape[-2:] == tuple(-(-side // 2**number) for side in shape[-2:])
    content = group.attrs.asdict()
    labels = [channel["label"] for channel in content.get("ome", content)["omero"]["channels"]]
    assert labels == ([f"dye {i}" for i in range(shape[axes.index("C")])] if "C" in axes else ["channel 0"])


def test_yaozarrs_validates_without_this_package(write_ome: Writer, tmp_path: Path) -> None:
    """The metadata are valid for a program that has never heard of the codec."""
    path, _ = write_ome("CYX", (2, 300, 300))
    converted(path, tmp_path / "a.ome.zarr")
    script = f"""
import sys
sys.modules["zarr_neural"] = None
import yaozarrs
yaozarrs.validate_zarr_store({str(tmp_path / "a.ome.zarr")!r})
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_overviews_are_means_of_what_reads_back(write_ome: Writer, tmp_path: Path) -> None:
    """Each overview of a lossless store is the 2 x 2 mean of the level above."""
    path, _ = write_ome("YX", (600, 516))
    _, group = converted(path, tmp_path / "a.zarr", fidelity=LOSSLESS, chunks=(100, 100))
    for number in (0, 1):
        above = level(group, number).astype(int)
        mean = (above[::2, ::2] + above[1::2, ::2] + above[::2, 1::2] + above[1::2, 1::2] + 2) // 4
        np.testing.assert_array_equal(level(group, number + 1), mean)


def test_dask_reads_lazily(write_ome: Writer, tmp_path: Path) -> None:
    """dask opens the full resolution chunk by chunk, and computes the same pixels."""
    path, pixels = write_ome("ZYX", (4, 200, 300))
    converted(path, tmp_path / "a.zarr", fidelity=LOSSLESS, chunks=(100, 100))
    lazy = dask.array.from_zarr(str(tmp_path / "a.zarr"), component="0")
    assert lazy.chunksize == (1, 100, 100)
    np.testing.assert_array_equal(lazy[2, 50:150].compute(), pixels[2, 50:150])


@pytest.mark.parametrize(
    ("name", "dtype", "labels"),
    [
        ("cells_labels.tif", "uint16", True),
        ("cells_mask.ome.tif", "uint8", True),
        ("mask-3.tif", "uint8", True),
        ("cells.tif", "uint32", True),
        ("cells.tif", "int32", True),
        ("cells.tif", "bool", True),
        ("cells.tif", "uint16", False),
        ("unmasked.tif", "uint8", False),
        ("labelled.tif", "uint8", False),
        ("cells_labels.tif", "float32", False),
    ],
)
def test_label_images_are_recognised(name: str, dtype: str, labels: bool, tmp_path: Path) -> None:
    """Booleans, wide integers and telling names mean labels; the caller can decide otherwise."""
    tifffile.imwrite(tmp_path / name, np.zeros((20, 20), dtype), photometric="minisblack")
    with open_images(tmp_path / name) as images:
        assert (label_image(images[0]) is not None) == labels
        assert not label_image(images[0], wanted=False)
        if dtype == "float32":
            with pytest.raises(ConfigurationError, match="integers"):
                label_image(images[0], wanted=True)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_labels_are_lossless_under_any_fidelity(dtype: str, version: str, tmp_path: Path) -> None:
    """A label image keeps every pixel although a lossy fidelity is asked for, and its overviews hold no new label."""
    pixels = np.random.default_rng(2).choice([0, 1], (300, 280)).repeat(2, axis=1).astype(dtype)
    tifffile.imwrite(tmp_path / "some_labels.tif", pixels, photometric="minisblack")
    target = tmp_path / "a.ome.zarr"
    report, group = converted(
        tmp_path / "some_labels.tif", target, fidelity=fidelity_from(max_error=5), ome_version=version
    )
    assert report.method == "lossless"
    np.testing.assert_array_equal(level(group, 0), pixels)
    np.testing.assert_array_equal(level(group, 1), pixels[::2, ::2])
    content = group.attrs.asdict()
    assert ("image-label" in content.get("ome", content)) == (dtype != "bool")
    yaozarrs.validate_zarr_store(str(target))
    ome_zarr_models.open_ome_zarr(group)


def test_float_images_are_kept_losslessly_unless_asked(tmp_path: Path) -> None:
    """Floating point is stored losslessly unless a bound is asked for, which is kept; noise is refused."""
    pixels = np.random.default_rng(0).uniform(0, 50, (60, 70)).astype("float32")
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    report, group = converted(tmp_path / "a.tif", tmp_path / "a.zarr")
    assert report.method == "lossless"
    np.testing.assert_array_equal(level(group, 0), pixels)
    report, group = converted(tmp_path / "a.tif", tmp_path / "b.zarr", fidelity=fidelity_from(max_error=0.5))
    assert np.abs(level(group, 0) - pixels).max() <= 0.5
    (report,) = convert([tmp_path / "a.tif"], tmp_path / "c.zarr", Options(fidelity=fidelity_from(noise=1.0)))
    assert report.status == "failed"
    assert not (tmp_path / "c.zarr").exists()


def test_the_store_says_what_was_done(write_ome: Writer, tmp_path: Path) -> None:
    """Source, method, parameters, measured error and model are in the attributes, and no path."""
    path, _ = write_ome("CYX", (2, 200, 200))
    _, group = converted(path, tmp_path / "a.zarr", fidelity=fidelity_from(max_error=2))
    record: dict[str, Any] = group.attrs.asdict()["zarr_neural"]
    assert record["source"]["name"] == "image.ome.tif"
    assert (record["method"], record["parameters"]) == ("max_error", {"max_error": 2.0})
    assert [entry["channel"] for entry in record["measured"]] == ["dye 0", "dye 1"]
    assert all(len(model) == 64 for model in record["models"])
    assert str(tmp_path) not in json.dumps(record)


def test_constant_and_zero_images_are_stored_chunk_by_chunk(tmp_path: Path) -> None:
    """Chunks equal to the fill value are stored too, so that a missing file is known to be a loss."""
    tifffile.imwrite(tmp_path / "zero.tif", np.zeros((3, 50, 60), "uint16"), photometric="minisblack")
    converted(tmp_path / "zero.tif", tmp_path / "a.zarr")
    assert len(list((tmp_path / "a.zarr" / "0" / "c").rglob("0"))) >= 3


def test_options_that_contradict_each_other_are_refused() -> None:
    """Wrong use is told before anything is read."""
    for wrong in ({"ome_version": "0.6"}, {"ome_version": "0.4", "shards": True}, {"workers": 0}):
        with pytest.raises(ConfigurationError):
            Options(**wrong)  # type: ignore[arg-type]
    assert Request().arguments() == {"lossless": True}


def test_memory_does_not_grow_with_the_file(camera: Callable[..., np.ndarray], tmp_path: Path) -> None:
    """Ten times the file, of noise that keeps the networks busy, takes hardly more memory, all of it below 300 MB."""
    planes = camera((4, 1024, 1024))
    peaks = []
    for count in (6, 60):
        path, target = tmp_path / f"{count}.tif", tmp_path / f"{count}.zarr"
        with tifffile.TiffWriter(path) as tiff:
            some = (planes[i % 4] for i in range(count))
            tiff.write(some, shape=(count, 1024, 1024), dtype="uint16", photometric="minisblack")
        script = f"""
from pathlib import Path
from zarr_neural.archive import Options, convert, fidelity_from
options = Options(fidelity=fidelity_from(lossless=True), workers=4)
(report,) = convert([{str(path)!r}], {str(target)!r}, options)
assert report.status == "converted", report.error
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
        printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
        peaks.append(int(printed.split()[1]))
        path.unlink()
        modes = {inspect_path(chunk)["mode"] for chunk in (target / "0" / "c").rglob("*") if chunk.is_file()}
        assert modes == {"networks"}
    small, large = peaks
    assert large < small + 50_000
    assert large < 300_000
