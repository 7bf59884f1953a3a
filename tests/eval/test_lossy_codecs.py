import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from eval.demo import IMAGES
from eval.lossy_codecs import ANCHORS, by_name, further, usual, with_models
from eval.lossy_fields import sperr
from eval.lossy_ours import ours
from eval.lossy_pictures import as_colour, jpegxl, jpegxl_light, webp
from eval.lossy_record import LossyCodec, Settings, absent, as_it_is, stretched, unit_floats
from eval.lossy_wavelets import centred, htj2k, jpeg2000
from eval.metrics import psnr_db, rmse
from zarr_neural.models import pack_lossy, unpack

CODECS = [codec for codec in [*usual(), *further()] if not codec.missing]
SIDE = 160


def real(name: str) -> NDArray[Any]:
    """Return the middle of a shipped microscopy image."""
    image = tifffile.imread(IMAGES / f"{name}.tif")
    y, x = ((side - SIDE) // 2 for side in image.shape)
    return np.ascontiguousarray(image[y : y + SIDE, x : x + SIDE])


IMAGES_OF = {
    "8 bit": real("cells-fluorescence"),
    "16 bit, 600 levels": real("yeast-brightfield"),
    "12 bit in 16": real("plant-confocal"),
    "8 bit, 40 levels": (real("cells-fluorescence").astype(float) * 40 / 255).astype(np.uint8) + 100,
}


def quality(codec: LossyCodec, image: NDArray[Any], setting: float) -> tuple[int, float]:
    stream = codec.encode(image, setting)
    decoded = codec.decode(stream, image)
    assert decoded.dtype == image.dtype
    assert decoded.shape == image.shape
    return len(stream), psnr_db(rmse(image, decoded), float(np.ptp(image)))


@pytest.mark.parametrize("name", IMAGES_OF)
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_rate_falls_and_error_grows_with_the_setting(codec: LossyCodec, name: str) -> None:
    """A curve is believed only of a codec that loses, smoothly, in the direction of its setting."""
    image = IMAGES_OF[name]
    if codec.why_not(image):
        assert image.dtype.name in codec.refused
        return
    measured = [quality(codec, image, codec.settings.at(position)) for position in np.linspace(0, 1, 13)]
    useful = [pair for pair in measured if 10 < pair[1] < math.inf]
    assert len(useful) >= 4
    for (smaller, worse), (larger, better) in pairwise(useful):
        assert smaller < larger
        assert worse < better
    assert useful[0][1] < 34
    narrow = np.ptp(image) < 100  # few levels: the next better setting loses nothing
    assert useful[-1][1] > (33 if narrow else 46)


@pytest.mark.parametrize("codec", [jpeg2000(), sperr()], ids=lambda codec: codec.name)
@pytest.mark.parametrize("wanted", [37.0, 43.5])
def test_codecs_that_take_a_psnr_come_near_it(codec: LossyCodec, wanted: float) -> None:
    image = IMAGES_OF["16 bit, 600 levels"]
    assert quality(codec, image, wanted)[1] == pytest.approx(wanted, abs=1.5)


def test_high_throughput_jpeg2000_does_not_wrap_at_the_ends_of_the_scale() -> None:
    """Its decoder does not clamp: without a margin black pixels come back white."""
    image = np.zeros((64, 64), np.uint8)
    image[::7, ::5] = 255
    assert quality(htj2k(), image, 0.001)[1] > 50


def test_narrow_images_reach_high_quality_under_jpeg2000() -> None:
    """OpenJPEG's finest step is a grey level: 40 levels would end near 40 dB."""
    assert quality(jpeg2000(), IMAGES_OF["8 bit, 40 levels"], 52.0)[1] > 50


def test_jpegxl_has_one_error_for_dark_and_for_bright_pixels() -> None:
    """Its cube root is undone exactly: linear light gives bright pixels five times the error of dark ones.

    At effort 3, where the quantiser does not adapt to the eye.
    """
    rng = np.random.default_rng(3)
    errors = []
    for level in (4000, 56000):
        image = np.clip(rng.normal(level, 1500, (128, 256)), 0, 65535).astype(np.uint16)
        image[:, :4], image[:, -4:] = 0, 65535
        codec = jpegxl(3)
        decoded = codec.decode(codec.encode(image, 0.5), image)
        errors.append(rmse(image[:, 16:-16], decoded[:, 16:-16]))
    assert errors[0] == pytest.approx(errors[1], rel=0.05)


@pytest.mark.parametrize("name", IMAGES_OF)
def test_what_prepares_an_image_loses_nothing(name: str) -> None:
    image = IMAGES_OF[name]
    ways = [as_it_is, centred, unit_floats, lambda i: stretched(i, 16), lambda i: stretched(i, 16, 0.25)]
    for prepare in ways:
        prepared = prepare(image)
        np.testing.assert_array_equal(prepared.restore(prepared.plane), image)
        assert prepared.span == pytest.approx(np.ptp(prepared.plane), rel=1e-3)
    light = jpegxl_light(image)
    assert rmse(image, light.restore(light.plane)) < 1e-3 * np.ptp(image) / 10
    colour = as_colour(image, 12)
    assert colour.plane.shape == (*image.shape, 3)
    assert rmse(image, colour.restore(colour.plane[..., 1])) < np.ptp(image) / 4095


def test_the_whole_range_and_single_levels_survive_preparation() -> None:
    full = np.array([[0, 65535], [1, 40000]], np.uint16)
    flat = np.full((8, 8), 7, np.uint8)
    for image in (full, flat):
        for prepare in (as_it_is, centred, unit_floats, lambda i: stretched(i, 16)):
            prepared = prepare(image)
            np.testing.assert_array_equal(prepared.restore(prepared.plane), image)


def test_settings_go_from_worst_to_best() -> None:
    assert Settings(25, 0.01, log=True).at(0) == 25
    assert Settings(25, 0.01, log=True).at(1) == pytest.approx(0.01)
    assert Settings(0, 99, whole=True).at(0.123) == 12
    for settings in (Settings(25, 0.01, log=True), Settings(20, 70)):
        assert settings.position(settings.at(0.3)) == pytest.approx(0.3)


def test_a_codec_that_imagecodecs_lacks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        available = False

    monkeypatch.setattr(imagecodecs, "WEBP", Lacking)
    assert "has no WEBP" in webp().missing
    assert "has no WEBP" in webp().why_not(IMAGES_OF["8 bit"])
    assert "has no NOSUCH" in absent("NOSUCH")
    assert webp().settings == Settings(0, 100)


@pytest.fixture
def model_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lossy model of the user's own, whose networks see nothing."""
    widths = np.zeros((2, 48, 128), np.uint16)
    widths[..., :3] = 2**13, 2**12, 2**12
    gains = np.zeros((1, 10, 3), np.int16)
    arrays: dict[str, NDArray[Any]] = {"half": np.zeros((2, 48), np.uint8), "widths": widths, "gains": gains}
    for layer, outputs, inputs in (("1", 4, 32), ("2", 4, 4), ("3", 9, 4)):
        arrays["w" + layer] = np.zeros((4, 3, 4, outputs, inputs), np.int8)
        arrays["b" + layer] = np.zeros((4, 3, 4, outputs), np.int32)
        arrays["s" + layer] = np.zeros((4, 3, 4, outputs), np.uint8)
    data = pack_lossy(arrays, {})
    found: str = unpack(data).id
    (tmp_path / f"{found}.safetensors").write_bytes(data)
    monkeypatch.setenv("ZARR_NEURAL_MODELS", str(tmp_path))
    return found


@pytest.mark.parametrize("name", IMAGES_OF)
def test_our_codec_keeps_its_mean_error(name: str, model_id: str) -> None:
    (codec,) = with_models([f"mine={model_id}"])
    assert (codec.name, codec.missing) == ("zarr_neural-mine", "")
    measured = [quality(codec, IMAGES_OF[name], wanted) for wanted in (30.0, 36.0, 42.0)]
    for (_, psnr), wanted in zip(measured, (30.0, 36.0, 42.0), strict=True):
        assert psnr >= wanted
    if np.ptp(IMAGES_OF[name]) > 100:  # of few levels a stream without loss may be the smaller one
        assert measured[0][0] < measured[1][0] < measured[2][0]


def test_a_model_of_ours_that_is_not_there_is_named() -> None:
    """No folder of this machine stands in the reason: it goes into tables."""
    (codec,) = with_models(["mine=" + "0" * 64])
    assert codec.missing == f"no model {'0' * 64} found"
    for preset in ("fast", "dense"):
        assert "/" not in ours(preset).missing
    with pytest.raises(ValueError, match="NAME=SHA256"):
        with_models(["mine=abc"])


def test_names_are_unique_and_unknown_ones_are_refused() -> None:
    names = [codec.name for codec in [*usual(), *further()]]
    assert len(set(names)) == len(names)
    assert set(ANCHORS) <= set(names)
    assert [codec.name for codec in by_name(["sz3", "avif-4"])] == ["sz3", "avif-4"]
    with pytest.raises(ValueError, match="unknown codec nosuch; there are: zarr_neural-fast"):
        by_name(["nosuch"])
