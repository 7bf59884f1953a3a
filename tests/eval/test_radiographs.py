"""The study of radiographs on small synthetic images, end to end; and images that are not as they have to be."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from eval.__main__ import app
from eval.autoencoders import radiographs
from eval.autoencoders.losses import custom_iou, ms_ssim
from eval.autoencoders.radiograph_images import (
    Radiograph,
    draw_windows,
    packaged,
    read_folder,
    read_radiograph,
    split,
    windows,
)
from eval.autoencoders.radiograph_networks import PUBLISHED, RECIPES
from eval.autoencoders.radiograph_sizes import LossError, Windows, measure_sizes
from eval.metrics import ms_ssim as measured
from zarr_neural.zoo.autoencoders.networks import build

NARROW = {
    "dense": {"widths": [16, 8]},
    "bottleneck": {"channels": [4, 4, 4, 4, 4, 4]},
    "generative": {"channels": [4, 4, 4, 4], "blocks": 1},
}
SMALL = tuple(
    replace(recipe, batch=2, network={**recipe.network, **NARROW[recipe.network["family"]]}) for recipe in RECIPES
)


def picture(seed: int, shape: tuple[int, int]) -> NDArray[Any]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = 120 + 60 * np.sin(y / (30 + seed)) * np.cos(x / 25)
    return np.asarray(smooth + np.random.default_rng(seed).normal(0, 3, shape))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("radiographs")
    (path / "a.png").write_bytes(imagecodecs.png_encode(picture(1, (300, 520)).astype("u1")))
    tifffile.imwrite(path / "b.tif", (picture(2, (256, 270)) * 40).astype("u2"))
    grey = np.repeat(picture(3, (260, 256)).astype("u1")[..., None], 3, axis=2)
    (path / "c.png").write_bytes(imagecodecs.png_encode(grey))
    return path


@pytest.fixture(scope="module")
def out(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("out")
    files = radiographs.run(folder, path, "python -m eval radiographs", print, steps=2, recipes=SMALL)
    assert all(file.is_file() for file in files)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def test_every_network_and_coder_is_lossless_and_counted(out: Path) -> None:
    rows = rows_of(out / "radiographs.tsv")
    kinds = {(row["model"], row["residual"], row["code"], row["part"]) for row in rows}
    coders = [
        (c, k, p)
        for c in ("huffman", "png", "neural")
        for k in ("float32", "quantised")
        for p in ("validation", "training")
    ]
    assert {(recipe.name, *rest) for recipe in RECIPES for rest in coders} <= kinds
    assert {f"none: {name}" for name in ("path L", "PNG", "JPEG XL", "JPEG-LS")} <= {row["model"] for row in rows}
    assert {row["lossless"] for row in rows} == {"yes"}
    for row in rows:
        if not row["model"].startswith("none"):
            together = float(row["code_bpp"]) + float(row["residual_bpp"])
            assert 0 < float(row["total_bpp"]) - together < 0.02
    head = (out / "radiographs.tsv").read_text()
    assert "validation, whole images held out: c.png" in head


def test_published_figures_stand_apart(out: Path) -> None:
    rows = [row for row in rows_of(out / "radiographs.tsv") if row["published_total_bpp"] != "nan"]
    assert {row["published_total_bpp"] for row in rows} == {"4.641", "5", "4.467", "4.627", "4.817", "4.941"}
    assert {row["part"] for row in rows} == {"validation"}


def test_codes_as_published_are_32_bits_an_element(out: Path) -> None:
    (row,) = [
        row
        for row in rows_of(out / "radiographs.tsv")
        if (row["model"], row["residual"], row["code"], row["part"])
        == ("radiographs-two-stage", "png", "float32", "validation")
    ]
    assert float(row["code_bpp"]) == pytest.approx(32 * (512 + 256) / 65536)
    assert PUBLISHED[row["model"]].code_bits == 32 * (512 + 256)
    assert float(row["as_published_bpp"]) == pytest.approx(float(row["residual_bpp"]) + 0.375, abs=1e-3)
    quantised = [row for row in rows_of(out / "radiographs.tsv") if row["code"] == "quantised"]
    assert {row["as_published_bpp"] for row in quantised} == {"nan"}  # the study quantised nothing


def test_a_store_that_loses_a_pixel_ends_the_run(out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"training": Windows(np.arange(65536, dtype="u1").reshape(1, 256, 256), ["x"])}

    def careless(path: Path, codec: Any, images: NDArray[np.uint8]) -> Any:
        return images ^ 1

    monkeypatch.setattr("eval.autoencoders.radiograph_sizes.store", careless)
    with pytest.raises(LossError, match="other pixels"):
        measure_sizes([], given, tmp_path, print)


def test_the_dense_network_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = build(RECIPES[0].network)
    assert sum(parameter.numel() for parameter in network.parameters()) == 135_466_112


def test_windows_do_not_overlap(folder: Path) -> None:
    image = read_radiograph(folder / "a.png").image
    cut = windows(image)
    assert cut.shape == (2, 256, 256)
    np.testing.assert_array_equal(cut[1], image[:256, 256:512])


def test_values_are_stretched_to_8_bits(folder: Path) -> None:
    wide = read_radiograph(folder / "b.tif")
    assert (wide.image.min(), wide.image.max()) == (0, 255)
    assert wide.mapping.endswith("to 0..255")
    assert read_radiograph(folder / "a.png").mapping == "as it is"


def test_whole_images_are_held_out(folder: Path) -> None:
    images = read_folder(folder)
    assert [one.name for one in split(images, None)[1]] == ["c.png"]
    assert [one.name for one in split(images, "a*,b*")[1]] == ["a.png", "b.tif"]
    with pytest.raises(ValueError, match="leaves nothing to train on"):
        split(images, "*")


def test_drawn_windows_are_parts_of_images() -> None:
    image = Radiograph("x", np.arange(256 * 257, dtype="u4").astype("u1").reshape(256, 257), "", False)
    drawn = draw_windows([image], np.random.default_rng(0), 5)
    wanted = [part for x in (0, 1) for part in (image.image[:, x : x + 256], image.image[:, x : x + 256][:, ::-1])]
    assert all(any(np.array_equal(one, part) for part in wanted) for one in drawn)


def test_the_loss_is_the_measure() -> None:
    a = np.clip(picture(5, (192, 180)) / 255, 0, 1)
    b = np.clip(a + np.random.default_rng(1).normal(0, 0.05, a.shape), 0, 1)
    x, y = (torch.from_numpy(image.astype("f4"))[None, None] for image in (a, b))
    assert ms_ssim(x, y).item() == pytest.approx(measured(a, b, 1.0), abs=1e-4)
    assert custom_iou(x, 2 * x).item() == pytest.approx(2 / 3)


def test_the_command_says_what_is_wrong_with_the_images(tmp_path: Path) -> None:
    command = ["radiographs", "--out", str(tmp_path / "out")]
    assert "two images or more" in CliRunner().invoke(app, [*command, str(tmp_path)]).output.replace("\n", " ")
    result = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert "there is no folder" in result.output


@pytest.mark.parametrize(
    ("name", "image", "why"),
    [
        ("a.png", np.zeros((255, 400), "u1"), "at least 256 x 256 pixels"),
        ("a.png", np.full((300, 300), 7, "u1"), "every pixel is 7"),
        ("a.png", np.random.default_rng(0).integers(0, 255, (300, 300, 3), "u1"), "expected grey, found colours"),
        ("a.tif", np.zeros((5, 300, 300), "u1"), "expected one plane"),
        ("a.tif", None, "cannot be read"),
        ("a.dcm", None, "cannot be read"),
    ],
    ids=["small", "flat", "colours", "stack", "damaged", "dicom"],
)
def test_other_images_are_refused(name: str, image: Any, why: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if image is None:
        path.write_bytes(b"this is no image")
    elif name.endswith(".png"):
        path.write_bytes(imagecodecs.png_encode(image))
    else:
        tifffile.imwrite(path, image, photometric="minisblack")
    with pytest.raises(ValueError, match=why):
        read_radiograph(path)


def test_the_packaged_radiographs_are_a_chest_and_a_leg() -> None:
    chest, leg = packaged()
    assert chest.image.shape == (1955, 1841)
    assert leg.image.shape == (1760, 1760)
    assert [one.name for one in split([chest, leg], "RG1*")[1]] == ["RG1_UNCR.dcm"]


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.autoencoders.radiograph_images.package_file", lambda reference: None)
    with pytest.raises(ValueError, match="pip install pydicom pydicom-data"):
        packaged()
