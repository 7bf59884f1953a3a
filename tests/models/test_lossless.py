"""Models as files, the numeric contract, and the shipped model."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.errors import ModelError
from zarr_neural.models import default_lossless, load, locate, pack, unpack, validate
from zarr_neural.models.contract import DTYPES

Arrays = dict[str, np.ndarray[Any, Any]]


def small_model(seed: int = 0) -> Arrays:
    """Random integers inside the contract: two experts, hidden layers of 8 and 4 units."""
    rng = np.random.default_rng(seed)
    tails = np.sort(rng.integers(0, 2**29, (3, 1025)), axis=1)[:, ::-1]
    tails[:, 0] = 2**29
    arrays: Arrays = {
        "tails": tails.astype(np.uint32),
        "bank": rng.integers(-511, 512, (3, 2, 16)).astype(np.int16),
        "rules": np.stack([rng.integers(-64, 64, (3, 3, 2, 42)), rng.integers(0, 3, (3, 3, 2, 42))], -1).astype(
            np.int8
        ),
    }
    for layer, outputs, inputs in (("1", 8, 32), ("2", 4, 8), ("3", 9, 4)):
        arrays["w" + layer] = rng.integers(-63, 64, (3, 3, 2, outputs, inputs)).astype(np.int8)
        arrays["b" + layer] = rng.integers(-(2**20), 2**20, (3, 3, 2, outputs)).astype(np.int32)
        arrays["s" + layer] = rng.integers(0, 24, (3, 3, 2, outputs)).astype(np.uint8)
    return arrays


def test_round_trip() -> None:
    """A model comes back from its file, whose hash is its name."""
    arrays = small_model()
    model = unpack(pack(arrays, {"note": "n"}))
    for name, array in arrays.items():
        np.testing.assert_array_equal(model.arrays[name], array)
    assert model.metadata["note"] == "n"
    assert model.metadata["kind"] == "lossless"
    assert model == unpack(pack(arrays, {"note": "n"}))
    assert model != unpack(pack(small_model(1), {"note": "n"}))
    with pytest.raises(TypeError):
        model.arrays["w1"] = arrays["w1"]  # type: ignore[index]


def changed(name: str, value: int, at: tuple[int, ...] = (0, 0, 0, 0, 0)) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][at[: arrays[name].ndim]] = value

    return change


def replaced(name: str, make: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = make(arrays[name])

    return change


VIOLATIONS: dict[str, tuple[Callable[[Arrays], Any], str]] = {
    "weight 64": (changed("w1", 64), "64"),
    "weight -64": (changed("w2", -64), "64"),
    "weight -128": (changed("w3", -128), "128"),
    "bias": (changed("b1", 2**23 - 1), "largest sum"),
    "most negative bias": (changed("b3", -(2**31)), "largest sum"),
    "shift": (changed("s2", 24), "24"),
    "coefficient 512": (changed("bank", 512), "512"),
    "coefficient -512": (changed("bank", -512), "512"),
    "rule shift": (changed("rules", -65), "-65"),
    "rule shape": (changed("rules", 3, (0, 0, 0, 0, 1)), "shape of a rule"),
    "negative rule shape": (changed("rules", -1, (0, 0, 0, 0, 1)), "shape of a rule"),
    "tails start": (changed("tails", 2**29 - 1), "tails start"),
    "tails increase": (changed("tails", 2**29, (1, 1024)), "increase"),
    "tails steps": (replaced("tails", lambda a: a[:, :-1]), "tails has shape"),
    "two shapes": (replaced("tails", lambda a: a[:2]), "tails has shape"),
    "no filters": (replaced("bank", lambda a: a[:, :0]), "number of filters"),
    "bank of two phases": (replaced("bank", lambda a: a[:2]), "bank has shape"),
    "dtype": (replaced("w1", lambda a: a.astype(np.int16)), "int16"),
    "dimensions": (replaced("w1", lambda a: a[0]), "dimensions"),
    "inputs": (replaced("w1", lambda a: a[..., :-4]), "w1 has shape"),
    "units that do not fit": (replaced("w2", lambda a: a[..., :4]), "w2 has shape"),
    "no units": (replaced("w1", lambda a: a[:, :, :, :0]), "number of units"),
    "six units": (replaced("w1", lambda a: a[:, :, :, :6]), "multiple of 4"),
    "too many units": (replaced("w1", lambda a: np.repeat(a, 9, 3)), "number of units"),
    "outputs": (replaced("w3", lambda a: a[:, :, :, :8]), "w3 has shape"),
    "no experts": (replaced("w1", lambda a: a[:, :, :0]), "number of experts"),
    "groups": (replaced("rules", lambda a: a[:, :, :, :41]), "rules has shape"),
    "missing": (lambda arrays: arrays.pop("b2"), "found"),
    "unknown": (lambda arrays: arrays.update(x=arrays["b2"]), "found"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_every_violation_is_refused(name: str) -> None:
    """What breaks the numeric contract is refused at export, naming what was found."""
    arrays = small_model()
    validate(arrays)
    change, message = VIOLATIONS[name]
    change(arrays)
    with pytest.raises(ModelError, match=message):
        pack(arrays, {})


def test_a_violation_in_a_file_is_refused() -> None:
    """The contract is checked when a model is loaded, too."""
    arrays = small_model()
    data = bytearray(pack(arrays, {}))
    at = bytes(data).index(arrays["w1"].tobytes())
    data[at] = 64
    with pytest.raises(ModelError, match="64"):
        unpack(bytes(data))


def test_foreign_and_large_files_are_refused() -> None:
    """Another format, another kind, or a file beyond the limit is refused."""
    data = pack(small_model(), {})
    with pytest.raises(ModelError, match="format"):
        unpack(data.replace(b"zarr_neural.model.v1", b"zarr_neural.model.v2"))
    with pytest.raises(ModelError, match="kind"):
        unpack(data.replace(b'"lossless"', b'"lossy---"'))
    with pytest.raises(ModelError, match="1000000"):
        unpack(data + bytes(1_000_000))
    with pytest.raises(ModelError):
        pack(small_model(), {"note": "n" * 1_000_000})


def test_random_damage_is_refused_or_harmless() -> None:
    """A file with any byte altered gives a model of another name, or our error."""
    data = pack(small_model(), {})
    wanted = unpack(data).id
    rng = np.random.default_rng(0)
    for _ in range(300):
        altered = bytearray(data)
        altered[rng.integers(len(data) if rng.random() < 0.5 else 1500)] ^= 1 << rng.integers(8)
        with contextlib.suppress(ModelError):
            assert unpack(bytes(altered)).id != wanted


def test_the_shipped_model() -> None:
    """The model in the wheel is valid, small, names its data with their licences, and codes an image exactly."""
    model = load(default_lossless())
    assert model.id == default_lossless()
    assert len(locate(model.id)) < 300_000
    sets = json.loads(model.metadata["data"])
    assert {s["licence"] for s in sets if s["trained"]} == {"MIT", "BSD-3-Clause", "CC-BY-4.0"}
    assert all(s["held_out"] for s in sets if s["trained"])
    assert {"recipe", "seed", "torch", "zarr_neural"} <= set(model.metadata)
    engine = _native.make_model(*(model.arrays[name] for name in DTYPES))
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:97, :113]
    image = rng.poisson(200 + 100 * np.sin(x / 9) * np.cos(y / 11)).astype(np.uint16)
    top = int(image.max())
    data, words = _native.encode_plane(engine, image, top)
    np.testing.assert_array_equal(
        _native.decode_plane(engine, np.frombuffer(data, np.uint8), words, *image.shape, top), image
    )
    noise_bits = np.mean(0.5 * np.log2(2 * np.pi * np.e * image))
    assert len(data) * 8 / image.size < 1.1 * noise_bits
