"""At a mean error: never more than was asked for, a hard bound beside it where one is given, margins exact."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zarr_neural.bitstream import crc32c
from zarr_neural.chunk import Fidelity, NoiseModel, decode_chunk, describe, encode_chunk
from zarr_neural.chunk.header import pack_header, unpack_header
from zarr_neural.chunk.mean_error import root_mean_square_error
from zarr_neural.errors import ConfigurationError, DamagedChunkError, ModelError, UnsupportedInputError
from zarr_neural.intnet.known_answer import known_transform_arrays
from zarr_neural.models import default_lossless, pack_lossy

LOSSLESS = default_lossless()
FILE = pack_lossy(known_transform_arrays(), {})
LOSSY = hashlib.sha256(FILE).hexdigest()
Picture = Callable[..., np.ndarray]


@pytest.fixture(autouse=True)
def _a_lossy_model_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{LOSSY}.safetensors").write_bytes(FILE)
    monkeypatch.setenv("ZARR_NEURAL_MODELS", str(tmp_path))


def coded(array: np.ndarray, **fidelity: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """What an array comes back as, and what its chunk says."""
    data = encode_chunk(array, Fidelity(**fidelity), LOSSLESS, LOSSY)
    decoded = decode_chunk(data, (LOSSY,))
    assert decoded.shape == array.shape
    assert decoded.dtype == array.dtype
    return decoded, describe(data)


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2)))


def worst(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).max())


MAKE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "u1": lambda p: (p // 4).clip(0, 255).astype(np.uint8),
    "i1": lambda p: (p // 4 - 100).clip(-128, 127).astype(np.int8),
    "u2": lambda p: p,
    "u2-big-endian": lambda p: p.astype(">u2"),
    "i2": lambda p: p.astype(np.int16) - 400,
    "i2-fortran": lambda p: np.asfortranarray(p.astype(np.int16) * 6 - 3000),
    "f4": lambda p: (p / 7 + 1e4).astype(np.float32),
    "f8-negative": lambda p: -p / 7,
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("asked", [1.0, 4.0, 30.0])
def test_the_mean_error_holds(name: str, asked: float, picture: Picture) -> None:
    """The error of a chunk is at most what was asked for, and near it; the coarser, the smaller."""
    for shape in ((67, 90), (3, 40, 33)):
        array = MAKE[name](np.stack([picture(*shape[-2:], seed) for seed in range(3)])[: 3 if len(shape) > 2 else 1])
        array = np.asarray(array.reshape(shape), order="F" if "fortran" in name else "C")
        decoded, says = coded(array, rmse=asked)
        assert rmse(decoded, array) <= asked
        assert says["mode"] == "transform"
        assert says["fidelity"]["rmse"] is None
        assert says["model_prefix"] == LOSSY[:16]
        assert says["residual_model_prefix"] is None
        if asked < 30:
            assert rmse(decoded, array) > 0.6 * asked  # gains as wild as those of this model let the error jump
        finer, _ = coded(array, rmse=asked / 2)
        assert rmse(finer, array) <= asked / 2


@pytest.mark.parametrize("name", ["u1", "i2", "u2"])
@pytest.mark.parametrize(("asked", "bound"), [(3, 4), (8, 9), (8, 30), (2, 1), (30, 3), (5, 0), (4, 40_000)])
def test_a_bound_beside_the_mean_error_holds(name: str, asked: float, bound: int, picture: Picture) -> None:
    """With both, every sample is within the bound, and the chunk says which bound that is: the one asked for."""
    array = MAKE[name](picture(60, 71))
    decoded, says = coded(array, rmse=asked, max_error=bound)
    assert rmse(decoded, array) <= asked
    assert worst(decoded, array) <= bound
    if says["mode"] == "transform":
        assert says["fidelity"] == {"rmse": None, "max_error": min(bound, 65535)}
        assert says["residual_model_prefix"] == LOSSLESS[:16]
        assert "corrections" in says["planes"][0]
    assert says["mode"] in ("transform", "networks")


@pytest.mark.parametrize(("asked", "bound"), [(0.5, 1.0), (2.0, 2.0), (1.0, 0.1)])
def test_a_bound_of_floats_holds(asked: float, bound: float, picture: Picture) -> None:
    """Floats keep both promises too, rounding included."""
    for dtype in (np.float32, np.float64):
        array = (picture(50, 50) / 3).astype(dtype)
        decoded, _ = coded(array, rmse=asked, max_error=bound)
        assert rmse(decoded, array) <= asked
        assert worst(decoded, array) <= bound


def test_margins_come_back_exactly(picture: Picture) -> None:
    """A padded chunk keeps its padding, with and without corrections."""
    chunk = np.full((2, 96, 96), 65535, np.uint16)
    chunk[0, :60, :40] = picture(60, 40)
    for both in ({}, {"max_error": 30}):
        decoded, says = coded(chunk, rmse=10, **both)
        assert says["mode"] == "transform"
        assert (decoded[0, 60:] == 65535).all()
        assert (decoded[0, :, 40:] == 65535).all()
        assert (decoded[1] == 65535).all()
        assert rmse(decoded[0, :60, :40], chunk[0, :60, :40]) <= 10


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (2, 2), (1, 3), (3, 3), (1, 500), (400, 1), (5, 1, 7)], ids=str)
def test_small_and_thin_chunks(shape: tuple[int, ...]) -> None:
    """Every size can be coded, and both promises hold."""
    random = np.random.default_rng(list(shape))
    for top in (2, 255, 65535):
        array = random.integers(0, top + 1, shape, np.uint16)
        for both in ({}, {"max_error": max(1, top // 50)}):
            decoded, _ = coded(array, rmse=max(0.3, top / 30), **both)
            assert rmse(decoded, array) <= max(0.3, top / 30)
            if both:
                assert worst(decoded, array) <= both["max_error"]


def test_constant_chunks_stay_constant() -> None:
    """What has one value needs no transform."""
    for value in (np.uint16(7), np.float32(0.5)):
        decoded, says = coded(np.full((30, 40), value), rmse=3)
        assert says["mode"] == "constant"
        assert (decoded == value).all()


@pytest.mark.parametrize("dtype", ["<f4", ">f8"])
@pytest.mark.parametrize("asked", [{"rmse": 0.1}, {"max_error": 0.1}, {"rmse": 0.1, "max_error": 0.1}], ids=str)
def test_zeros_of_both_signs_are_one_value(dtype: str, asked: dict[str, float]) -> None:
    """A plane of 0.0 and -0.0 alone can be decoded again, whichever of them stands at its corners."""
    zeros = np.zeros((2, 6, 7), dtype)
    zeros[0, ::2] = -0.0
    zeros[1, :, ::3] = -0.0
    for array in (zeros, -zeros, zeros[:1]):
        decoded, _ = coded(array, **asked)
        np.testing.assert_array_equal(decoded, 0)


@pytest.mark.parametrize("asked", [1e6, 1e200, 1.7e308])
def test_an_error_beyond_all_samples(asked: float, picture: Picture) -> None:
    """Whoever allows any error gets a small chunk, not an overflow."""
    for array in (picture(40, 50), picture(40, 50).astype(float), picture(40, 50) * (asked / 1e6)):
        decoded, _ = coded(array, rmse=asked)
        assert np.isfinite(decoded).all()


def test_huge_floats_have_a_mean_error() -> None:
    """Squares beyond the range of float64 do not hide an error, nor make one up."""
    planes, decoded = np.full((1, 4, 5), 3e300), np.full((1, 4, 5), -4e300)
    assert root_mean_square_error(planes, decoded) == pytest.approx(7e300)
    assert root_mean_square_error(planes, planes) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("asked", [5e-324, 1.0, 1.7e308])
def test_floats_that_are_not_finite_are_refused(value: float, asked: float, picture: Picture) -> None:
    """No mean error can be promised for them; the message names what was asked for."""
    array = picture(20, 30) / 7
    array[3, 4] = value
    with pytest.raises(UnsupportedInputError, match=r"rmse=.* NaN or infinite"):
        coded(array, rmse=asked)


def test_an_error_too_fine_for_floats_is_refused(picture: Picture) -> None:
    """The message names the mean error, which is what the user gave."""
    with pytest.raises(UnsupportedInputError, match=r"rmse=1e-09 leaves .* levels between"):
        coded(picture(20, 30) / 7, rmse=1e-9)


def test_chunks_never_outgrow_their_samples() -> None:
    """Samples that jump over the whole range cost the transform more than they hold: they are coded without loss."""
    random = np.random.default_rng(5)
    for dtype in (np.uint8, np.int16):
        info = np.iinfo(dtype)
        for array in (
            random.choice(np.array([info.min, info.max], dtype), (3, 598)),
            random.integers(info.min, info.max, (1, 657), dtype, endpoint=True),
        ):
            data = encode_chunk(array, Fidelity(rmse=0.76), LOSSLESS, LOSSY)
            assert len(data) <= array.nbytes + 64
            assert rmse(decode_chunk(data, (LOSSY,)), array) <= 0.76


def test_what_is_too_fine_is_lossless(picture: Picture) -> None:
    """Where no step is fine enough, or lossless coding is smaller, the chunk is exact."""
    array = picture(64, 64)
    decoded, says = coded(array, rmse=1 / 256)
    np.testing.assert_array_equal(decoded, array)
    assert says["mode"] in ("networks", "generic")


def test_noise_keeps_its_promise_by_transform(picture: Picture) -> None:
    """From noise=3 on a lossy model may take part: no sample is off by more than half a step, rounded up."""
    camera = NoiseModel(gain=2.0, offset=100.0, read_noise=3.0)
    array = picture(80, 90, photons=4000)
    sigma = np.sqrt(9 + 2.0 * np.maximum(array.astype(float) - 100, 0))
    decoded, says = coded(array, noise=6.0, noise_model=camera)
    step = 6.0 * np.maximum(sigma, np.sqrt(9 + 2.0 * np.maximum(decoded.astype(float) - 100, 0)))
    assert (np.abs(decoded.astype(float) - array) <= np.ceil(step / 2) + 1).all()
    assert says["mode"] in ("transform", "networks")


def test_a_lossy_model_is_needed(picture: Picture) -> None:
    """Without one, rmse cannot be coded; one that is not there is named; a lossless one in its place is refused."""
    with pytest.raises(ConfigurationError, match="lossy model"):
        encode_chunk(picture(20, 20), Fidelity(rmse=2), LOSSLESS)
    with pytest.raises(ModelError, match="expected a lossy"):
        encode_chunk(picture(20, 20), Fidelity(rmse=2), LOSSLESS, LOSSLESS)


def test_heads_that_no_encoder_writes_are_refused(picture: Picture) -> None:
    """Unknown flags, a bound out of range, a model of another kind: errors of ours, with all checksums right."""
    data = encode_chunk(picture(40, 40), Fidelity(rmse=5, max_error=9), LOSSLESS, LOSSY)
    header, payload = unpack_header(data)
    assert bytes(payload[:10]) == b"\1" + bytes.fromhex(LOSSLESS)[:8] + b"\x09"

    def decode(payload: bytes, **changes: Any) -> np.ndarray:
        changed = vars(header) | {"payload_nbytes": len(payload), "payload_crc": crc32c(payload)} | changes
        return decode_chunk(pack_header(type(header)(**changed)) + payload, (LOSSY,))

    np.testing.assert_array_equal(decode(bytes(payload)), decode_chunk(data, (LOSSY,)))
    for flags in (2, 3, 129):
        with pytest.raises(DamagedChunkError, match="flags of the planes"):
            decode(bytes([flags]) + bytes(payload[1:]))
    for bound in (b"\x80\x80\x04", b"\xff" * 9 + b"\x01"):
        with pytest.raises(DamagedChunkError, match="bound of the corrections is out of range"):
            decode(bytes(payload[:9]) + bound + bytes(payload[10:]))
    with pytest.raises(DamagedChunkError, match="not those that were encoded"):
        decode(bytes(payload[:9]) + b"\x08" + bytes(payload[10:]))
    with pytest.raises(ModelError, match="expected a lossless"):
        decode(b"\1" + bytes.fromhex(LOSSY)[:8] + bytes(payload[9:]))
    with pytest.raises(ModelError, match="expected a lossy"):
        decode(bytes(payload), model=bytes.fromhex(LOSSLESS)[:8])
    with pytest.raises((DamagedChunkError, ModelError)):
        decode(bytes(payload), mode=2)


def test_an_error_near_the_deviation_of_the_picture(picture: Picture) -> None:
    """Where the error hardly depends on the step, a step is found all the same."""
    array = (picture(67, 90) / 7 + 1e4).astype(np.float32)
    for asked in (25, 28, 30, 32, 40, 1000):
        decoded, says = coded(array, rmse=asked)
        assert says["mode"] == "transform"
        assert rmse(decoded, array) <= asked


def test_planes_are_described(picture: Picture) -> None:
    """A chunk says the step, the range and the rectangle of each plane, and what its corrections are."""
    chunk = np.zeros((3, 70, 64), np.uint16)
    chunk[0] = picture(70, 64)
    chunk[1, :50, :40] = picture(50, 40)
    _, says = coded(chunk, rmse=6, max_error=15)
    first, padded, empty = says["planes"]
    assert first["levels"] == int(chunk[0].max()) - int(chunk[0].min()) + 1
    assert {"step", "quality", "lanes", "words_nbytes", "payload_nbytes"} <= set(first)
    assert "height" not in first
    assert (padded["height"], padded["width"]) == (50, 40)
    assert set(padded["corrections"]) >= {"palette", "levels", "repeats"}
    assert empty["levels"] == 1
    assert "step" not in empty
    _, says = coded((picture(40, 40) / 3).astype(np.float32), rmse=2.0)
    assert set(says["fidelity"]) == {"rmse", "levels"}
    assert says["fidelity"]["levels"]["step"] > 0
