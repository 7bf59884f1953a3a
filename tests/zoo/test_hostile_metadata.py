"""Metadata come from anybody: they name models and weights by SHA-256, and no file of their choice is opened."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest

from zarr_neural import NeuralCodec, NeuralSerializer
from zarr_neural.errors import ConfigurationError, ModelNotFoundError, ZarrNeuralError
from zarr_neural.zoo import FactorizedPrior3D, ZooCodec
from zarr_neural.zoo.autoencoders import AutoencoderCodec, ResidualCodec
from zarr_neural.zoo.weights import write_weights

NAMES: list[Any] = [
    "../x", "/etc/passwd", "~", "~root/x", r"\\server\share\x", "C:\\x", "", ".", "a\0b", "\ud800", "0" * 63, "0" * 65,
    "A" * 64, "0" * 63 + "\n", "x" * 100_000, 7, 1.5, True, [], ["0" * 64], {"a": 1}, b"0" * 64,
]  # fmt: skip
OBJECTS: dict[str, dict[str, Any]] = {
    "zarr_neural.autoencoder": {"step": 0.5},
    "zarr_neural.autoencoder_residual": {"residual": "huffman"},
    "zarr_neural.zoo": {"name": "mbt2018", "channels": 1},
    "zarr_neural.zoo3d": {},
}
_opened: list[str] = []
_watching = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "os.listdir", "os.scandir", "socket.connect", "subprocess.Popen"):
        _opened.append(f"{event} {arguments[0]!r}"[:200])


sys.addaudithook(_hook)


@contextmanager
def nothing_opened() -> Iterator[None]:
    """Within, not one file is opened nor folder listed: the interpreter's own audit says so."""
    global _watching
    _opened.clear()
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert _opened == []


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:20])
@pytest.mark.parametrize("codec", OBJECTS)
def test_weights_in_metadata_are_named_by_their_hash_alone(codec: str, name: Any) -> None:
    """Anything else ends in our error, which repeats at most a little of it, and nothing is opened."""
    numcodecs.get_codec({"id": codec, **OBJECTS[codec], "weights": "0" * 64})  # its modules are loaded now
    with nothing_opened(), pytest.raises(ConfigurationError, match=r"SHA-256|weights") as caught:
        numcodecs.get_codec({"id": codec, **OBJECTS[codec], "weights": name})
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:20])
def test_models_in_metadata_are_named_by_their_hash_alone(name: Any) -> None:
    """The codec of this package takes a list of hashes, and opens nothing before a chunk names one of them."""
    NeuralCodec.from_config({"id": "zarr_neural.v1"})
    for models in ([name],) if name == ["0" * 64] else ([name], name):
        with nothing_opened():
            with pytest.raises(ZarrNeuralError):
                NeuralCodec.from_config({"id": "zarr_neural.v1", "models": models})
            with pytest.raises(ZarrNeuralError):
                NeuralSerializer.from_dict({"name": "zarr_neural.v1", "configuration": {"models": models}})


@pytest.mark.parametrize(
    "config",
    [
        {"id": "zarr_neural.zoo", "name": ["mbt2018"]},
        {"id": "zarr_neural.zoo", "name": "../mbt2018"},
        {"id": "zarr_neural.zoo", "name": "mbt2018", "metric": {}},
        {"id": "zarr_neural.zoo", "name": "mbt2018", "low": [1], "high": [2]},
        {"id": "zarr_neural.zoo", "name": "mbt2018", "path": "/etc/passwd"},
        {"id": "zarr_neural.zoo"},
        {"id": "zarr_neural.zoo3d", "quality": "8"},
        {"id": "zarr_neural.classical", "family": ["jpegxl"]},
        {"id": "zarr_neural.classical", "family": {}, "lossless": True},
        {"id": "zarr_neural.study_tiles", "family": {}},
        {"id": "zarr_neural.study_tiles", "weights": "/etc/passwd"},
        {"id": "zarr_neural.autoencoder", "weights": "0" * 64, "step": 10**400},
        {"id": "zarr_neural.autoencoder_residual", "weights": "0" * 64, "residual": []},
    ],
    ids=lambda config: json.dumps(config)[:60],
)
def test_other_members_end_in_our_error(config: dict[str, Any]) -> None:
    """Members of a wrong kind, unknown ones and missing ones are refused when the codec is made."""
    with pytest.raises(ConfigurationError):
        numcodecs.get_codec(config)


def test_a_path_given_in_python_is_recorded_as_a_hash(tmp_path: Path) -> None:
    """Metadata made by a codec with a path hold the SHA-256; this process finds the file again, others search."""
    path = tmp_path / "mine"
    digest = write_weights(path, {"x": np.ones(3, "f4")}, {})
    for codec in (AutoencoderCodec(str(path), 0.5), ResidualCodec(str(path))):
        config = json.loads(json.dumps(codec.get_config()))
        assert config["weights"] == digest
        assert numcodecs.get_codec(config).weights_digest() == digest
        assert str(tmp_path) not in json.dumps(config)
    write_weights(path, {"x": np.zeros(3, "f4")}, {})
    with pytest.raises(ModelNotFoundError, match=digest):
        ResidualCodec.from_config(config).weights_digest()


def test_a_missing_path_is_named_where_it_is_recorded(tmp_path: Path) -> None:
    """A store is not made with weights that are not there."""
    with pytest.raises(ModelNotFoundError, match="nowhere"):
        AutoencoderCodec(str(tmp_path / "nowhere"), 0.5).get_config()
    assert "nowhere" in repr(AutoencoderCodec(str(tmp_path / "nowhere"), 0.5))
    assert ZooCodec("mbt2018") != FactorizedPrior3D()
