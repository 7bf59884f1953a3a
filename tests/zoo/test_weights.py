"""Weights are found by what they are, and never taken for something else."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from zarr_neural.errors import ModelError, ModelNotFoundError
from zarr_neural.zoo.weights import locate, read_weights, sha256, write_weights

ARRAYS = {"a": np.arange(6, dtype="f4").reshape(2, 3), "scalar": np.array(2.5, "f4"), "n": np.array([1], "i4")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZARR_NEURAL_ZOO", str(tmp_path))
    return tmp_path


def test_what_was_written_is_found_by_hash_and_by_path(folder: Path) -> None:
    digest = write_weights(folder / "some.safetensors", ARRAYS, {"kind": "test"})
    path = (folder / "some.safetensors").rename(folder / f"{digest}.safetensors")
    assert locate(digest) == locate(path) == path
    assert digest == sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    arrays, metadata = read_weights(path)
    assert metadata == {"kind": "test"}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_missing_weights_say_where_they_were_looked_for(folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=re.escape(str(folder))):
        locate("0" * 64)
    with pytest.raises(ModelNotFoundError, match=r"nothing\.safetensors"):
        locate(folder / "nothing.safetensors")


def test_a_file_with_other_contents_than_its_name_says_is_an_error(folder: Path) -> None:
    (folder / f"{'1' * 64}.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match="have SHA-256"):
        locate("1" * 64)
