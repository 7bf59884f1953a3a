"""What the package offers, and what importing it costs."""

import json
import subprocess
import sys

import pytest

import zarr_neural
from zarr_neural import chunk, codecs, errors

HEAVY = ("torch", "zarr", "dask", "distributed", "tifffile", "imagecodecs", "typer", "rich", "matplotlib", "scipy")


def imported_by(statement: str) -> set[str]:
    """Top-level modules in memory of a fresh process after a statement."""
    code = (
        f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_public_names() -> None:
    """The names of the package: one that goes breaks users, one that comes is a promise."""
    assert sorted(zarr_neural.__all__) == [
        "NeuralCodec",
        "NeuralSerializer",
        "NoiseModel",
        "__version__",
        "estimate_noise",
    ]
    assert sorted(codecs.__all__) == ["NeuralCodec", "NeuralSerializer"]
    assert sorted(chunk.__all__) == [
        "Fidelity",
        "NoiseModel",
        "check_dtype",
        "decode_chunk",
        "describe",
        "encode_chunk",
        "estimate_noise",
        "fidelity_of",
        "holds_names",
    ]
    for module in (zarr_neural, codecs, chunk):
        for name in module.__all__:
            assert getattr(module, name) is not None
        with pytest.raises(AttributeError, match="no attribute 'Neural'"):
            _ = module.Neural


def test_errors() -> None:
    """Every error has the one base class, and those of wrong values are ValueErrors as well."""
    leaves = {
        name: error for name, error in vars(errors).items() if isinstance(error, type) and issubclass(error, Exception)
    }
    assert sorted(leaves) == [
        "ArchiveError",
        "BoundError",
        "ConfigurationError",
        "DamagedChunkError",
        "EngineError",
        "MismatchError",
        "MissingExtraError",
        "ModelError",
        "ModelNotFoundError",
        "SourceChangedError",
        "UnsupportedInputError",
        "ZarrNeuralError",
    ]
    assert all(issubclass(error, errors.ZarrNeuralError) for error in leaves.values())
    for error in (errors.ConfigurationError, errors.DamagedChunkError, errors.ModelError, errors.UnsupportedInputError):
        assert issubclass(error, ValueError)


def test_importing_is_light() -> None:
    """Importing the package, encoding and decoding a chunk load nothing heavy: no torch, zarr, dask or tifffile."""
    assert not imported_by("import zarr_neural").intersection(HEAVY)
    use = (
        "import numpy; from zarr_neural import NeuralCodec; c = NeuralCodec(lossless=True)\n"
        "c.decode(c.encode(numpy.arange(4096, dtype='u2').reshape(64, 64) % 77))"
    )
    assert not imported_by(use).intersection(HEAVY)


def test_the_serializer_loads_zarr_and_nothing_more() -> None:
    """`NeuralSerializer` is there on first use, with zarr and without the rest."""
    found = imported_by("import zarr_neural; zarr_neural.NeuralSerializer(lossless=True)")
    assert found.intersection(HEAVY) == {"zarr"}
