"""No single pixel sets the range that a PSNR, a ratio or a display window refers to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.archive.check.spread import RANGE, WINDOW, percentiles, spread
from zarr_neural.errors import ConfigurationError

Writer = Callable[..., tuple[Path, np.ndarray]]


def converted(path: Path, target: Path, **asked: Any) -> Any:
    (report,) = convert([path], target, Options(fidelity_from(**asked), chunks=(128, 128), workers=2))
    return report


@pytest.mark.parametrize("asked", [{"psnr": 40.0}, {"ratio": 4.0}], ids=str)
def test_one_hot_pixel_changes_nothing(
    asked: dict[str, float], camera: Callable[..., np.ndarray], write_ome: Writer, tmp_path: Path
) -> None:
    """An image with one 65535 loses as little as the same image without it."""
    pixels = camera((300, 280))
    path, _ = write_ome("YX", pixels.shape, pixels=pixels, name="a.ome.tif")
    plain = converted(path, tmp_path / "a.zarr", **asked)
    pixels[150, 140] = 65535
    path, _ = write_ome("YX", pixels.shape, pixels=pixels, name="b.ome.tif")
    hot = converted(path, tmp_path / "b.zarr", **asked)
    assert hot.targets[0]["rmse"] == pytest.approx(plain.targets[0]["rmse"], rel=0.1)
    assert hot.channels[0]["rmse"] == pytest.approx(plain.channels[0]["rmse"], rel=0.1)
    assert hot.psnr_db == pytest.approx(plain.psnr_db, abs=1)
    assert hot.targets[0]["peak"] < 300


def test_a_ratio_that_a_hot_pixel_would_allow_is_refused(
    camera: Callable[..., np.ndarray], write_ome: Writer, tmp_path: Path
) -> None:
    """At 25 dB of the range without the hot pixel it ends, with what is reached there; below nothing is promised."""
    pixels = camera((300, 280))
    pixels[150, 140] = 65535
    path, _ = write_ome("YX", pixels.shape, pixels=pixels)
    report = converted(path, tmp_path / "a.zarr", ratio=300.0)
    assert (report.status, report.target) == ("failed", str(tmp_path / "a.zarr"))
    assert "25 dB" in report.error
    assert not (tmp_path / "a.zarr").exists()
    with pytest.raises(ConfigurationError, match="at least 25 dB"):
        fidelity_from(psnr=24.9)


@pytest.mark.parametrize("asked", [{"psnr": 40.0}, {"ratio": 30.0}], ids=str)
@pytest.mark.parametrize("chunks", [(1, 64, 64), (2, 64, 64)])
def test_a_few_beads_on_a_constant_ground_stay(
    asked: dict[str, float], chunks: tuple[int, ...], write_ome: Writer, tmp_path: Path
) -> None:
    """Where nearly all pixels have the same value there is no range: such a channel is lossless, hot pixel or not."""
    pixels = np.full((2, 256, 256), 100, "uint16")
    pixels[0, 100:102, 100:104] = 150
    pixels[0, 3, 3] = 65535
    pixels[1] = np.random.default_rng(2).normal(900, 60, (256, 256))
    path, _ = write_ome("CYX", pixels.shape, pixels=pixels)
    options = Options(fidelity_from(**({"psnr": 40.0} if "psnr" in asked else {"ratio": 1.7})), chunks=chunks)
    (report,) = convert([path], tmp_path / "a.zarr", options)
    assert report.status == "converted", report.error
    np.testing.assert_array_equal(np.asarray(zarr.open_array(tmp_path / "a.zarr" / "0", mode="r")[0]), pixels[0])
    assert any("nearly all pixels have the same value" in note for note in report.notes)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("version", ["0.5", "0.4"])
def test_display_windows_are_percentiles(dtype: str, version: str, tmp_path: Path) -> None:
    """From 0.1 to 99.9 per cent of the pixels, measured while converting; hot pixels lie outside."""
    pixels = np.random.default_rng(4).normal(120, 15, (700, 640)).round().astype(dtype)
    pixels[5, 5] = np.iinfo(dtype).max if pixels.dtype.kind in "iu" else 1e30
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr", Options(ome_version=version, chunks=(100, 100), workers=2))
    content = zarr.open_group(tmp_path / "a.zarr", mode="r").attrs.asdict()
    window = content.get("ome", content)["omero"]["channels"][0]["window"]
    truth = np.percentile(pixels, WINDOW, method="inverted_cdf")
    np.testing.assert_allclose([window["start"], window["end"]], truth, atol=0 if dtype != "float32" else 12)


def test_a_bad_column_of_a_wide_float_image_is_no_sample_of_it() -> None:
    """Pixels are drawn from all columns, also where rows are as long as the steps between them."""
    pixels = np.random.default_rng(5).normal(100, 10, (2048, 1024)).astype("float32")
    pixels[:, 0] = 1e6
    low, high = percentiles([spread(pixels)], WINDOW)
    assert low == pytest.approx(100 - 31, abs=4)
    assert high == pytest.approx(np.percentile(pixels, 99.8), abs=8)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint8", "int8"])
def test_parts_are_joined_nearly_exactly(dtype: str) -> None:
    """Over the whole of a dtype percentiles are off by 4 levels of 65536 at most, and not at all up to 8192 levels."""
    info = np.iinfo(dtype)
    rng = np.random.default_rng(6)
    parts = [rng.integers(info.min, info.max, (300, 200), dtype=dtype, endpoint=True) for _ in range(3)]
    parts.append(np.full((10, 10), info.max, dtype))
    every = np.concatenate([part.reshape(-1) for part in parts])
    wanted = (*RANGE, *WINDOW, 50)
    truth = np.percentile(every, wanted, method="inverted_cdf")
    found = percentiles([spread(part) for part in parts], wanted)
    np.testing.assert_allclose(found, truth, atol=4 if info.bits == 16 else 0)
    narrow = [(part // 16).astype(dtype) for part in parts]
    truth = np.percentile(np.concatenate([part.reshape(-1) for part in narrow]), wanted, method="inverted_cdf")
    np.testing.assert_array_equal(percentiles([spread(part) for part in narrow], wanted), truth)
