"""A chunk says what it is without being decoded."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from zarr_neural.chunk import Fidelity, NoiseModel, describe, encode_chunk
from zarr_neural.errors import DamagedChunkError
from zarr_neural.models import default_lossless

MODEL = default_lossless()
Picture = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Case:
    """How an image is made of a picture and coded, and some of what its chunk says."""

    name: str
    make: Callable[[np.ndarray], np.ndarray]
    fidelity: Fidelity
    says: dict[str, Any]

    def __str__(self) -> str:
        return self.name


CAMERA = NoiseModel(gain=2.5, offset=-7, read_noise=1.5)
CASES = [
    Case(
        "constant",
        lambda p: p * 0,
        Fidelity(),
        {"mode": "constant", "model_prefix": None, "fidelity": {"lossless": True}},
    ),
    Case("generic", lambda p: p / 3, Fidelity(), {"mode": "generic", "dtype": "<f8", "model_prefix": None}),
    Case("networks", lambda p: p, Fidelity(), {"mode": "networks", "model_prefix": MODEL[:16], "shape": [60, 50]}),
    Case("fortran", lambda p: p.astype(">u2").T, Fidelity(), {"order": "F", "dtype": ">u2", "shape": [50, 60]}),
    Case("max_error", lambda p: p, Fidelity(max_error=3), {"fidelity": {"max_error": 3}}),
    Case("float", lambda p: p.astype("f4"), Fidelity(max_error=0.5), {"dtype": "<f4", "mode": "networks"}),
    Case(
        "noise",
        lambda p: p,
        Fidelity(noise=1.5, noise_model=CAMERA),
        {"fidelity": {"noise": 1.5, "gain": 2.5, "offset": -7, "read_noise": 1.5}},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_mode_is_described_in_json(case: Case, picture: Picture) -> None:
    """The description is plain JSON, true to what was encoded, sizes included."""
    data = encode_chunk(case.make(picture(60, 50)), case.fidelity, MODEL)
    described = describe(data)
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert {name: described[name] for name in case.says} == case.says
    assert described["format"] == "zarr_neural.v1"
    assert described["nbytes"] == len(data)
    assert described["bits_per_sample"] == pytest.approx(8 * len(data) / 3000, abs=1e-4)


def test_planes_are_described(picture: Picture) -> None:
    """Rectangle, levels and sizes of every plane are told."""
    stack = np.zeros((3, 64, 64), np.uint16)
    stack[0, 3:40, 5:60] = picture(37, 55)
    stack[1] = picture(64, 64)
    first, second, third = describe(encode_chunk(stack, Fidelity(), MODEL))["planes"]
    assert {name: first[name] for name in ("first_row", "first_column", "height", "width")} == {
        "first_row": 3,
        "first_column": 5,
        "height": 37,
        "width": 55,
    }
    assert "height" not in second
    assert second["levels"] == int(np.ptp(stack[1])) + 1
    assert (third["height"], third["width"]) == (0, 0)


def test_damage_is_not_described(picture: Picture) -> None:
    """Checksums are proven before anything is said."""
    data = bytearray(encode_chunk(picture(60, 50), Fidelity(), MODEL))
    data[-5] ^= 4
    with pytest.raises(DamagedChunkError, match="checksum of the payload"):
        describe(bytes(data))
