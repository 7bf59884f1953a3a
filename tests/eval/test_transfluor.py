"""The study of cell images on small synthetic ones, end to end: split, training, bytes, neighbours, pictures."""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from eval.__main__ import app
from eval.autoencoders import transfluor
from eval.autoencoders.cell_networks import RECIPES, train_all
from eval.autoencoders.cells import read_cells, reduced, split, stacked
from eval.confidence import mean_interval
from zarr_neural.cli import app as zarr_neural
from zarr_neural.zoo.weights import sha256

SMALL = (replace(RECIPES[0], network={**RECIPES[0].network, "widths": [8, 2048]}), *RECIPES[1:])
WELLS = ("O01", "O02", "O19", "O20")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "images"
    folder.mkdir()
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:256, :256]
    for (k, well), field in itertools.product(enumerate(WELLS), range(2)):
        waves = np.sin(y / (3 + 4 * k) + field) * np.sin(x / (3 + 4 * k))
        image = np.clip(90 + 20 * k + 50 * waves + rng.normal(0, 4, y.shape), 0, 255).astype("u1")
        tifffile.imwrite(folder / f"AS_09047_050428030001_{well}f{field:02}d2.TIF", image)
    return folder.parent


@pytest.fixture(scope="module")
def out(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    files = transfluor.run(data, folder, "python -m eval transfluor", print, steps=2, recipes=SMALL)
    assert all(file.is_file() for file in files)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def test_every_table_and_picture_is_there(out: Path) -> None:
    names = {path.name for path in out.iterdir() if path.is_file()}
    tables = {f"transfluor{name}.tsv" for name in ("", "-training", "-rates", "-rates-summary", "-search")}
    assert names == tables | {f"transfluor{name}.png" for name in ("", "-rates", "-search")}
    for name in tables:
        text = (out / name).read_text()
        assert text.startswith("# python -m eval transfluor\n")
        assert "wells O01, O02, O19; validation: 2 images, wells O20" in text
        for row in rows_of(out / "transfluor.tsv"):
            assert row["sha256"] in text


def test_networks_are_the_studys(out: Path) -> None:
    rows = {row["model"]: row for row in rows_of(out / "transfluor.tsv")}
    assert [recipe.name for recipe in RECIPES] == list(rows)
    assert {row["code_elements"] for row in rows.values()} == {"2048"}
    assert [row["rate_asked"] for row in rows.values()] == ["0.005", "0.005", "0.002"]
    for name, row in rows.items():
        assert sha256(out / "weights" / f"{name}.safetensors") == row["sha256"]
        assert float(row["training_mse"]) > 0
        assert 0 < float(row["linear_validation_mse"]) < float(row["mean_image_validation_mse"])


def test_sizes_are_those_of_the_files(out: Path) -> None:
    for row in rows_of(out / "transfluor-rates.tsv"):
        folder = out / "stores" / f"{row['model']}-step-{float(row['step']):g}.zarr"
        names = json.loads((folder / ".zattrs").read_text())["names"]
        assert (folder / f"{names.index(row['image'])}.0.0").stat().st_size == int(row["nbytes"])


def test_smaller_steps_are_more_bytes_and_never_much_more_error(out: Path) -> None:
    rows = [row for row in rows_of(out / "transfluor-rates.tsv") if row["codec"] == "jpeg2000"]
    for key in {(row["model"], row["image"]) for row in rows}:
        of = sorted((row for row in rows if (row["model"], row["image"]) == key), key=lambda row: -float(row["step"]))
        assert int(of[-1]["nbytes"]) > int(of[0]["nbytes"])
        assert float(of[-1]["rmse"]) < 1.2 * float(of[0]["rmse"])


def test_training_is_not_repeated(data: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.autoencoders.training._fit", None)
    cells = stacked(split(read_cells(data))[0])
    assert len(train_all(cells, cells, out / "weights", print, 2, SMALL)) == 3
    with pytest.raises(TypeError):
        train_all(cells, cells, out / "weights", print, 3, SMALL)


@pytest.mark.parametrize("measure", ["texture", "euclidean", "cosine"])
def test_the_nearest_image_is_the_query_itself(data: Path, out: Path, measure: str) -> None:
    store, query = out / "stores" / "transfluor-convolutional-search.zarr", "AS_09047_050428030001_O19f01d2.TIF"
    command = ["search", str(store), "--like", str(data / "images" / query), "--json", "--measure", measure]
    result = CliRunner().invoke(zarr_neural, [*command, "--top", "3"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["neighbours"]
    assert found[0] == {"array": "", "index": [5], "distance": 0.0, "name": query}
    assert len(found) == 3
    lines = CliRunner().invoke(zarr_neural, [word for word in command if word != "--json"]).stdout.splitlines()
    assert len(lines) == 8
    assert lines[0] == f"0\t.\t[5]\t{query}"


def test_hit_rates_know_chance(out: Path) -> None:
    rows = rows_of(out / "transfluor-search.tsv")
    chances = {(row["same"], row["queries"]): float(row["chance"]) for row in rows}
    assert chances["well", "all"] == chances["well", "validation"] == pytest.approx(1 / 7, abs=1e-4)
    assert chances["within one column", "all"] == pytest.approx(3 / 7, abs=1e-4)  # O01 with O02, O19 with O20
    assert {row["measure"] for row in rows} == {"mean brightness", "texture", "euclidean", "cosine"}
    (brightest,) = [
        float(row["hit_rate"])
        for row in rows
        if (row["measure"], row["same"], row["queries"]) == ("mean brightness", "well", "all")
    ]
    assert brightest == 1  # wells differ by 20 grey levels, fields by none


def test_wells_are_never_split(data: Path) -> None:
    training, validation = split(read_cells(data))
    assert not {cell.well for cell in training} & {cell.well for cell in validation}
    assert len(training) + len(validation) == 8


def test_reduction_is_the_mean_of_squares() -> None:
    image = np.arange(64, dtype="u1").reshape(8, 8)
    np.testing.assert_array_equal(reduced(image, 2), [[14, 18], [46, 50]])  # 13.5 to even
    with pytest.raises(ValueError, match=r"found \(9, 9\)"):
        reduced(np.zeros((9, 9), "u1"), 2)


def test_intervals_are_by_groups() -> None:
    mean, low, high = mean_interval([0.0] * 9 + [1.0] * 9, ["a"] * 9 + ["b"] * 9)
    assert (mean, low, high) == (0.5, 0.0, 1.0)
    assert np.isnan(mean_interval([1.0, 2.0], ["a", "a"])[1])


def bad_folder(folder: Path, what: str) -> Path:
    image: Any = np.zeros((256, 256), "u1")
    if what == "missing":
        return folder / "nowhere"
    if what == "one well":
        tifffile.imwrite(folder / "AS_09047_1_O01f00d2.TIF", image)
    if what == "16 bits":
        tifffile.imwrite(folder / "AS_09047_1_O01f00d2.TIF", image.astype("u2"))
    if what == "small":
        tifffile.imwrite(folder / "AS_09047_1_O01f00d2.TIF", image[:100, :100])
    return folder


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("missing", "there is no folder"),
        ("empty", "two wells or more"),
        ("one well", "two wells or more"),
        ("16 bits", "one plane of uint8"),
        ("small", "a multiple of 128 pixels"),
    ],
)
def test_bad_data_are_an_error(what: str, why: str, tmp_path: Path) -> None:
    folder = bad_folder(tmp_path, what)
    result = CliRunner().invoke(app, ["transfluor", "--data", str(folder), "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert why in result.output.replace("\n", " ")
