"""``max_error=k`` holds for every sample there is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from zarr_neural.bitstream import zigzag
from zarr_neural.chunk import Fidelity, decode_chunk, describe, encode_chunk
from zarr_neural.chunk.quantise import STEP, Step, from_header
from zarr_neural.errors import UnsupportedInputError
from zarr_neural.models import default_lossless

MODEL = default_lossless()
Picture = Callable[..., np.ndarray]


def every_value(dtype: str) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.arange(int(info.min), int(info.max) + 1).astype(dtype)


def error(array: np.ndarray, k: float) -> tuple[float, bytes]:
    """The largest error of a round trip, and the chunk."""
    data = encode_chunk(array, Fidelity(max_error=k), MODEL)
    decoded = decode_chunk(data)
    assert (decoded.shape, decoded.dtype) == (array.shape, array.dtype)
    wide = np.float64 if array.dtype.kind == "f" else np.int64
    return np.abs(decoded.astype(wide) - array.astype(wide)).max(), data


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
def test_the_table_keeps_the_bound_for_every_value(dtype: str) -> None:
    """Of every value of the dtype, for hundreds of k, all of 8 bits among them, no error exceeds k; zero stays zero."""
    every = every_value(dtype)
    native = every.dtype
    ks = {*range(1, 256), 32767, 32768, 65534, 65535, *np.random.default_rng(0).integers(256, 65536, 60).tolist()}
    for k in sorted(ks):
        parameters = (k, zigzag(int(every.max())))
        levels = Step(parameters).levels(every)
        decoded = from_header(STEP, parameters, native).values(levels, native)
        assert np.abs(decoded.astype(np.int64) - every.astype(np.int64)).max() <= k
        assert (np.diff(levels) >= 0).all()
        assert decoded[every == 0] == 0


@pytest.mark.parametrize("k", [0, 1, 2, 5, 127, 128, 1000, 32767, 32768, 65535])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", ">u2", "i2", ">i2"])
def test_chunks_keep_the_bound_for_every_value(dtype: str, k: int) -> None:
    """Chunks that hold every value of the dtype, in order and shuffled, decode within k."""
    every = every_value(dtype)
    side = 2 ** (4 * every.itemsize)
    for image in (every, np.random.default_rng(k).permutation(every)):
        found, data = error(image.reshape(side, -1), k)
        assert found <= k
        assert describe(data)["fidelity"] in ({"max_error": k} if k else {"lossless": True}, {"max_error": k})


def test_zero_is_lossless(picture: Picture) -> None:
    """``max_error=0`` writes the bytes of ``lossless=True``."""
    image = picture(70, 60)
    assert encode_chunk(image, Fidelity(max_error=0), MODEL) == encode_chunk(image, Fidelity(), MODEL)


def test_any_k_is_possible(picture: Picture) -> None:
    """A bound beyond the range of the dtype is as good as the range."""
    found, data = error(picture(30, 30), 10**30)
    assert found <= 65535
    assert len(data) < 100


def test_larger_bounds_give_smaller_chunks(picture: Picture) -> None:
    """Each doubling of the step saves bytes until next to nothing is left."""
    image = picture(128, 128, photons=3000)
    sizes = [len(error(image, k)[1]) for k in (0, 1, 4, 16, 64, 256)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] < 0.93 * sizes[0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "<f4"])
@pytest.mark.parametrize("fill", [0, 250])
def test_padding_stays_what_it_was(dtype: str, fill: int, picture: Picture) -> None:
    """A padded margin comes back exactly, whatever the bound: it never rings into a picture."""
    padded = np.full((64, 80), fill, np.int64)
    padded[:40, :50] = picture(40, 50) // 8
    decoded = decode_chunk(
        encode_chunk(padded.clip(0, 255 if dtype == "u1" else 30_000).astype(dtype), Fidelity(max_error=7), MODEL)
    )
    assert (decoded[40:] == fill).all()
    assert (decoded[:, 50:] == fill).all()


@dataclass(frozen=True)
class Floats:
    """Float samples and a bound that can be kept for them."""

    name: str
    samples: np.ndarray
    k: float

    def __str__(self) -> str:
        return self.name


def _smooth(dtype: str, offset: float, scale: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (offset + scale * np.cumsum(random.normal(size=(60, 61)), axis=1)).astype(dtype)


FLOATS = [
    Floats("f4", _smooth("f4", 0, 10), 0.01),
    Floats("f4-big-endian", _smooth(">f4", 0, 10), 0.01),
    Floats("f4-offset", _smooth("f4", 16_000_000, 100), 1.0),
    Floats("f4-offset-near-the-grid", _smooth("f4", 16_000_000, 100), 0.7),
    Floats("f4-negative", _smooth("f4", -1e6, 50), 0.1),
    Floats("f4-tiny", _smooth("f4", 0, 1e-40), 1e-42),
    Floats("f4-large", _smooth("f4", 0, 1e37), 1e34),
    Floats("f4-to-the-end", np.linspace(-3.4028234e38, 3.4028234e38, 4000, dtype="f4").reshape(40, 100), 1e35),
    Floats("f4-within-one-step", _smooth("f4", 5, 1e-5), 1),
    Floats("f4-two-values", np.random.default_rng(1).choice(np.array([-1, 1], "f4"), (30, 30)), 0.25),
    Floats("f4-zeros", np.random.default_rng(2).choice(np.array([-0.0, 0.0, 1e-3], "f4"), (30, 30)), 1e-4),
    Floats("f8", _smooth("f8", 0, 10), 0.01),
    Floats("f8-big-endian", _smooth(">f8", 3, 1), 0.001),
    Floats("f8-offset", _smooth("f8", 1e12, 1), 0.01),
    Floats("f8-large", _smooth("f8", 0, 1e305), 1e303),
    Floats("f8-subnormal", _smooth("f8", 0, 1e-310), 1e-312),
    Floats("f8-to-the-end", np.linspace(-8e307, 8e307, 4000).reshape(40, 100), 1e304),
    Floats("f8-all-levels", np.linspace(0, 65533, 65536).reshape(256, 256), 0.5001),
]


@pytest.mark.parametrize("case", FLOATS, ids=str)
def test_floats_keep_the_bound(case: Floats) -> None:
    """Floats of any offset and range decode within the bound, the rounding to their dtype included."""
    found, data = error(case.samples, case.k)
    assert found <= case.k
    assert case.samples.nbytes > 2 * len(data) or describe(data)["mode"] == "generic"


def test_random_floats_keep_the_bound() -> None:
    """Two hundred random scales, offsets and bounds: within the bound, or refused with the number of levels."""
    random = np.random.default_rng(3)
    kept = 0
    for _ in range(200):
        dtype = random.choice(["f4", "f8"])
        scale, offset = (10.0 ** random.uniform(-30, 30) for _ in range(2))
        samples = (offset + scale * random.normal(size=(12, 13))).astype(dtype)
        k = float(np.ptp(samples)) * 10.0 ** random.uniform(-6, 1) or 1.0
        try:
            found, _ = error(samples, k)
        except UnsupportedInputError as refusal:
            assert "levels between" in str(refusal)  # noqa: PT017 - both outcomes are right
        else:
            kept += 1
            assert found <= k
    assert kept > 80


@dataclass(frozen=True)
class Refused:
    """Float samples and a bound that cannot be promised, with words of the message."""

    name: str
    samples: np.ndarray
    k: float
    says: str

    def __str__(self) -> str:
        return self.name


def _with(value: float) -> np.ndarray:
    samples = _smooth("f4", 0, 1)
    samples[30, 7] = value
    return samples


REFUSED = [
    Refused("nan", _with(np.nan), 0.1, "NaN or infinite"),
    Refused("infinity", _with(np.inf), 0.1, "NaN or infinite"),
    Refused("minus-infinity", _with(-np.inf), 0.1, "NaN or infinite"),
    Refused("all-nan", np.full((9, 9), np.nan), 0.1, "NaN or infinite"),
    Refused("zero-bound", _with(1), 0, "max_error=0 allows no error"),
    Refused("too-many-levels", np.linspace(0, 1e6, 900).reshape(30, 30), 1e-3, "5e\\+08 levels between 0 and 1e\\+06"),
    Refused("below-the-grid", _smooth("f4", 16_000_000, 100), 0.4, "inf levels"),
    Refused("whole-range-f8", np.array([[-1.7e308, 1.7e308]]), 1e300, "levels between"),
]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_floats_that_cannot_be_promised_are_refused(case: Refused) -> None:
    """Where no bound can be kept, the error says what stands in the way and nothing is written."""
    with pytest.raises(UnsupportedInputError, match=case.says):
        encode_chunk(case.samples, Fidelity(max_error=case.k), MODEL)
