"""The command line: arguments, exit codes, JSON, and what goes to which stream."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner, Result

from zarr_neural.cli import app


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    """A small camera image of two channels."""
    rng = np.random.default_rng(0)
    pixels = (rng.poisson(80, (2, 300, 280)) + 10).astype("uint16")
    path = tmp_path / "in" / "cells.ome.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata={"axes": "CYX"})
    return path


def test_version() -> None:
    """--version prints the version and nothing else."""
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"zarr-neural {version('zarr-neural')}\n")


def test_convert_verify_inspect_export(tiff: Path, tmp_path: Path) -> None:
    """The four commands of an archive's life, each with exit code 0; lossless pixels come back."""
    store, back = tmp_path / "cells.ome.zarr", tmp_path / "back.ome.tif"
    result = run("convert", tiff, store, "--lossless")
    assert result.exit_code == 0, result.stderr
    assert "cells.ome.tif" in result.stdout
    assert "exact" in result.stdout
    assert run("verify", store).exit_code == 0
    result = run("verify", store, tiff)
    assert result.exit_code == 0
    assert "channel 1: max error 0" in result.stdout
    result = run("inspect", store)
    assert result.exit_code == 0
    assert "zarr_neural.v1" in result.stdout
    assert run("export", store, back).exit_code == 0
    np.testing.assert_array_equal(tifffile.imread(back), tifffile.imread(tiff))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--max-error", "3"),
        ("--noise", "0.5"),
        ("--chunk", "128,128", "--shard", "auto"),
        ("--ome-version", "0.4", "--chunk", "1x100x100"),
        ("--labels",),
        ("--axes", "ZYX"),
        ("--workers", "1"),
    ],
    ids=" ".join,
)
def test_options_reach_the_store(options: tuple[str, ...], tiff: Path, tmp_path: Path) -> None:
    """Every option of convert works, and what it decided is recorded."""
    result = run("convert", tiff, tmp_path / "a.zarr", "--json", *options)
    assert result.exit_code == 0, result.stderr
    (image,) = json.loads(result.stdout)["images"]
    wanted = {"--max-error": "max_error", "--labels": "lossless"}.get(options[0] if options else "", "noise")
    assert image["method"] == wanted
    assert image["axes"] == ("zyx" if "--axes" in options else "cyx")
    content = json.loads(run("inspect", tmp_path / "a.zarr", "--json").stdout)
    array = content["arrays"][0]
    if "128,128" in options:
        assert (array["chunks"], array["shards"] is not None) == ([1, 128, 128], True)
    assert content["ome_version"] == ("0.4" if "0.4" in options else "0.5")


def test_json_is_all_that_is_printed(tiff: Path, tmp_path: Path) -> None:
    """With --json standard output parses, and the numbers agree with the store."""
    content = json.loads(run("convert", tiff, tmp_path / "a.zarr", "--json").stdout)
    assert (content["converted"], content["failed"]) == (1, 0)
    image = content["images"][0]
    assert image["bits_per_pixel"] == pytest.approx(16 / image["ratio"], abs=1e-3)
    assert len(image["channels"]) == 2
    verified = json.loads(run("verify", tmp_path / "a.zarr", tiff, "--json").stdout)
    assert verified["sound"]
    for again, before in zip(verified["stores"][0]["measured"], image["channels"], strict=True):
        assert again["max_error"] == before["max_error"]
    chunk = next((tmp_path / "a.zarr" / "0" / "c").rglob("*/0/0"))
    assert json.loads(run("inspect", chunk, "--json").stdout)["kind"] == "chunk"
    channels = json.loads(run("noise", tiff, "--json").stdout)["channels"]
    assert [sorted(entry) for entry in channels] == [["channel", "gain", "image", "offset", "read_noise", "source"]] * 2


def test_quiet_says_nothing(tiff: Path, tmp_path: Path) -> None:
    """--quiet leaves both streams empty when all is well."""
    for result in (run("convert", tiff, tmp_path / "a.zarr", "--quiet"), run("verify", tmp_path / "a.zarr", "-q")):
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_an_unreadable_file_fails_at_the_end(tiff: Path, tmp_path: Path) -> None:
    """One bad file in a folder: named on stderr, exit code 1, the rest converted."""
    (tiff.parent / "broken.tif").write_bytes(b"no TIFF")
    result = run("convert", tiff.parent, tmp_path / "out")
    assert result.exit_code == 1
    assert "broken.tif" in result.stderr
    assert (tmp_path / "out" / "cells.ome.zarr" / "zarr.json").is_file()
    result = run("convert", tiff.parent, tmp_path / "out", "--json")
    assert result.exit_code == 1
    assert (json.loads(result.stdout)["kept"], json.loads(result.stdout)["failed"]) == (1, 1)
    result = run("noise", tiff.parent)
    assert result.exit_code == 1
    assert "broken.tif" in result.stderr


def test_damage_is_listed(tiff: Path, tmp_path: Path) -> None:
    """verify names the damaged chunk on stderr and exits with 1; export refuses; inspect of the chunk refuses."""
    store = tmp_path / "a.zarr"
    run("convert", tiff, store, "--quiet")
    chunk = store / "0" / "c" / "1" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    result = run("verify", store)
    assert result.exit_code == 1
    assert "0/c/1/0/0" in result.stderr
    assert not json.loads(run("verify", store, "--json").stdout)["sound"]
    assert run("inspect", chunk).exit_code == 1
    assert run("export", store, tmp_path / "b.tif").exit_code == 1


WRONG: list[Any] = [
    ("convert", "{tiff}"),
    ("convert", "{tiff}", "{store}"),
    ("convert", "{tiff}", "{new}", "--lossless", "--noise", "1"),
    ("convert", "{tiff}", "{new}", "--rmse", "3"),
    ("convert", "{tiff}", "{new}", "--max-error", "-1"),
    ("convert", "{tiff}", "{new}", "--chunk", "big"),
    ("convert", "{tiff}", "{new}", "--ome-version", "0.3"),
    ("convert", "{tiff}", "{new}", "--ome-version", "0.4", "--shard", "auto"),
    ("convert", "{tiff.parent}", "{new}.zarr"),
    ("export", "{store}", "{tiff}"),
    ("export", "{store}", "{new}", "--level", "9"),
    ("frobnicate",),
    ("verify",),
]


@pytest.mark.parametrize("arguments", WRONG, ids=lambda a: " ".join(a))
def test_wrong_use_is_exit_code_2(arguments: tuple[str, ...], tiff: Path, tmp_path: Path) -> None:
    """Wrong use: exit code 2, a reason on stderr, nothing written and nothing replaced."""
    store, new = tmp_path / "old.zarr", tmp_path / "new"
    run("convert", tiff, store, "--quiet")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = run(*(part.format(tiff=tiff, store=store, new=new) for part in arguments))
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_what_is_not_there_fails(tmp_path: Path) -> None:
    """A missing source or store is a failure with a reason, not a traceback."""
    for arguments in (
        ("convert", "{}/x.tif", "{}/y"),
        ("verify", "{}/x"),
        ("inspect", "{}/x"),
        ("export", "{}/x", "{}/y"),
    ):
        result = run(*(part.format(tmp_path) for part in arguments))
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")


def test_overwrite(tiff: Path, tmp_path: Path) -> None:
    """--overwrite replaces the store by the new one."""
    run("convert", tiff, tmp_path / "a.zarr", "--quiet")
    assert run("convert", tiff, tmp_path / "a.zarr", "--lossless", "--overwrite", "--quiet").exit_code == 0
    assert json.loads(run("inspect", tmp_path / "a.zarr", "--json").stdout)["zarr_neural"]["method"] == "lossless"


def test_the_command_line_starts_without_torch() -> None:
    """torch is loaded by training alone, and its absence is explained."""
    script = """
import sys
sys.modules["torch"] = None
from typer.testing import CliRunner
from zarr_neural.cli import app
result = CliRunner().invoke(app, ["train", "lossless", "--data", "d", "--out", "o", "--log", "l"])
assert result.exit_code == 1 and "zarr-neural[train]" in result.stderr, result.stderr
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_training_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """train lossless hands its arguments to the training room and names the model that came out."""
    lossless = pytest.importorskip("zarr_neural.training.lossless", reason="needs the extra for training")
    given: dict[str, Any] = {}

    def train(data: Path, out: Path, log: Path, recipe: Any, *, command: str, progress: Any) -> str:
        given.update(data=data, log=log, recipe=recipe, command=command)
        out.write_bytes(b"model")
        return "ab" * 32

    monkeypatch.setattr(lossless, "train_lossless", train)
    paths = ("--data", tmp_path, "--out", tmp_path / "m", "--log", tmp_path / "l.tsv")
    result = run("train", "lossless", *paths, "--seed", "5", "--steps", "7")
    assert result.exit_code == 0, result.stderr
    assert "ab" * 32 in result.stdout
    assert (given["recipe"].settings.seed, given["recipe"].settings.steps) == (5, 7)
    assert str(tmp_path) not in given["command"]
