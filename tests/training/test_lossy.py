"""The whole recipe of a lossy model on a small scale: a valid model, the same one every time, resumed or not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from zarr_neural import _native
from zarr_neural.cli import app
from zarr_neural.models import LossyModel, unpack
from zarr_neural.training import lossy
from zarr_neural.training.data import Picture
from zarr_neural.training.lossy import LossyRecipe, Round, recipe_for, train_lossy
from zarr_neural.training.lossy_coefficients import engine, first_guess
from zarr_neural.training.lossy_loop import Settings
from zarr_neural.training.lossy_validation import curves, rate_change, validation_crops

SMALL = LossyRecipe(
    Settings(hidden1=8, hidden2=8, batch=64, seed=3),
    rounds=(Round(10, 40), Round(12, 60), Round(12, 0)),
    coefficients=200,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, pictures: list[Picture]) -> Path:
    directory = tmp_path_factory.mktemp("trained")
    train_lossy(pictures, directory / "model", directory / "log.tsv", SMALL, command="the command")
    return directory


def read_model(path: Path) -> LossyModel:
    model = unpack(path.read_bytes())
    assert isinstance(model, LossyModel)
    return model


def test_a_trained_model_keeps_the_error(trained: Path, pictures: list[Picture]) -> None:
    """The result fulfils the contract, and the native engine decodes a picture within the error asked for."""
    model = engine(read_model(trained / "model").arrays)
    samples = pictures[0].samples
    top = int(samples.max())
    coded = _native.encode_transform(model, samples, top, 9.0, 0.25)
    assert coded is not None
    data, words, step, quality, lanes, mse = coded[:6][:6]
    found = _native.decode_transform(
        model, np.frombuffer(data, np.uint8), words, *samples.shape, top, step, quality, lanes
    )
    error = float(np.mean((found.astype(float) - samples) ** 2))
    assert error == pytest.approx(mse)
    assert 4 < error <= 9


def test_training_helps(trained: Path, pictures: list[Picture]) -> None:
    """Even a short training saves bits against the guess that it starts from."""
    crops = validation_crops(pictures, 256)
    assert len(crops) == 2
    before, after = (curves(a, crops, 0.25) for a in (first_guess(), read_model(trained / "model").arrays))
    assert max(rate_change(before[name], after[name]) for name, _ in crops) < -1


def test_metadata_and_log(trained: Path) -> None:
    """The model names its data, their licences, what was held out, loss, seed and recipe; the log the command."""
    model = read_model(trained / "model")
    sets = json.loads(model.metadata["data"])
    assert not any(s["trained"] for s in sets if s["licence"].startswith("GPL"))
    assert model.metadata["kind"] == "lossy"
    assert model.metadata["seed"] == "3"
    assert model.metadata["loss"] == "mse"
    assert json.loads(model.metadata["recipe"])["rounds"][1]["steps"] == 60
    lines = (trained / "log.tsv").read_text().splitlines()
    assert lines[0] == f"# model {model.id}"
    assert lines[1] == "# the command"
    assert [line.split("\t")[:2] for line in lines[4:] if line[0] != "#"] == [["0", "40"], ["1", "60"]]
    assert not (trained / "model.work").exists()


@pytest.mark.parametrize("stops", [[(0, 13), (1, 7)], [(0, 40), (1, 59)]])
def test_reproducible_and_resumable(
    trained: Path, tmp_path: Path, pictures: list[Picture], stops: list[tuple[int, int]]
) -> None:
    """A run that is stopped twice and taken up again gives the bytes and the log of an uninterrupted one."""
    out, log = tmp_path / "model", tmp_path / "log.tsv"
    for stop in stops:
        assert train_lossy(pictures, out, log, SMALL, command="the command", until=stop) is None
    assert not out.exists()
    train_lossy(pictures, out, log, SMALL, command="the command")
    assert out.read_bytes() == (trained / "model").read_bytes()
    assert log.read_text() == (trained / "log.tsv").read_text()


def test_seeds_differ(trained: Path, tmp_path: Path, pictures: list[Picture]) -> None:
    """Another seed gives another model."""
    recipe = replace(SMALL, settings=replace(SMALL.settings, seed=4), rounds=SMALL.rounds[:2])
    train_lossy(pictures, tmp_path / "model", tmp_path / "log.tsv", recipe)
    found, other = (read_model(path / "model").arrays["w1"] for path in (tmp_path, trained))
    assert not np.array_equal(found, other)


def test_the_work_of_another_recipe_is_refused(tmp_path: Path, pictures: list[Picture]) -> None:
    """A work directory is only taken up by the recipe that began it."""
    out, log = tmp_path / "model", tmp_path / "log.tsv"
    train_lossy(pictures, out, log, SMALL, until=(0, 1))
    with pytest.raises(ValueError, match="another recipe"):
        train_lossy(pictures, out, log, replace(SMALL, lam=0.3))


def test_no_pictures(tmp_path: Path, pictures: list[Picture]) -> None:
    """Held-out and constant pictures alone give nothing to train on."""
    with pytest.raises(ValueError, match="1 pictures"):
        train_lossy(pictures[2:], tmp_path / "model", tmp_path / "log.tsv", SMALL)


def test_gains_for_similarity(tmp_path: Path, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the loss ms-ssim, gains are searched after some rounds, and are those of the model."""
    found: list[int] = []

    def tune(arrays: Any, crops: Any, *_: Any) -> Any:
        found.append(len(crops))
        return arrays["gains"] + 5

    monkeypatch.setattr(lossy, "tune", tune)
    train_lossy(pictures, tmp_path / "model", tmp_path / "log.tsv", replace(SMALL, loss="ms-ssim"))
    assert found == [2]
    np.testing.assert_array_equal(read_model(tmp_path / "model").arrays["gains"], first_guess()["gains"] + 5)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """train lossy hands its arguments to the training room and names the model that came out; presets are checked."""
    given: dict[str, Any] = {}

    def train(data: Path, out: Path, log: Path, recipe: LossyRecipe, **others: Any) -> str:
        given.update(recipe=recipe, **others)
        out.write_bytes(b"model")
        return "ab" * 32

    monkeypatch.setattr(lossy, "train_lossy", train)
    paths = ["--data", str(tmp_path), "--out", str(tmp_path / "m"), "--log", str(tmp_path / "l.tsv")]
    result = CliRunner().invoke(app, ["train", "lossy", *paths, "--preset", "dense", "--seed", "5", "--steps", "700"])
    assert result.exit_code == 0, result.stderr
    assert "ab" * 32 in result.stdout
    assert given["recipe"] == recipe_for("dense", "mse", 5, 700)
    assert given["recipe"].settings.hidden1 == 64
    assert str(tmp_path) not in given["command"]
    for words in (["--preset", "slow"], ["--loss", "psnr"]):
        assert CliRunner().invoke(app, ["train", "lossy", *paths, *words]).exit_code == 2
