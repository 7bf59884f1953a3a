"""``noise=q``: errors stay within half a step of q standard deviations, and the model is measured well."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from zarr_neural.bitstream import zigzag
from zarr_neural.chunk import Fidelity, NoiseModel, decode_chunk, encode, encode_chunk, estimate_noise, quantise
from zarr_neural.chunk.noise import GAIN_UNIT, Q_UNIT, noise_intervals
from zarr_neural.chunk.quantise import NOISE, NoiseSteps, from_header
from zarr_neural.errors import ConfigurationError, UnsupportedInputError
from zarr_neural.models import default_lossless

MODEL = default_lossless()
Picture = Callable[..., np.ndarray]

MODELS = [
    NoiseModel(gain=0, offset=0, read_noise=0),
    NoiseModel(gain=0, offset=0, read_noise=0.4),
    NoiseModel(gain=0, offset=100, read_noise=30.5),
    NoiseModel(gain=1, offset=0, read_noise=0),
    NoiseModel(gain=2.17, offset=100, read_noise=3.3),
    NoiseModel(gain=0.46, offset=412.4, read_noise=1.6),
    NoiseModel(gain=12.5, offset=-300, read_noise=0.01),
    NoiseModel(gain=1e-5, offset=0, read_noise=1),
    NoiseModel(gain=65535, offset=0, read_noise=65535),
    NoiseModel(gain=300, offset=60_000, read_noise=2),
    NoiseModel(gain=300, offset=2**31, read_noise=2),
    NoiseModel(gain=300, offset=-(2**31), read_noise=2),
]
QS = [1 / 256, 0.5, 1.0, 1.5, 4.0, 255.0]


def random_models(count: int) -> list[tuple[NoiseModel, float]]:
    random = np.random.default_rng(0)
    drawn = random.uniform([-3, -4e4, -2, -2], [3, 4e4, 3, 1.5], (count, 4))
    return [(NoiseModel(10**g, offset, 10**r), 10**q) for g, offset, r, q in drawn.tolist()]


CASES = [(model, q) for model in MODELS for q in QS] + random_models(25)


def parameters(integers: tuple[int, int, int, int], highest: int) -> tuple[int, ...]:
    q, gain, offset, variance = integers
    return q, gain, zigzag(offset), variance, zigzag(highest)


def step_at(integers: tuple[int, int, int, int], boundary: Fraction) -> float:
    """The larger of 1 and q * sigma at a boundary, grey levels, by arithmetic that shares nothing with the codec."""
    q, gain, offset, variance = integers
    light = max(Fraction(0), boundary - offset)
    return max(1.0, q / Q_UNIT * math.sqrt((variance + gain * light) / GAIN_UNIT))


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
def test_intervals_partition_the_dtype(dtype: str) -> None:
    """Every value lies in exactly one interval, in order, and no interval is empty; the last ones reach the end."""
    info = np.iinfo(dtype)
    for model, q in CASES:
        first, last = noise_intervals(model.header_integers(q), int(info.min), int(info.max), int(info.max))
        assert first[0] == info.min
        assert last[-1] == info.max
        assert (first[1:] == last[:-1] + 1).all()
        assert (first <= last).all()


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
def test_the_table_keeps_the_bound_for_every_value(dtype: str) -> None:
    """For all values and many models |decoded - x| is at most half the larger of 1 and q sigma, rounded up."""
    info = np.iinfo(dtype)
    every = np.arange(int(info.min), int(info.max) + 1).astype(dtype)
    for model, q in CASES:
        integers = model.header_integers(q)
        header = parameters(integers, int(info.max))
        levels = NoiseSteps(header).levels(every)
        decoded = from_header(NOISE, header, every.dtype).values(levels, every.dtype)
        error = np.abs(decoded.astype(np.int64) - every.astype(np.int64))
        starts = np.flatnonzero(np.diff(levels, prepend=-1))
        worst = np.maximum.reduceat(error, starts)
        # the boundary lies less than one level below the first whole level of its interval
        light = np.maximum(every[starts].astype(np.float64) - integers[2], 0)
        steps = integers[0] / Q_UNIT * np.sqrt((integers[3] + integers[1] * light) / GAIN_UNIT) * (1 + 1e-12)
        assert (worst <= np.ceil(np.maximum(1, steps) / 2)).all()


def test_boundaries_follow_their_definition() -> None:
    """Boundaries are those of exact arithmetic, less than 1/65536 grey level of rounding each, over 10 bits."""
    for model, q in CASES:
        integers = model.header_integers(q)
        first, _ = noise_intervals(integers, 0, 1023, 1023)
        at, count = Fraction(0), 0
        firsts = []
        while at <= 1023:
            firsts.append(math.ceil(at))
            at += Fraction(math.floor(step_at(integers, at) * GAIN_UNIT), GAIN_UNIT)
            count += 1
        assert len(first) == len(firsts)
        assert np.abs(first - np.array(firsts)).max() <= 1


@pytest.mark.parametrize("q", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", ">u2", "i2"])
def test_chunks_keep_the_bound_for_every_value(dtype: str, q: float) -> None:
    """Chunks that hold every value of the dtype decode within half a step at each value."""
    info = np.iinfo(dtype)
    every = np.arange(int(info.min), int(info.max) + 1).astype(dtype)
    model = NoiseModel(gain=2.0, offset=10, read_noise=2.5)
    for image in (every, np.random.default_rng(1).permutation(every)):
        image = image.reshape(16**every.itemsize, -1)
        decoded = decode_chunk(encode_chunk(image, Fidelity(noise=q, noise_model=model), MODEL))
        sigma = model.sigma(np.maximum(image.astype(np.float64), decoded))
        error = np.abs(decoded.astype(np.int64) - image.astype(np.int64))
        assert (error <= np.ceil(np.maximum(1, q * sigma + 1e-3) / 2)).all()


def test_measured_noise_bounds_the_error(picture: Picture) -> None:
    """Without a model the chunk's own noise is measured, and errors stay a fraction of it."""
    image = picture(200, 200, photons=400)
    decoded = decode_chunk(encode_chunk(image, Fidelity(noise=1.0), MODEL))
    sigma = estimate_noise([image]).sigma(image)
    error = decoded.astype(np.float64) - image
    assert (np.abs(error) <= np.ceil(np.maximum(1, 1.1 * sigma + 1) / 2)).all()
    assert math.sqrt(np.mean(error**2)) < 0.35 * math.sqrt(np.mean(sigma**2))  # a uniform step of sigma: 0.29


def test_decoding_depends_on_header_integers_alone(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that has no floats of the noise model, nor a measurement, gives the same samples."""
    image = picture(64, 64)
    data = encode_chunk(image, Fidelity(noise=1.0), MODEL)
    decoded = decode_chunk(data)

    def forbidden(*_: Any) -> None:
        raise AssertionError("decoding measured noise")

    monkeypatch.setattr(quantise, "estimate_noise", forbidden)
    for name in ("sigma", "header_integers", "__post_init__"):
        monkeypatch.setattr(NoiseModel, name, forbidden)
    quantise._intervals.cache_clear()
    np.testing.assert_array_equal(decode_chunk(data), decoded)


def test_models_of_the_same_integers_write_the_same_bytes(picture: Picture) -> None:
    """Floats that round to the same header integers give the same chunk."""
    image = picture(64, 64)
    one, other = NoiseModel(2.0, 100, 3.0), NoiseModel(2.0 + 1e-7, 100.2, 3.0 + 1e-7)
    chunks = {encode_chunk(image, Fidelity(noise=1.0, noise_model=m), MODEL) for m in (one, other)}
    assert len(chunks) == 1


@dataclass(frozen=True)
class Camera:
    """A synthetic camera and scene."""

    gain: float
    read_noise: float
    brightest: float  # photo-electrons

    def image(self, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        y, x = np.mgrid[:512, :512] / 512
        light = (0.02 + (np.sin(4 * x + 1) * np.cos(3 * y) + 1) / 2) * self.brightest
        noisy = 100 + self.gain * random.poisson(light) + random.normal(0, self.read_noise, light.shape)
        return np.clip(noisy.round(), 0, 65535).astype(np.uint16)

    def __str__(self) -> str:
        return f"gain{self.gain}-read{self.read_noise}-{self.brightest}e"


CAMERAS = [Camera(0.46, 1.6, 2000), Camera(2.2, 5, 500), Camera(1, 2, 100), Camera(12, 20, 300), Camera(0.8, 12, 3000)]


@pytest.mark.parametrize("camera", CAMERAS, ids=str)
def test_gain_and_read_noise_are_recovered(camera: Camera) -> None:
    """On images of a known camera the gain is right within 15 %, and so is the noise at all levels."""
    image = camera.image(3)
    found = estimate_noise([image])
    assert found.gain == pytest.approx(camera.gain, rel=0.15)
    levels = np.quantile(image, np.linspace(0.02, 0.98, 25))
    true = np.sqrt(camera.read_noise**2 + camera.gain * np.maximum(levels - 100, 0))
    np.testing.assert_allclose(found.sigma(levels), true, rtol=0.15)


def test_noise_without_gain_is_recovered() -> None:
    """Read noise alone gives the read noise, with next to no gain."""
    random = np.random.default_rng(4)
    ramp = 300 + np.linspace(0, 500, 256)
    image = (ramp + random.normal(0, 6, (256, 256))).round().astype(np.int16)
    found = estimate_noise([image, image[::-1]])
    np.testing.assert_allclose(found.sigma(ramp), 6, rtol=0.15)


def _textured() -> np.ndarray:
    y, x = np.mgrid[:256, :256]
    return (1000 + 400 * np.sin(x / 3) * np.cos(y / 4)).astype(np.uint16)


def _saturated() -> np.ndarray:
    return np.minimum(Camera(2, 3, 40_000).image(5).astype(np.int64) * 40, 65535).astype(np.uint16)


ODD = {
    "constant": np.full((64, 64), 9, np.uint16),
    "zeros": np.zeros((64, 64), np.uint8),
    "all-saturated": np.full((64, 64), 65535, np.uint16),
    "one-pixel": np.full((1, 1), 7, np.uint16),
    "thin": np.arange(600, dtype=np.uint16).reshape(2, 300),
    "nine-by-nine": np.random.default_rng(5).integers(0, 99, (9, 9)).astype(np.uint16),
    "ten-by-ten": np.random.default_rng(5).integers(0, 99, (10, 10)).astype(np.uint16),
    "empty": np.zeros((0, 20), np.uint16),
    "saturated": _saturated(),
    "textured": _textured(),
    "two-levels": np.random.default_rng(6).choice(np.array([0, 65535], np.uint16), (64, 64)),
    "ramp": np.tile(np.arange(256, dtype=np.uint16) * 200, (256, 1)),
    "checkers": (np.indices((64, 64)).sum(0) % 2 * 200).astype(np.uint8),
    "negative": (np.random.default_rng(7).normal(-9000, 20, (100, 100))).astype(np.int16),
    "spike": np.where(np.indices((64, 64)).sum(0) == 50, 60_000, 5).astype(np.uint16),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_images_do_not_explode(name: str) -> None:
    """No image gives a noise that is not finite or exceeds its own spread, and all encode within that noise."""
    image = ODD[name]
    found = estimate_noise([image])
    assert all(math.isfinite(v) for v in (found.gain, found.offset, found.read_noise))
    if image.size:
        sigma = found.sigma(image.astype(np.float64))
        assert sigma.mean() <= 1.5 * image.std() + 1e-9
        decoded = decode_chunk(encode_chunk(image, Fidelity(noise=1.0), MODEL))
        error = np.abs(decoded.astype(np.int64) - image.astype(np.int64))
        top = found.sigma(np.maximum(image, decoded).astype(np.float64))
        assert (error <= np.ceil(np.maximum(1, top + 1e-2) / 2)).all()


def test_the_darkest_level_of_signed_samples() -> None:
    """A span beyond the dtype's largest value does not wrap round: the offset is near the darkest level."""
    for dtype in (np.int8, np.int16):
        info = np.iinfo(dtype)
        model = estimate_noise([np.array([[info.min, info.max], [info.max, info.min]], dtype)])
        assert info.min <= model.offset < info.min / 2


def test_images_without_noise_stay_as_they_are() -> None:
    """Where no noise can be measured, every step is one grey level: the chunk is lossless."""
    for name in ("constant", "zeros", "all-saturated", "one-pixel", "ramp"):
        np.testing.assert_array_equal(decode_chunk(encode_chunk(ODD[name], Fidelity(noise=1.0), MODEL)), ODD[name])


@pytest.mark.parametrize(
    ("plane", "says"),
    [
        (np.zeros((20, 20)), "2 axes of float64"),
        (np.zeros((2, 20, 20), np.uint16), "3 axes of uint16"),
        (np.zeros((20, 20), bool), "2 axes of bool"),
    ],
    ids=["float", "3D", "bool"],
)
def test_noise_is_measured_on_integer_planes_only(plane: np.ndarray, says: str) -> None:
    """What is not a plane of integers is refused by dimension and dtype."""
    with pytest.raises(UnsupportedInputError, match=says):
        estimate_noise([plane])


@pytest.mark.parametrize(
    "numbers",
    [
        (-1, 0, 0),
        (math.nan, 0, 0),
        (math.inf, 0, 0),
        (65536, 0, 0),
        (1, math.nan, 0),
        (1, 2.0**32, 0),
        (1, 0, -0.1),
        (1, 0, math.inf),
        ("1", 0, 0),
        (True, 0, 0),
        (None, 0, 0),
    ],
    ids=str,
)
def test_impossible_noise_models_are_refused(numbers: tuple[Any, Any, Any]) -> None:
    """A number that is not finite or out of its range is refused by name and value."""
    with pytest.raises(ConfigurationError, match=r"noise model: (gain|offset|read_noise) must be"):
        NoiseModel(*numbers)


def test_the_largest_error_is_proven_before_writing(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are checked against what was promised even where the quantiser itself is at fault."""
    monkeypatch.setattr(
        quantise.Step, "values", lambda self, levels, dtype: (levels * 9 + 9).clip(0, 65535).astype(dtype)
    )
    with pytest.raises(encode.BoundError, match="but at most 2 was promised"):
        encode_chunk(picture(40, 40), Fidelity(max_error=2), MODEL)


@pytest.mark.parametrize("fidelity", [Fidelity(noise=2.0), Fidelity(max_error=9)], ids=["noise", "max_error"])
def test_saturation_stays_saturated(fidelity: Fidelity) -> None:
    """No decoded sample exceeds the largest one, and samples at the ceiling of a 12-bit camera stay there."""
    random = np.random.default_rng(3)
    picture = np.minimum(random.normal(4000, 120, (96, 128)), 4095).astype("u2")
    decoded = decode_chunk(encode_chunk(picture, fidelity, MODEL))
    assert decoded.max() <= 4095
    assert (decoded[picture == 4095] == decoded.max()).all()


def test_means_stay_where_they_are() -> None:
    """Quantising flat, noisy pictures moves their mean by less than a tenth of a step, also for steps of even width."""
    for sigma in (4.0, 6.0, 8.3):
        model = NoiseModel(gain=0, offset=0, read_noise=sigma)
        picture = np.random.default_rng(1).normal(1000, sigma, (256, 256)).astype("u2")
        decoded = decode_chunk(encode_chunk(picture, Fidelity(noise=1.0, noise_model=model), MODEL))
        assert abs(float(decoded.mean()) - float(picture.mean())) < sigma / 20


def rewritten(fidelity: Fidelity, picture: np.ndarray, times: int) -> np.ndarray:
    """A chunk that is read, set back to what it was in one pixel, and written, so many times."""
    kept = picture
    for turn in range(times):
        kept = decode_chunk(encode_chunk(kept, fidelity, MODEL)).copy()
        y, x = divmod(7919 * turn % picture.size, picture.shape[1])
        kept[y, x] = picture[y, x]
    return kept


@pytest.mark.parametrize("given", [None, NoiseModel(gain=2.0, offset=100, read_noise=3)], ids=["measured", "given"])
def test_partial_writes_do_not_drift(given: NoiseModel | None, picture: Picture) -> None:
    """Thirty partial writes of a chunk leave the error of one, whether the noise is given or measured per chunk."""
    fidelity = Fidelity(noise=1.0, noise_model=given)
    image = picture(160, 160, photons=400)
    once, often = rewritten(fidelity, image, 1), rewritten(fidelity, image, 30)
    worst_once, worst_often = (np.abs(kept.astype(int) - image).max() for kept in (once, often))
    assert worst_once > 2
    assert worst_often <= worst_once
