"""Which models a codec names, and which of them it encodes with."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zarr_neural import NeuralCodec, NeuralSerializer, models
from zarr_neural.codecs import configuration
from zarr_neural.errors import ConfigurationError, ModelNotFoundError
from zarr_neural.models import default_lossless, pack_lossy, unpack

LOSSLESS = default_lossless()
UNKNOWN = "0" * 64
SHIPPED = {"fast": "a" * 64, "dense": "b" * 64}
Picture = Callable[..., np.ndarray]


@pytest.fixture
def presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two presets, as a build that ships them has."""
    monkeypatch.setattr(models, "default_lossy", SHIPPED.__getitem__)


@pytest.fixture
def lossy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lossy model of the user's own, with hidden layers of four units that see nothing."""
    widths = np.zeros((2, 48, 128), np.uint16)
    widths[..., :3] = 2**13, 2**12, 2**12
    arrays: dict[str, np.ndarray] = {
        "half": np.zeros((2, 48), np.uint8),
        "widths": widths,
        "gains": np.zeros((1, 10, 3), np.int16),
    }
    for layer, outputs, inputs in (("1", 4, 32), ("2", 4, 4), ("3", 9, 4)):
        arrays["w" + layer] = np.zeros((4, 3, 4, outputs, inputs), np.int8)
        arrays["b" + layer] = np.zeros((4, 3, 4, outputs), np.int32)
        arrays["s" + layer] = np.zeros((4, 3, 4, outputs), np.uint8)
    data = pack_lossy(arrays, {})
    model_id: str = unpack(data).id
    (tmp_path / f"{model_id}.safetensors").write_bytes(data)
    monkeypatch.setenv("ZARR_NEURAL_MODELS", str(tmp_path))
    return model_id


@pytest.mark.usefixtures("presets")
@pytest.mark.parametrize("codec", [NeuralCodec, NeuralSerializer])
@pytest.mark.parametrize("preset", ["fast", "dense"])
def test_a_preset_chooses_the_lossy_model_and_is_not_stored(preset: Any, codec: Any) -> None:
    """With rmse the metadata name two models, and a codec made of them is the same."""
    made = codec(rmse=2.0, preset=preset)
    members = made.configuration.to_json()
    assert members == {"rmse": 2.0, "models": [LOSSLESS, SHIPPED[preset]]}
    again = type(made.configuration).from_json(json.loads(json.dumps(members)))
    assert again == made.configuration
    assert pickle.loads(pickle.dumps(made)) == made
    assert eval(repr(made), {codec.__name__: codec}) == made  # noqa: S307 - our own repr


@pytest.mark.usefixtures("presets")
def test_fast_is_the_default() -> None:
    """Without a preset it is the fast one, and other fidelities name no lossy model."""
    assert NeuralCodec(rmse=2) == NeuralCodec(rmse=2, preset="fast") != NeuralCodec(rmse=2, preset="dense")
    for arguments in ({"lossless": True}, {"max_error": 1}, {"noise": 1.0}):
        assert NeuralCodec(**arguments).get_config()["models"] == [LOSSLESS]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"lossless": True, "preset": "dense"}, "preset='dense' applies only to rmse="),
        ({"max_error": 2, "preset": "dense"}, "applies only to rmse="),
        (
            {"rmse": 2, "preset": "dense", "models": [LOSSLESS]},
            "models already says which models to use: leave out preset",
        ),
        ({"rmse": 2, "preset": "best"}, "no preset 'best'; the presets are fast and dense"),
    ],
    ids=str,
)
def test_presets_that_choose_nothing_are_refused(arguments: dict[str, Any], says: str) -> None:
    """A preset is for rmse, one of two, and not beside a list of models."""
    with pytest.raises(ConfigurationError, match=says):
        NeuralCodec(**arguments)


def test_the_first_of_each_kind_encodes(lossy: str, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds are told by the models themselves, in any order; what comes after the first of both is not looked for."""
    given: list[Any] = []

    def spy(array: Any, fidelity: Any, *ids: Any, verify: bool) -> bytes:
        given.append(ids)
        return b""

    monkeypatch.setattr(configuration, "encode_chunk", spy)
    image = picture((30, 20))
    for ids in ([LOSSLESS, lossy], [lossy, LOSSLESS], [lossy, lossy, LOSSLESS, LOSSLESS, UNKNOWN]):
        NeuralCodec(rmse=2, models=ids).encode(image)
        NeuralCodec(lossless=True, models=ids).encode(image)
    assert given == [(LOSSLESS, lossy), (LOSSLESS,)] * 3


def test_a_kind_that_is_missing_is_named(lossy: str, picture: Picture) -> None:
    """Without a model of a kind that is needed, encoding is refused, not done in another way."""
    image = picture((30, 20))
    with pytest.raises(ConfigurationError, match=f"names no lossy model, which is needed to encode: {LOSSLESS}"):
        NeuralCodec(rmse=2, models=[LOSSLESS]).encode(image)
    with pytest.raises(ConfigurationError, match="names no lossless model"):
        NeuralCodec(lossless=True, models=[lossy, lossy]).encode(image)
    with pytest.raises(ModelNotFoundError, match=UNKNOWN):
        NeuralCodec(rmse=2, models=[LOSSLESS, UNKNOWN]).encode(image)
