"""The whole recipe on a small scale: a valid model comes out, the same one every time, resumed or not."""

import json
from pathlib import Path

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.models import unpack
from zarr_neural.models.contract import DTYPES
from zarr_neural.training import Recipe, train_lossless
from zarr_neural.training.data import Picture


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: list[Picture], recipe: Recipe) -> Path:
    directory = tmp_path_factory.mktemp("trained")
    train_lossless(pictures, directory / "model", directory / "log.tsv", recipe, command="the command")
    return directory


def test_a_trained_model_codes_exactly(trained: Path, pictures: list[Picture]) -> None:
    """The result fulfils the contract, and a picture goes through the native engine and back unchanged."""
    model = unpack((trained / "model").read_bytes())
    engine = _native.make_model(*(model.arrays[name] for name in DTYPES))
    samples = pictures[1].samples
    top = int(samples.max())
    data, words = _native.encode_plane(engine, samples, top)
    back = _native.decode_plane(engine, np.frombuffer(data, np.uint8), words, *samples.shape, top)
    np.testing.assert_array_equal(back, samples)
    noise_bits = np.mean(0.5 * np.log2(2 * np.pi * np.e * samples))
    assert len(data) * 8 / samples.size < 1.1 * noise_bits


def test_metadata_and_log(trained: Path) -> None:
    """The model names its data, their licences, what was held out, the seed and the recipe; the log the command."""
    model = unpack((trained / "model").read_bytes())
    sets = json.loads(model.metadata["data"])
    assert {"MIT", "BSD-3-Clause", "CC-BY-4.0"} <= {s["licence"] for s in sets}
    assert not any(s["trained"] for s in sets if s["licence"].startswith("GPL"))
    assert model.metadata["seed"] == "3"
    assert json.loads(model.metadata["recipe"])["settings"]["steps"] == 60
    lines = (trained / "log.tsv").read_text().splitlines()
    assert lines[0] == f"# model {model.id}"
    assert lines[1] == "# the command"
    assert [line.split("\t")[:2] for line in lines[4:]] == [[str(kind), "60"] for kind in range(9)]
    assert not (trained / "model.work").exists()


def test_reproducible_and_resumable(trained: Path, tmp_path: Path, pictures: list[Picture], recipe: Recipe) -> None:
    """A run that is stopped twice and taken up again gives the bytes and the log of an uninterrupted one."""
    out, log = tmp_path / "model", tmp_path / "log.tsv"
    assert train_lossless(pictures, out, log, recipe, command="the command", until=17) is None
    assert train_lossless(pictures, out, log, recipe, command="the command", until=41) is None
    assert not out.exists()
    train_lossless(pictures, out, log, recipe, command="the command")
    assert out.read_bytes() == (trained / "model").read_bytes()
    assert log.read_text() == (trained / "log.tsv").read_text()


def test_the_work_of_another_recipe_is_refused(tmp_path: Path, pictures: list[Picture], recipe: Recipe) -> None:
    """A work directory is only taken up by the recipe that began it."""
    out, log = tmp_path / "model", tmp_path / "log.tsv"
    train_lossless(pictures, out, log, recipe, until=1)
    with pytest.raises(ValueError, match="another recipe"):
        train_lossless(pictures, out, log, Recipe(recipe.settings, tiles=13))


def test_no_pictures(tmp_path: Path, pictures: list[Picture], recipe: Recipe) -> None:
    """Held-out and constant pictures alone give nothing to train on."""
    with pytest.raises(ValueError, match="1 pictures"):
        train_lossless(pictures[2:], tmp_path / "model", tmp_path / "log.tsv", recipe)
