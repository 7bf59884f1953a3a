"""What cannot be coded is refused before anything is written, with what was found and what is allowed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from zarr_neural.chunk import Fidelity, NoiseModel, encode, encode_chunk, fidelity_of
from zarr_neural.errors import (
    BoundError,
    ConfigurationError,
    ModelError,
    ModelNotFoundError,
    UnsupportedInputError,
    ZarrNeuralError,
)
from zarr_neural.models import default_lossless

MODEL = default_lossless()
Picture = Callable[..., np.ndarray]
LOSSLESS, BOUNDED, NOISY, MEAN = Fidelity(), Fidelity(max_error=2), Fidelity(noise=1.0), Fidelity(rmse=2)


@dataclass(frozen=True)
class Refused:
    """An array and a fidelity that do not go together, and words of the message."""

    name: str
    array: np.ndarray
    fidelity: Fidelity
    says: str

    def __str__(self) -> str:
        return self.name


def zeros(shape: tuple[int, ...], dtype: Any = "u2") -> np.ndarray:
    """An array of any size that takes no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


REFUSED = [
    Refused("object", zeros((4, 4), object), LOSSLESS, r"dtype object cannot be coded; the possible dtypes are \|b1"),
    Refused("datetime", zeros((4, 4), "M8[s]"), LOSSLESS, r"datetime64\[s\] cannot be coded"),
    Refused("timedelta", zeros((4, 4), "m8[s]"), LOSSLESS, r"timedelta64\[s\] cannot be coded"),
    Refused("text", zeros((4, 4), "U3"), LOSSLESS, "<U3 cannot be coded"),
    Refused("bytes", zeros((4, 4), "S3"), LOSSLESS, r"\|S3 cannot be coded"),
    Refused("structured", zeros((4, 4), [("a", "u2"), ("b", "u1")]), LOSSLESS, "cannot be coded"),
    Refused("void", zeros((4, 4), "V4"), LOSSLESS, r"\|V4 cannot be coded"),
    Refused("long-double", zeros((4, 4), np.longdouble), LOSSLESS, "float128 cannot be coded|float64"),
    Refused("no-axes", np.array(3, "u2"), LOSSLESS, r"2 to 32 axes \(..., Y, X\), not 0"),
    Refused("one-axis", zeros((16,)), LOSSLESS, r"not the shape \(16,\).*remove the filters"),
    Refused("33-axes", zeros((1,) * 33), LOSSLESS, "2 to 32 axes.*not 33"),
    Refused("no-rows", zeros((0, 5)), LOSSLESS, r"shape \(0, 5\) holds nothing"),
    Refused("no-planes", zeros((0, 5, 5)), BOUNDED, r"shape \(0, 5, 5\) holds nothing"),
    Refused("2-GiB", zeros((2**16, 2**14)), LOSSLESS, "up to 2147483647 bytes, not 2147483648"),
    Refused("1-TiB", zeros((2**20, 2**19)), NOISY, "up to 2147483647 bytes, not 1099511627776"),
    Refused("bool-bounded", zeros((4, 4), bool), BOUNDED, "max_error=2 cannot be used for bool samples.*lossless=True"),
    Refused("bool-noise", zeros((4, 4), bool), NOISY, "noise=1 cannot be used for bool samples.*lossless=True"),
    Refused("u4-bounded", zeros((4, 4), "u4"), BOUNDED, "used for uint32 samples.*8- and 16-bit"),
    Refused("i4-noise", zeros((4, 4), "i4"), NOISY, "used for int32 samples"),
    Refused("i8-bounded", zeros((4, 4), ">i8"), BOUNDED, "used for >i8 samples|used for int64 samples"),
    Refused("f2-bounded", zeros((4, 4), "f2"), BOUNDED, "used for float16 samples"),
    Refused("f4-noise", zeros((4, 4), "f4"), NOISY, "noise=1 cannot be used for float32 samples"),
    Refused("complex-bounded", zeros((4, 4), "c8"), BOUNDED, "used for complex64 samples"),
    Refused("fraction", zeros((4, 4)), Fidelity(max_error=1.5), "of uint16 samples must be a whole number, not 1.5"),
    Refused("bool-mean", zeros((4, 4), bool), MEAN, "rmse=2 cannot be used for bool samples.*lossless=True"),
    Refused("u4-exact", zeros((4, 4), "u4"), Fidelity(max_error=0), "max_error=0 cannot be used for uint32 samples"),
    Refused("u4-mean", zeros((4, 4), "u4"), MEAN, "rmse=2 cannot be used for uint32 samples"),
    Refused(
        "f2-mean", zeros((4, 4), "f2"), MEAN, "rmse=2 cannot be used for float16 samples.*rmse= take these, float32"
    ),
    Refused("complex-mean", zeros((4, 4), "c8"), MEAN, "rmse=2 cannot be used for complex64 samples"),
    Refused("i4-both", zeros((4, 4), "i4"), Fidelity(rmse=2, max_error=9), "rmse=2 cannot be used for int32 samples"),
    Refused("fraction-both", zeros((4, 4)), Fidelity(rmse=2, max_error=1.5), "must be a whole number, not 1.5"),
    Refused("tiny-mean", zeros((4, 4)), Fidelity(rmse=0.001), "rmse of uint16 .* at least 0.00390625, not 0.001"),
]
REFUSED = [case for case in REFUSED if case.array.dtype != np.float64]  # where long doubles are doubles


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_arrays_that_cannot_be_coded_are_refused(case: Refused) -> None:
    """Each kind of array that the promise does not cover is refused by name, and constant content is no excuse."""
    with pytest.raises(UnsupportedInputError, match=case.says):
        encode_chunk(case.array, case.fidelity, MODEL)


ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"lossless": True, "noise": 1.0}, "exactly one of .* not lossless and noise"),
    ({"max_error": 1, "noise": 1.0}, "not max_error and noise"),
    ({"noise": 1, "rmse": 1.0}, "or max_error and rmse together; not noise and rmse"),
    ({"lossless": True, "rmse": 1.0}, "not lossless and rmse"),
    ({"lossless": True, "max_error": 1, "rmse": 1.0}, "not lossless and max_error and rmse"),
    ({"max_error": 1, "noise": 1, "rmse": 1.0}, "not max_error and noise and rmse"),
    ({"lossless": True, "max_error": 0}, "not lossless and max_error"),
    ({"lossless": False}, "lossless=False does not say which loss is allowed"),
    ({"lossless": "yes"}, "must be True or False, not 'yes'"),
    ({"rmse": 0}, "rmse must be a finite number above 0, not 0"),
    ({"rmse": -1.0}, "rmse must be .* not -1"),
    ({"rmse": float("nan")}, "rmse must be .* not nan"),
    ({"rmse": float("inf")}, "rmse must be .* not inf"),
    ({"rmse": "2"}, "rmse must be .* not '2'"),
    ({"rmse": True}, "rmse must be .* not True"),
    ({"rmse": 1.0, "noise_model": NoiseModel(1, 0, 1)}, "can be given only with noise="),
    ({"max_error": -1}, "max_error must be a finite number from 0 .* not -1"),
    ({"max_error": float("nan")}, "max_error must be .* not nan"),
    ({"max_error": float("inf")}, "max_error must be .* not inf"),
    ({"max_error": "2"}, "max_error must be .* not '2'"),
    ({"max_error": True}, "max_error must be .* not True"),
    ({"noise": 0}, "noise must be a finite number from 0.00390625 to 255, not 0"),
    ({"noise": 256}, "noise must be .* to 255, not 256"),
    ({"noise": float("nan")}, "noise must be .* not nan"),
    ({"noise": "a lot"}, "noise must be .* not 'a lot'"),
    ({"lossless": True, "noise_model": NoiseModel(1, 0, 1)}, "can be given only with noise="),
    ({"noise": 1.0, "noise_model": 3}, "must be a NoiseModel, not int"),
]


@pytest.mark.parametrize(("arguments", "says"), ARGUMENTS, ids=lambda a: ",".join(a) if isinstance(a, dict) else "")
def test_arguments_that_make_no_promise_are_refused(arguments: dict[str, Any], says: str) -> None:
    """Exactly one fidelity, within its range, of its type; the message tells what was given."""
    every = dict.fromkeys(("lossless", "max_error", "noise", "rmse", "noise_model"))
    with pytest.raises(ConfigurationError, match=says):
        fidelity_of(**(every | arguments))


def test_nothing_asked_is_lossless() -> None:
    """Without arguments nothing is lost: every loss is asked for."""
    assert fidelity_of(None, None, None, None, None) == Fidelity()
    assert fidelity_of(True, None, None, None, None) == Fidelity()
    assert fidelity_of(False, 2, None, None, None) == Fidelity(max_error=2)
    assert fidelity_of(None, None, None, np.float32(2), None) == Fidelity(rmse=2.0)
    assert fidelity_of(False, 9, None, 2, None) == Fidelity(max_error=9, rmse=2)


def test_models_that_are_not_there_are_named(picture: Picture) -> None:
    """Encoding with an unknown model is an error that names it and the places searched."""
    with pytest.raises(ModelNotFoundError, match=r"no model 0{64} found; searched: .*shipped"):
        encode_chunk(picture(40, 40), LOSSLESS, "0" * 64)
    with pytest.raises(ModelError, match="'short'"):
        encode_chunk(picture(40, 40), LOSSLESS, "short")


FIDELITIES = [LOSSLESS, BOUNDED, NOISY]


@pytest.mark.parametrize("fidelity", FIDELITIES, ids=["lossless", "max_error", "noise"])
def test_verification_catches_a_decoder_that_lies(
    fidelity: Fidelity, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that changes one sample in silence, or refuses, is found out before the bytes are handed out."""
    image = picture(48, 48)
    honest = encode.decode_chunk

    def lying(*arguments: Any) -> np.ndarray:
        decoded = honest(*arguments)
        decoded[20, 20] += 1
        return decoded

    monkeypatch.setattr(encode, "decode_chunk", lying)
    with pytest.raises(BoundError, match="did not give what was promised"):
        encode_chunk(image, fidelity, MODEL)
    data = encode_chunk(image, fidelity, MODEL, verify=False)
    monkeypatch.undo()
    assert encode_chunk(image, fidelity, MODEL) == data


def test_verification_catches_wrong_bytes(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that do not decode are never handed out."""
    monkeypatch.setattr(encode, "pack_header", lambda header: b"\x89ZNC\1 not a header")
    with pytest.raises(ZarrNeuralError):
        encode_chunk(picture(48, 48), LOSSLESS, MODEL)
