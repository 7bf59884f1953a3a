"""Codecs of CompressAI's networks where CompressAI is not installed: configured, compared, pickled, not used."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest

from zarr_neural.errors import (
    ConfigurationError,
    DamagedChunkError,
    MissingExtraError,
    ModelError,
    ModelNotFoundError,
    UnsupportedInputError,
)
from zarr_neural.zoo import FactorizedPrior3D, ZooCodec, available
from zarr_neural.zoo.learned.planes import IntensityMap, padded
from zarr_neural.zoo.learned.strings import pack_strings, unpack_strings
from zarr_neural.zoo.learned.weights import locate
from zarr_neural.zoo.weights import write_weights

CODECS = [
    ZooCodec("bmshj2018-hyperprior", metric="ms-ssim", quality=8),
    ZooCodec("cheng2020-attn", quality=8, channels=1, weights="0" * 64, low=3, high=900.5),
    FactorizedPrior3D(quality=2, metric="ms-ssim"),
]
WITHOUT = "import sys; sys.modules['compressai'] = None\n"
"""Lets a fresh process find no CompressAI, whatever is installed."""


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_configuration_round_trip(codec: Any) -> None:
    config = json.loads(json.dumps(codec.get_config()))
    assert numcodecs.get_codec(config) == codec
    assert pickle.loads(pickle.dumps(codec)) == codec


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"name": "jpeg"}, "no architecture 'jpeg'"),
        ({"name": "mbt2018", "metric": "ssim"}, "no metric 'ssim'"),
        ({"name": "mbt2018", "quality": 9}, "allowed are 1 to 8"),
        ({"name": "mbt2018", "quality": 0}, "allowed are 1 to 8"),
        ({"name": "mbt2018", "quality": 2.0}, "is 2.0"),
        ({"name": "cheng2020-attn", "quality": 7}, "allowed are 1 to 6"),
        ({"name": "mbt2018", "channels": 2}, "channels is 2"),
        ({"name": "mbt2018", "low": 5, "high": 5}, "low the smaller one: not 5, 5"),
        ({"name": "mbt2018", "low": 5}, "low and high are given together"),
        ({"name": "mbt2018", "high": 5}, "low and high are given together"),
        ({"name": "mbt2018", "low": float("nan"), "high": 5}, "finite"),
        ({"name": "mbt2018", "low": 0, "high": float("inf")}, "finite"),
        ({"name": "mbt2018", "low": "a", "high": 5}, "not 'a', 5"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_refusals_say_what_is_allowed(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        ZooCodec(**arguments)


def fresh(code: str) -> str:
    """What a fresh process without CompressAI prints."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_configuring_loads_nothing_heavy() -> None:
    code = (
        "import pickle, numcodecs\n"
        "codec = numcodecs.get_codec({'id': 'zarr_neural.zoo', 'name': 'mbt2018'})\n"
        "pickle.loads(pickle.dumps(codec)).get_config(); numcodecs.get_codec({'id': 'zarr_neural.zoo3d'})\n"
        "print([name for name in ('torch', 'torchvision', 'imagecodecs', 'scipy') if name in sys.modules])"
    )
    assert fresh(code).strip() == "[]"


def test_without_compressai_the_error_says_what_to_install() -> None:
    code = (
        "import numpy\n"
        "from zarr_neural.errors import MissingExtraError\n"
        "from zarr_neural.zoo import FactorizedPrior3D, ZooCodec, available\n"
        "for codec in (ZooCodec('mbt2018'), ZooCodec('mbt2018', channels=1), FactorizedPrior3D()):\n"
        "    try:\n"
        "        codec.encode(numpy.arange(64, dtype='u1').reshape(1, 8, 8))\n"
        "    except MissingExtraError as error:\n"
        "        print(error)\n"
        "print(ZooCodec.missing('mbt2018')); print(FactorizedPrior3D.missing()); print(available())"
    )
    lines = fresh(code).splitlines()
    assert len(lines) == 6
    assert all("needs the extra: pip install 'zarr-neural[zoo]'" in line for line in lines[:5])
    assert lines[5] == "[]"
    assert issubclass(MissingExtraError, ImportError)


def test_streams_of_planes_are_taken_apart_again() -> None:
    planes = [[b"a" * 300, b""], [b"", b"bc"]]
    payload = pack_strings(planes)
    assert unpack_strings(payload, 2, 2) == planes
    for damaged in (payload[:-1], payload + b"x"):
        with pytest.raises(DamagedChunkError):
            unpack_strings(damaged, 2, 2)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_the_intensity_map_keeps_integers(dtype: str) -> None:
    """Every grey level comes back from 0..1, at the ends of the dtype too, and the header holds the map."""
    limits = np.iinfo(dtype)
    chunk = np.arange(limits.min, int(limits.max) + 1, dtype=np.int64).astype(dtype).reshape(16, -1)
    scale = IntensityMap.of_chunk(chunk, None, None)
    unit = scale.to_unit(chunk)
    assert (unit.min(), unit.max()) == (0, 1)
    np.testing.assert_array_equal(scale.from_unit(unit), chunk)
    assert IntensityMap.of_parameters(chunk.dtype, scale.parameters) == scale
    np.testing.assert_array_equal(scale.from_unit(unit * 3 - 1).max(), limits.max)
    with pytest.raises(ValueError, match="are none of"):
        IntensityMap.of_parameters(chunk.dtype, (5, 4))


def test_a_range_beyond_the_dtype_is_refused() -> None:
    """A range made for another array would bring every sample to one value."""
    chunk = np.arange(256, dtype="u1").reshape(16, 16)
    assert IntensityMap.of_chunk(chunk, -7.5, 99.2) == IntensityMap(chunk.dtype, 0, 100)
    for low, high in ((-9.0, -5.0), (300.0, 4095.0), (255.0, 1e9)):
        with pytest.raises(UnsupportedInputError, match="holds no range of uint8"):
            IntensityMap.of_chunk(chunk, low, high)


def test_weights_named_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file must have it, wherever it lies; others of its name are no replacement."""
    monkeypatch.setenv("ZARR_NEURAL_ZOO", os.pathsep.join(str(tmp_path / part) for part in "ab"))
    name = "mbt2018-grey.safetensors"
    digest = write_weights(tmp_path / "b" / name, {"x": np.ones(3, "f4")}, {})
    assert locate(name, digest) == tmp_path / "b" / name
    (tmp_path / "b" / name).rename(tmp_path / "kept")
    with pytest.raises(ModelNotFoundError, match=f"file {name} of SHA-256 {'0' * 64} .*searched: .*{tmp_path / 'a'}"):
        locate(name, "0" * 64)
    other = write_weights(tmp_path / "a" / name, {"x": np.zeros(3, "f4")}, {})
    with pytest.raises(ModelError, match=f"the contents of .* have SHA-256 {other}, expected {digest}"):
        locate(name, digest)
    (tmp_path / "kept").rename(tmp_path / "b" / name)
    with pytest.warns(RuntimeWarning, match="is ignored"):
        assert locate(name, digest) == tmp_path / "b" / name


def test_padding_mirrors_narrow_chunks_again_and_again() -> None:
    unit = np.array([[0.25, 0.75]], np.float32)
    assert padded(unit, (4, 64)).shape == (4, 64)
    assert set(padded(unit, (4, 64)).ravel()) == {0.25, 0.75}


def test_nothing_is_available_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("ZARR_NEURAL_ZOO", str(tmp_path))
    assert available(channels=1) == []
