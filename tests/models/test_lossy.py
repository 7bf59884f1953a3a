"""Lossy models as files, and their numeric contract."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zarr_neural.errors import ConfigurationError, ModelError, ModelNotFoundError
from zarr_neural.models import (
    LosslessModel,
    LossyModel,
    default_lossless,
    default_lossy,
    load,
    load_lossless,
    load_lossy,
    pack_lossy,
    store,
    unpack,
    validate_lossy,
)

Arrays = dict[str, np.ndarray[Any, Any]]


def small_model(seed: int = 0) -> Arrays:
    """Random integers inside the contract: three gain vectors, hidden layers of 8 and 4 units."""
    rng = np.random.default_rng(seed)
    half = 2 * rng.integers(0, 31, (2, 48))
    half[0, :2] = 0, 60
    widths = np.zeros((2, 48, 128), np.int64)
    for at in np.ndindex(2, 48):
        symbols = 2 * half[at] + 3
        cuts = np.sort(rng.choice(np.arange(1, 2**14), symbols - 1, replace=False))
        widths[at][:symbols] = np.diff([0, *cuts, 2**14])
    arrays: Arrays = {
        "half": half.astype(np.uint8),
        "widths": widths.astype(np.uint16),
        "gains": rng.integers(-2048, 2048, (3, 10, 3)).astype(np.int16),
    }
    for layer, outputs, inputs in (("1", 8, 32), ("2", 4, 8), ("3", 9, 4)):
        arrays["w" + layer] = rng.integers(-63, 64, (4, 3, 4, outputs, inputs)).astype(np.int8)
        arrays["b" + layer] = rng.integers(-(2**20), 2**20, (4, 3, 4, outputs)).astype(np.int32)
        arrays["s" + layer] = rng.integers(0, 24, (4, 3, 4, outputs)).astype(np.uint8)
    return arrays


def test_round_trip() -> None:
    """A model comes back from its file, whose hash is its name."""
    arrays = small_model()
    model = unpack(pack_lossy(arrays, {"note": "n", "kind": "lossless"}))
    assert isinstance(model, LossyModel)
    assert set(model.arrays) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(model.arrays[name], array)
        assert model.arrays[name].dtype == array.dtype
        assert not model.arrays[name].flags.writeable
    assert model.metadata["note"] == "n"
    assert model.metadata["kind"] == "lossy"
    assert model == unpack(pack_lossy(arrays, {"note": "n"}))
    assert model != unpack(pack_lossy(small_model(1), {"note": "n"}))


def changed(name: str, value: int, at: tuple[int, ...] = (0, 0, 0, 0, 0)) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][at[: arrays[name].ndim]] = value

    return change


def replaced(name: str, make: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = make(arrays[name])

    return change


def moved(source: int, target: int) -> Callable[[Arrays], None]:
    """Hands all the width of one symbol of the first table, which has three, to another place."""

    def change(arrays: Arrays) -> None:
        widths = arrays["widths"][0, 0]
        widths[target] += widths[source]
        widths[source] = 0

    return change


VIOLATIONS: dict[str, tuple[Callable[[Arrays], Any], str]] = {
    "odd half": (changed("half", 1), "half of a table is 1, expected an even"),
    "half 62": (changed("half", 62), "62, allowed are 0 to 60"),
    "half of another table": (changed("half", 2), "width of a symbol is 0"),
    "half of a smaller table": (changed("half", 58, (0, 1)), "what is no symbol"),
    "symbol without width": (moved(0, 1), "width of a symbol is 0"),
    "escape without width": (moved(2, 1), "width of a symbol is 0"),
    "width of no symbol": (moved(2, 3), "width of a symbol is 0"),
    "sum of widths": (replaced("widths", lambda a: a + (a == a[0, 0, 0])), "sum of the widths"),
    "width beyond 2^14": (changed("widths", 65535), "65535"),
    "widths of half as many symbols": (replaced("widths", lambda a: a[..., :64]), "widths has shape"),
    "rows of half": (replaced("half", lambda a: a[:, :47]), "half has shape"),
    "quantisers": (replaced("widths", lambda a: a[:1]), "widths has shape"),
    "no gain vectors": (replaced("gains", lambda a: a[:0]), "number of gain vectors is 0"),
    "17 gain vectors": (replaced("gains", lambda a: np.repeat(a, 6, 0)[:17]), "17..17, allowed are 1 to 16"),
    "gain levels": (replaced("gains", lambda a: a[:, :9]), "gains has shape"),
    "gain 2048": (changed("gains", 2048), "2048"),
    "gain -2049": (changed("gains", -2049), "-2049"),
    "gains of 32 bits": (replaced("gains", lambda a: a.astype(np.int32)), "int32"),
    "weight 64": (changed("w1", 64), "64"),
    "weight -128": (changed("w3", -128), "128"),
    "bias": (changed("b1", 2**23 - 1), "largest sum"),
    "most negative bias": (changed("b3", -(2**31)), "largest sum"),
    "shift": (changed("s2", 24), "24"),
    "dimensions": (replaced("w1", lambda a: a[0]), "dimensions"),
    "classes": (replaced("w1", lambda a: a[:3]), "w1 has shape"),
    "bands": (replaced("b2", lambda a: a[:, :2]), "b2 has shape"),
    "phases": (replaced("s3", lambda a: a[:, :, :3]), "s3 has shape"),
    "inputs": (replaced("w1", lambda a: a[..., :-4]), "w1 has shape"),
    "six units": (replaced("w1", lambda a: a[:, :, :, :6]), "multiple of 4"),
    "too many units": (replaced("w1", lambda a: np.repeat(a, 9, 3)), "number of units"),
    "outputs": (replaced("w3", lambda a: a[:, :, :, :8]), "w3 has shape"),
    "missing": (lambda arrays: arrays.pop("half"), "found"),
    "of another kind": (lambda arrays: arrays.update(tails=np.zeros((3, 1025), np.uint32)), "found"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_every_violation_is_refused(name: str) -> None:
    """What breaks the numeric contract is refused at export, naming what was found."""
    arrays = small_model()
    validate_lossy(arrays)
    change, message = VIOLATIONS[name]
    change(arrays)
    with pytest.raises(ModelError, match=message):
        pack_lossy(arrays, {})


def test_the_edges_of_the_contract_are_allowed() -> None:
    """The largest table, one gain vector and sixteen, extreme gains, the widest layers."""
    arrays = small_model()
    arrays["gains"] = np.full((16, 10, 3), -2048, np.int16)
    validate_lossy(arrays)
    arrays["gains"] = np.full((1, 10, 3), 2047, np.int16)
    for layer, outputs, inputs in (("1", 64, 32), ("2", 64, 64), ("3", 9, 64)):
        arrays["w" + layer] = np.full((4, 3, 4, outputs, inputs), 63, np.int8)
        arrays["b" + layer] = np.full((4, 3, 4, outputs), -(2**22), np.int32)
        arrays["s" + layer] = np.full((4, 3, 4, outputs), 23, np.uint8)
    assert len(pack_lossy(arrays, {})) < 1_000_000


def test_a_violation_in_a_file_is_refused() -> None:
    """What breaks the contract in a file is refused at load; so is a file of an unknown kind."""
    arrays = small_model()
    data = pack_lossy(arrays, {})
    gains = arrays["gains"].astype("<i2").tobytes()
    assert data.count(gains) == 1
    with pytest.raises(ModelError, match="-32768"):
        unpack(data.replace(gains, b"\0\x80" + gains[2:]))
    with pytest.raises(ModelError, match="kind"):
        unpack(data.replace(b'"lossy"', b'"glass"'))


def test_random_damage_is_refused_or_harmless() -> None:
    """A file with any byte altered gives a model of another name, or our error."""
    data = pack_lossy(small_model(), {})
    wanted = unpack(data).id
    rng = np.random.default_rng(0)
    for _ in range(200):
        altered = bytearray(data)
        altered[rng.integers(len(data) if rng.random() < 0.5 else 1500)] ^= 1 << rng.integers(8)
        with contextlib.suppress(ModelError):
            assert unpack(bytes(altered)).id != wanted


def test_a_model_is_loaded_by_its_hash_and_its_kind_is_asked_for(tmp_path: Path) -> None:
    """`load` gives either kind; the two others refuse the kind that they are not for."""
    data = pack_lossy(small_model(7), {})
    model_id = unpack(data).id
    (tmp_path / f"{model_id}.safetensors").write_bytes(data)
    assert isinstance(load(default_lossless()), LosslessModel)
    assert load(model_id, [tmp_path]) is load_lossy(model_id)
    with pytest.raises(ModelError, match="lossy, expected a lossless"):
        load_lossless(model_id)
    with pytest.raises(ModelError, match="lossless, expected a lossy"):
        load_lossy(default_lossless())


@pytest.mark.parametrize("preset", store.LOSSY_PRESETS)
def test_presets(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset names the model that its file names; without the file it says that the build ships none."""
    monkeypatch.setattr(store, "SHIPPED", tmp_path)
    default_lossy.cache_clear()
    with pytest.raises(ModelNotFoundError, match=f"preset '{preset}'.*does not ship"):
        default_lossy(preset)
    (tmp_path / f"lossy-{preset}.default").write_text("ab" * 32 + "\n")
    assert default_lossy(preset) == "ab" * 32
    default_lossy.cache_clear()
    with pytest.raises(ConfigurationError, match="'best'; the presets are fast and dense"):
        default_lossy("best")
