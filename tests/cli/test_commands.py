"""The command line: arguments, exit codes, JSON, and what goes to which stream."""

import importlib
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
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
        ("--rmse", "4"),
        ("--psnr", "30", "--preset", "fast"),
        ("--ratio", "4"),
        ("--ratio", "4", "--max-error", "30"),
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
    mean = {"--rmse": "rmse", "--psnr": "rmse", "--ratio": "rmse"}
    wanted = mean | {"--max-error": "max_error", "--noise": "noise"}
    assert image["method"] == wanted.get(options[0] if options else "", "lossless")
    assert len(image["targets"]) == (2 if image["method"] == "rmse" else 0)
    assert image["axes"] == ("zyx" if "--axes" in options else "cyx")
    content = json.loads(run("inspect", tmp_path / "a.zarr", "--json").stdout)
    array = content["arrays"][0]
    if "128,128" in options:
        assert (array["chunks"], array["shards"] is not None) == ([1, 128, 128], True)
    assert content["ome_version"] == ("0.4" if "0.4" in options else "0.5")


def test_what_became_of_a_channel_is_printed(tiff: Path, tmp_path: Path) -> None:
    """convert says what was asked, what it means for each channel and what came out; inspect shows it again."""
    result = run("convert", tiff, tmp_path / "a.zarr", "--psnr", "30", "--max-error", "50")
    assert result.exit_code == 0, result.stderr
    assert "psnr 30, max_error 50" in result.stdout
    (image,) = json.loads(run("convert", tiff, tmp_path / "b.zarr", "--psnr", "30", "--json").stdout)["images"]
    result = run("convert", tiff, tmp_path / "c.zarr", "--psnr", "30", "-v")
    for target, channel in zip(image["targets"], image["channels"], strict=True):
        assert f"channel {channel['channel'][-1]}: rmse at most {target['rmse']:g}; measured rmse" in result.stdout
        assert f"PSNR {channel['psnr_db']:.2f} dB of its range of {target['peak']:g}" in result.stdout
    shown = run("inspect", tmp_path / "c.zarr").stdout
    assert "rmse allowed" in shown
    assert f"{image['channels'][1]['psnr_db']:.2f}" in shown


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
    ("convert", "{tiff}", "{store}", "--noise", "1"),
    ("convert", "{tiff}", "{new}", "--lossless", "--noise", "1"),
    ("convert", "{tiff}", "{new}", "--rmse", "0"),
    ("convert", "{tiff}", "{new}", "--rmse", "inf"),
    ("convert", "{tiff}", "{new}", "--rmse", "3", "--noise", "1"),
    ("convert", "{tiff}", "{new}", "--psnr", "0"),
    ("convert", "{tiff}", "{new}", "--psnr", "40", "--ratio", "9"),
    ("convert", "{tiff}", "{new}", "--ratio", "1"),
    ("convert", "{tiff}", "{new}", "--preset", "dense"),
    ("convert", "{tiff}", "{new}", "--rmse", "3", "--preset", "best"),
    ("convert", "{tiff}", "{new}", "--max-error", "-1"),
    ("convert", "{tiff}", "{new}", "--max-error", "inf"),
    ("convert", "{tiff}", "{new}", "--max-error", "nan"),
    ("convert", "{tiff}", "{new}", "--noise", "nan"),
    ("convert", "{tiff}", "{new}", "--chunk", "big"),
    ("convert", "{tiff}", "{new}", "--chunk", "0,0"),
    ("convert", "{tiff}", "{new}", "--shard", "0"),
    ("convert", "{tiff}", "{new}", "--chunk", "1,1,1,64,64"),
    ("convert", "{tiff}", "{new}", "--axes", "QQ"),
    ("convert", "{tiff}", "{new}", "--axes", "TZCYX"),
    ("convert", "{tiff.parent}", "{new}", "--axes", "QQ"),
    ("convert", "{floats}", "{new}", "--labels"),
    ("convert", "{tiff}", "{tiff}", "--overwrite"),
    ("convert", "{tiff}", "{floats}", "--overwrite"),
    ("convert", "{tiff}", "{tiff}", "{floats}", "--overwrite"),
    ("convert", "{tiff.parent}", "{tiff.parent}", "--overwrite"),
    ("noise", "{tiff}", "--axes", "QQ"),
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
    store, new, floats = tmp_path / "old.zarr", tmp_path / "new", tmp_path / "floats.tif"
    run("convert", tiff, store, "--quiet")
    tifffile.imwrite(floats, np.zeros((20, 30), "float32"))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = run(*(part.format(tiff=tiff, store=store, new=new, floats=floats) for part in arguments))
    assert result.exit_code == 2, result.output
    assert result.stderr.strip()
    assert "Traceback" not in result.output
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


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("convert", "{}/x.tif", "{}/y"), 1),
        (("convert", "{}/x.tif", "{}/y", "--max-error", "inf"), 2),
        (("verify", "{}/x"), 1),
        (("inspect", "{}/x"), 1),
        (("export", "{}/x", "{}/y"), 1),
        (("export", "{}/x", "{}/y", "--compression", "zip"), 2),
        (("noise", "{}/x"), 1),
    ],
    ids=str,
)
def test_errors_are_json_too(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    """With --json a failure is an object with "error" on standard output, beside the line on stderr."""
    result = run(*(part.format(tmp_path) for part in arguments), "--json")
    assert result.exit_code == code
    (error,) = json.loads(result.stdout).values()
    assert result.stderr == f"error: {error}\n"


def test_json_has_no_infinities(monkeypatch: pytest.MonkeyPatch) -> None:
    """What JSON cannot say is null: every parser reads the output."""
    found = {"a": float("inf"), "b": [float("nan"), 1.5, (float("-inf"), 2)], "c": {"d": "inf"}}
    monkeypatch.setattr("zarr_neural.cli.inspect.inspect_path", lambda path: found)
    content = json.loads(run("inspect", "x", "--json").stdout, parse_constant=pytest.fail)
    assert content == {"a": None, "b": [None, 1.5, [None, 2]], "c": {"d": "inf"}}


def test_every_command_has_json_and_quiet(tiff: Path, tmp_path: Path) -> None:
    """--json and --quiet mean the same for all that read or write images."""
    store, back = tmp_path / "a.zarr", tmp_path / "b.tif"
    run("convert", tiff, store, "--quiet")
    content = json.loads(run("export", store, back, "--json").stdout)
    assert content == {"path": str(back), "nbytes": back.stat().st_size}
    quiet = (("inspect", store), ("noise", tiff), ("export", store, back, "--overwrite"), ("verify", store))
    for arguments in quiet:
        result = run(*arguments, "--quiet")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["img [ch1]", "img [red]x", "[bold]a", "a :car: b"])
def test_names_are_shown_as_they_are(name: str, tiff: Path, tmp_path: Path) -> None:
    """Brackets and colons in file names are no markup."""
    pixels = tifffile.imread(tiff)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / f"{name}.tif", pixels[0], photometric="minisblack")
    tifffile.imwrite(tmp_path / "two" / "other.tif", pixels[1], photometric="minisblack")
    assert f"{name}.tif" in run("convert", tmp_path / "one" / f"{name}.tif", tmp_path / "a.zarr").stdout
    assert name in run("convert", tmp_path / "two", tmp_path / "out").stdout
    assert name in run("convert", tmp_path / "two", tmp_path / "out").stdout  # kept
    assert f"{name}.tif" in run("noise", tmp_path / "two").stdout
    array = zarr.create_array(store=tmp_path / "odd.zarr", name=name, shape=(8, 8), dtype="u2", chunks=(8, 8))
    array[:] = 1
    zarr.open_group(tmp_path / "odd.zarr", mode="a")
    assert name in run("inspect", tmp_path / "odd.zarr").stdout


WORKS = {"verify": "verify", "inspect": "inspect_path", "export": "export", "noise": "measure_noise"}


@pytest.mark.parametrize(("command", "works"), [("convert", "convert"), *WORKS.items()])
def test_only_convert_goes_on_from_where_it_was(command: str, works: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption is told, and going on is promised by the one command that does it."""

    def interrupt(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"zarr_neural.cli.{command}.{works}", interrupt)
    result = run(command, "x", *(["y"] if command in ("convert", "export") else []))
    assert result.exit_code == 130
    assert ("go on from here" in result.stderr) == (command == "convert")
    assert "interrupted" in result.stderr


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
    lossless = importlib.import_module("zarr_neural.training.lossless")
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
