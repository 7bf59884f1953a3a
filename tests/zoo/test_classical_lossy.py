import math
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.zoo.classical import FAMILIES, LossyCodec, by_name
from zarr_neural.zoo.classical.fields import sperr
from zarr_neural.zoo.classical.library import absent
from zarr_neural.zoo.classical.pictures import JPEGXL_LIGHT, as_colour, jpegxl, webp
from zarr_neural.zoo.classical.record import Settings
from zarr_neural.zoo.classical.scaling import AS_IT_IS, UNIT_FLOATS, Scale, scale_of, stretched
from zarr_neural.zoo.classical.wavelets import CENTRED, htj2k, jpeg2000

CODECS = [codec for codec in FAMILIES.values() if not codec.missing]


def rmse(image: NDArray[Any], decoded: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean((image.astype(float) - decoded.astype(float)) ** 2)))


def quality(codec: LossyCodec, image: NDArray[Any], setting: float) -> tuple[int, float]:
    prepared = codec.prepare(image)
    stream = codec.compress(prepared, setting)
    decoded = codec.restore(stream, image.shape, prepared.scale)
    assert decoded.dtype == image.dtype
    assert decoded.shape == image.shape
    error = rmse(image, decoded)
    return len(stream), 20 * math.log10(np.ptp(image) / error) if error else math.inf


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_rate_falls_and_error_grows_with_the_setting(codec: LossyCodec, shipped_image: NDArray[Any]) -> None:
    """A curve is believed only of a codec that loses, smoothly, in the direction of its setting."""
    image = shipped_image
    if codec.why_not(image):
        assert image.dtype.name in codec.refused
        return
    measured = [quality(codec, image, codec.settings.at(position)) for position in np.linspace(0, 1, 13)]
    # a finer setting than the library's finest gives its stream again
    useful = [pair for pair in dict.fromkeys(measured) if 10 < pair[1] < math.inf]
    assert len(useful) >= 4
    for (smaller, worse), (larger, better) in pairwise(useful):
        assert smaller < larger
        assert worse < better
    assert useful[0][1] < 34
    narrow = np.ptp(image) < 100  # few levels: the next better setting loses nothing
    assert useful[-1][1] > (33 if narrow else 46)


@pytest.mark.parametrize("codec", [jpeg2000(), sperr()], ids=lambda codec: codec.name)
@pytest.mark.parametrize("wanted", [37.0, 43.5])
def test_codecs_that_take_a_psnr_come_near_it(
    codec: LossyCodec, wanted: float, shipped_images: dict[str, NDArray[Any]]
) -> None:
    image = shipped_images["16 bit, 600 levels"]
    assert quality(codec, image, wanted)[1] == pytest.approx(wanted, abs=1.5)


def test_high_throughput_jpeg2000_does_not_wrap_at_the_ends_of_the_scale() -> None:
    """Its decoder does not clamp: without a margin black pixels come back white."""
    image = np.zeros((64, 64), np.uint8)
    image[::7, ::5] = 255
    assert quality(htj2k(), image, 0.001)[1] > 50


def test_narrow_images_reach_high_quality_under_jpeg2000(shipped_images: dict[str, NDArray[Any]]) -> None:
    """OpenJPEG's finest step is a grey level: 40 levels would end near 40 dB."""
    assert quality(jpeg2000(), shipped_images["8 bit, 40 levels"], 52.0)[1] > 50


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
        prepared = codec.prepare(image)
        decoded = codec.restore(codec.compress(prepared, 0.5), image.shape, prepared.scale)
        errors.append(rmse(image[:, 16:-16], decoded[:, 16:-16]))
    assert errors[0] == pytest.approx(errors[1], rel=0.05)


SCALINGS = [AS_IT_IS, CENTRED, UNIT_FLOATS, stretched(16), stretched(16, 0.25)]


def test_what_prepares_an_image_loses_nothing(shipped_image: NDArray[Any]) -> None:
    image = shipped_image
    for scaling in SCALINGS:
        prepared = scaling.prepare(image)
        np.testing.assert_array_equal(scaling.restore(prepared.plane, prepared.scale), image)
        assert prepared.span == pytest.approx(np.ptp(prepared.plane), rel=1e-3)
    light = JPEGXL_LIGHT.prepare(image)
    assert rmse(image, JPEGXL_LIGHT.restore(light.plane, light.scale)) < 1e-3 * np.ptp(image) / 10
    colour = as_colour(12).prepare(image)
    assert colour.plane.shape == (*image.shape, 3)
    assert rmse(image, as_colour(12).restore(colour.plane[..., 1], colour.scale)) < np.ptp(image) / 4095


@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "i2"])
def test_the_whole_range_and_single_levels_survive_preparation(dtype: str) -> None:
    limits = np.iinfo(dtype)
    full = np.array([[limits.min, limits.max], [limits.min + 1, limits.max // 2]], dtype)
    flat = np.full((8, 8), 7, dtype)
    for image in (full, flat):
        for scaling in (AS_IT_IS, CENTRED, UNIT_FLOATS, stretched(16)):
            prepared = scaling.prepare(image)
            np.testing.assert_array_equal(scaling.restore(prepared.plane, prepared.scale), image)


@pytest.mark.parametrize("scaling", SCALINGS, ids=["as it is", "centred", "floats", "stretched", "margin"])
def test_a_part_of_an_image_is_restored_by_the_scale_of_the_whole(scaling: Any) -> None:
    """Of a dark corner the codec is given few levels: its step is that of the whole image."""
    corner = np.random.default_rng(4).integers(1000, 1050, (20, 30)).astype(np.uint16)
    prepared = scaling.prepare(corner, 900, 60000)
    same = Scale.from_parameters(corner.dtype, prepared.scale.parameters())
    assert same == prepared.scale
    off = np.abs(scaling.restore(prepared.plane, same).astype(int) - corner)
    assert off.max() <= (1 if prepared.span < 59100 else 0)  # the margin leaves fewer levels than the range has
    assert float(np.ptp(prepared.plane)) < prepared.span / 1000


@pytest.mark.parametrize("family", ["lerc", "zfp", "sz3", "sperr"])
def test_floats_from_end_to_end_of_their_range_survive(family: str) -> None:
    """Differences of float32 that float32 does not hold."""
    ends = np.finfo(np.float32)
    image = np.linspace(float(ends.min), float(ends.max), 400).astype(np.float32).reshape(20, 20)
    codec = FAMILIES[family]
    prepared = codec.prepare(image)
    decoded = codec.restore(codec.compress(prepared, codec.settings.at(0.9)), image.shape, prepared.scale)
    assert np.abs(decoded.astype(float) - image).max() < 0.01 * float(ends.max)


def test_jpeg_has_huffman_tables_of_its_own(shipped_images: dict[str, NDArray[Any]]) -> None:
    """The standard's tables are half of what a small plane costs: no rival of ours is to be handicapped by them."""
    image = shipped_images["8 bit"]
    codec = FAMILIES["jpeg"]
    prepared = codec.prepare(image)
    assert len(codec.compress(prepared, 20)) < len(imagecodecs.jpeg8_encode(prepared.plane, 20)) - 150


def test_values_outside_of_the_stated_range_are_refused() -> None:
    image = np.array([[10, 300]], np.uint16)
    with pytest.raises(UnsupportedInputError, match="values 10 to 300 lie outside of the stated range 11 to 4095"):
        scale_of(image, 11, 4095)
    with pytest.raises(UnsupportedInputError, match="stated range 0 to 299"):
        scale_of(image, 0, 299)
    with pytest.raises(UnsupportedInputError, match="not finite"):
        scale_of(np.array([[0, np.nan]], np.float32))
    assert scale_of(image, -7.5, 1e6) == Scale(image.dtype, 0, 65535)


@pytest.mark.parametrize(("dtype", "ends"), [("<u1", (3, 250)), ("<i2", (-32768, 5)), ("<f4", (-1.5e-7, 0.1))])
def test_a_scale_is_whole_numbers(dtype: str, ends: tuple[float, float]) -> None:
    scale = Scale(np.dtype(dtype), *ends, offset=-300)
    assert all(isinstance(value, int) and value >= 0 for value in scale.parameters())
    assert Scale.from_parameters(scale.dtype, scale.parameters()) == scale


@pytest.mark.parametrize(("dtype", "parameters"), [("<u1", (0, 4)), ("<u1", (1, 4, 0)), ("<u2", (8, 4, 0))])
def test_parameters_that_are_no_scale_are_damage(dtype: str, parameters: tuple[int, ...]) -> None:
    with pytest.raises(DamagedChunkError):
        Scale.from_parameters(np.dtype(dtype), parameters)


def test_settings_go_from_worst_to_best() -> None:
    assert Settings(25, 0.01, log=True).at(0) == 25
    assert Settings(25, 0.01, log=True).at(1) == pytest.approx(0.01)
    assert Settings(0, 99, whole=True).at(0.123) == 12
    for settings in (Settings(25, 0.01, log=True), Settings(20, 70)):
        assert settings.position(settings.at(0.3)) == pytest.approx(0.3)


def test_a_codec_that_imagecodecs_lacks_says_so(
    monkeypatch: pytest.MonkeyPatch, shipped_images: dict[str, NDArray[Any]]
) -> None:
    class Lacking:
        available = False

    monkeypatch.setattr(imagecodecs, "WEBP", Lacking)
    assert "has no WEBP" in webp().missing
    assert "has no WEBP" in webp().why_not(shipped_images["8 bit"])
    assert "has no NOSUCH" in absent("NOSUCH")
    assert webp().settings == Settings(0, 100)


def test_names_are_unique_and_unknown_ones_are_refused() -> None:
    assert all(name == codec.name for name, codec in FAMILIES.items())
    assert [codec.name for codec in by_name(["sz3", "avif-4"])] == ["sz3", "avif-4"]
    with pytest.raises(ConfigurationError, match="no lossy codec is called 'nosuch'; there are: jpeg2000, jpegxl-7"):
        by_name(["nosuch"])
