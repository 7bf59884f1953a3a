"""Training end to end on tiny pairs made of shipped images: what is learnt from, what is kept apart, what comes out."""

import csv
import json
import re
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from scipy import ndimage
from typer.testing import CliRunner

from eval import predictors
from eval.__main__ import app
from eval.predictors import pairs, train
from eval.predictors.crops import Field, draw_crops
from eval.predictors.decoded import through_codec
from eval.predictors.train import Task, train_label_free
from eval.predictors.training import Settings

IMAGES = Path(__file__).parents[2] / "eval" / "images_demo"
GROUPS = ("spring", "summer", "autumn", "winter")


def write_pairs(data: Path, rows: list[tuple[str, str, int, str, int, str]]) -> None:
    with (data / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["dataset", "group", "input", "input_channel", "target", "target_channel", "target_name"])
        writer.writerows(("tiny", *row) for row in rows)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four groups of one file each: a quarter of an image, and a target that can be computed from it."""
    folder = tmp_path_factory.mktemp("data")
    image = tifffile.imread(IMAGES / "yeast-brightfield.tif")
    rows = []
    for number, group in enumerate(GROUPS):
        y, x = 160 * (number // 2), 160 * (number % 2)
        given = image[y : y + 150, x : x + 140].copy()
        target = (4 * np.abs(ndimage.gaussian_filter(given.astype(float), 2) - given.mean())).astype(np.uint16)
        given[:5], target[:5], target[:, -3:] = 0, 0, 0
        tifffile.imwrite(folder / f"{group}.tif", np.stack([given, target]))
        (folder / f"{group}.json").write_text(json.dumps({"channels": ["brightfield", "edges"]}))
        rows.append((group, f"{group}.tif", 0, f"{group}.tif", 1, "edges"))
    rows.append(("spring", "spring.tif", 0, "spring.tif", 2, "no such channel"))
    rows.append(("spring", "spring.tif", 0, "small.tif", 0, "unequal"))
    tifffile.imwrite(folder / "small.tif", np.ones((20, 30), np.uint16))
    tifffile.imwrite(folder / "projection.tif", np.asarray(image[:120, :160]))
    for z in range(9, 14):
        tifffile.imwrite(folder / f"phase_z{z}.tif", np.roll(image[:120, :160], z, 0))
    rows.append(("only", "phase_z11.tif", 0, "projection.tif", 0, "projection"))
    write_pairs(folder, rows)
    return folder


def task(data: Path, **options: object) -> Task:
    return Task(data, "edges", held_out=["winter"], choosing=["autumn"], **options)


@pytest.mark.parametrize(
    ("architecture", "target", "more"),
    [
        ("fnet2d", "edges", ["--compressed-with", "jpeg2000@PSNR30"]),
        ("pix2pix", "edges", []),
        ("fnet3d", "projection", ["--batch", "1"]),
    ],
)
def test_command(data: Path, tmp_path: Path, architecture: str, target: str, more: list[str]) -> None:
    """Three steps by the command give a model that loads and predicts, and a log with its hash in the head."""
    out, log = tmp_path / "model.safetensors", tmp_path / "model.tsv"
    words = ["train_label_free", "--data", str(data), "--architecture", architecture, "--target", target]
    words += ["--out", str(out), "--log", str(log), "--steps", "3", "--width", "2", "--crop", "32", "--batch", "2"]
    result = CliRunner().invoke(app, [*words, "--held-out", "winter", "--choosing", "autumn", *more])
    assert result.exit_code == 0, result.output
    found = predictors.load(out)
    lines = log.read_text().splitlines()
    assert lines[0] == f"# model {found.id}"
    assert lines[1].startswith("# python -m eval train_label_free --data DIR --architecture " + architecture)
    assert str(tmp_path) not in log.read_text() + str(found.description)
    head = next(line for line in lines if not line.startswith("#")).split("\t")
    assert head[:3] == ["step", "cpu_s", "loss"]
    assert [int(line.split("\t")[0]) for line in lines if line[0].isdigit()] == [1, 2, 3]
    assert not out.with_suffix(".checkpoint").exists()
    shape = (5, 40, 50) if architecture == "fnet3d" else (40, 50)
    image = da.from_array(np.random.default_rng(1).integers(1, 999, shape).astype(np.uint16), chunks=20)
    predicted = found.predict(image, *predictors.normalisation(image)).compute()
    assert predicted.shape == shape
    assert np.ptp(predicted) > 0
    if target == "edges":
        assert (found.groups, found.description.choosing) == (("spring", "summer"), ("autumn",))
        assert (found.description.held_out, found.input_name) == (("winter",), "brightfield")
        assert found.trained_on == ("jpeg2000@PSNR30" if more else "raw")
        assert "# split by group" in lines
        assert any(line.startswith("# held out: winter.tif ") for line in lines)
    else:
        assert "columns 120-159" in found.description.split


def test_resumed_training_is_the_same(data: Path, tmp_path: Path) -> None:
    """A training that is stopped and called again ends with the weights of one that ran through."""
    settings = Settings("pix2pix", width=2, steps=6, batch=2, crop=32, seed=4)

    def trained(name: str, stop_after: int | None = None) -> str:
        return train_label_free(
            task(data), settings, tmp_path / name, tmp_path / f"{name}.tsv", "words", say=str, stop_after=stop_after
        )

    whole = trained("whole.safetensors")
    assert trained("parts.safetensors", 2) == ""
    assert not (tmp_path / "parts.safetensors").exists()
    other = Settings("pix2pix", width=2, steps=7, batch=2, crop=32, seed=4)
    with pytest.raises(ValueError, match="is of other settings"):
        train_label_free(task(data), other, tmp_path / "parts.safetensors", tmp_path / "x.tsv", "words", say=str)
    assert trained("parts.safetensors") == whole
    curves = [(tmp_path / f"{name}.safetensors.tsv").read_text().splitlines() for name in ("whole", "parts")]
    steps = [[line.split("\t")[0] for line in curve if line[0].isdigit()] for curve in curves]
    assert steps[0] == steps[1]


def test_learns(data: Path, tmp_path: Path) -> None:
    """A few dozen steps are enough for an easy target in a group that was never seen; weights of the best are kept."""
    log = tmp_path / "log.tsv"
    settings = Settings("fnet2d", width=4, steps=60, rate=5e-3, batch=4, crop=64, seed=1)
    train_label_free(task(data), settings, tmp_path / "m.safetensors", log, "words", say=str)
    final = [line for line in log.read_text().splitlines() if line.startswith("# held out")]
    assert float(final[0].split()[-1]) > 0.6


def test_minutes_become_steps(data: Path, tmp_path: Path) -> None:
    """The log of a training by time tells its steps, so that it can be repeated."""
    log = tmp_path / "log.tsv"
    settings = Settings("fnet2d", width=2, batch=1, crop=32)
    train_label_free(task(data), settings, tmp_path / "m.safetensors", log, "words", minutes=0.003, say=str)
    steps = predictors.load(tmp_path / "m.safetensors").description.steps
    assert 1 <= steps < 1000
    assert f'"steps": {steps}' in log.read_text()


def test_held_out_groups_are_never_drawn(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops come from training groups alone, and what is chosen does not depend on the held-out group."""
    settings = Settings("fnet2d", width=2, steps=4, batch=1, crop=32)
    seen = []
    real = train.Trainer

    def watched(settings: Settings, fields: list[Field]) -> train.Trainer:
        seen.append(len(fields))
        return real(settings, fields)

    monkeypatch.setattr(train, "Trainer", watched)
    first = train_label_free(task(data), settings, tmp_path / "m", tmp_path / "l", "words", say=str)
    assert seen == [2]
    original = tifffile.imread(data / "winter.tif")
    try:
        tifffile.imwrite(data / "winter.tif", original[:, ::-1, ::-1].copy())
        assert train_label_free(task(data), settings, tmp_path / "m", tmp_path / "l", "words", say=str) == first
    finally:
        tifffile.imwrite(data / "winter.tif", original)


def test_padding_does_not_count(data: Path) -> None:
    """Rows and columns of zeros at the borders are masked; zeros inside are not."""
    pair = next(pair for pair in pairs.read_pairs(data, "edges", held_out=["winter"]) if pair.group == "winter")
    assert pair.valid.sum() == 145 * 137
    assert not pair.valid[:5].any()
    assert not pair.valid[:, -3:].any()
    plane = np.ones((6, 7), np.uint8)
    plane[3] = 0
    assert predictors.valid_samples(plane).all()
    assert not predictors.valid_samples(plane, np.zeros_like(plane)).any()


def test_crops_keep_input_target_and_mask_together() -> None:
    """Input, target and mask of a crop are turned and mirrored alike; what lies outside the field is masked."""
    index = np.arange(30 * 50, dtype=np.float32).reshape(30, 50)
    field = Field(index, index, index % 2 == 0)
    given, target, mask = draw_crops([field], 6, (40, 40), np.random.default_rng(2))
    assert given.shape == target.shape == mask.shape == (6, 1, 40, 40)
    for x, y, m in zip(given[:, 0], target[:, 0], mask[:, 0], strict=True):
        inside = m > 0
        assert inside.sum() == 30 * 40 / 2
        assert (y[inside] % 2 == 0).all()
        assert np.corrcoef(x[inside], y[inside])[0, 1] == pytest.approx(1, abs=1e-4)


def test_decoded_inputs_are_what_the_codec_gives() -> None:
    """An input through a codec has the error that was asked for, and is what its real stream decodes to."""
    image = tifffile.imread(IMAGES / "yeast-brightfield.tif")[:128, :128]
    decoded = through_codec(image, "jpegxr@PSNR32")
    error = np.sqrt(np.mean((decoded.image.astype(float) - image) ** 2))
    assert 20 * np.log10(np.ptp(image) / error) == pytest.approx(decoded.psnr_db, abs=0.01)
    assert decoded.psnr_db == pytest.approx(32, abs=0.5)
    assert 0 < decoded.bits < 2
    assert decoded.image.dtype == image.dtype
    stack = through_codec(np.stack([image, image]), "jpegxr@PSNR32")
    np.testing.assert_array_equal(stack.image[1], decoded.image)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "nuclei"], "no pair in .* has the target 'nuclei'; there are: edges, no such channel"),
        (["--target", "no such channel"], "spring.tif has 2 channels, no channel 2"),
        (["--target", "unequal"], r"planes of \(150, 140\) samples, its target small.tif of \(20, 30\)"),
        (["--target", "edges", "--architecture", "unet"], "unknown architecture 'unet'; there are: fnet2d"),
        (["--target", "edges", "--compressed-with", "jpegxr"], "a codec is named like jpegxr@PSNR40"),
        (["--target", "edges", "--compressed-with", "jpegxx@PSNR40"], "jpegxx"),
        (["--target", "edges", "--held-out", ",".join(GROUPS)], "no group is left for training"),
        (["--target", "edges", "--architecture", "fnet3d"], "no number at its end"),
        (["--target", "edges", "--minutes", "1", "--steps", "2"], "not both"),
        (["--target", "edges", "--data", "nowhere"], "No such file"),
    ],
)
def test_bad_input(data: Path, tmp_path: Path, words: list[str], message: str) -> None:
    """What cannot be trained is refused with what was found and what was expected."""
    usual = ["train_label_free", "--data", str(data), "--architecture", "fnet2d", "--out", str(tmp_path / "m")]
    result = CliRunner().invoke(app, [*usual, "--log", str(tmp_path / "l"), "--choosing", "autumn", *words])
    assert result.exit_code in (1, 2)
    text = re.sub(r"[\s│]+", " ", result.output)
    assert re.search(message, text), text
    assert not (tmp_path / "m").exists()


def test_starts_from_a_model(data: Path, tmp_path: Path) -> None:
    """Weights of a model are the first ones of another training, if the network is the same."""
    first = Settings("fnet2d", width=2, steps=2, batch=1, crop=32)
    train_label_free(task(data), first, tmp_path / "a.safetensors", tmp_path / "a.tsv", "words", say=str)
    second = Settings("pix2pix", width=2, steps=1, rate=1e-9, batch=1, crop=32)
    out = tmp_path / "b.safetensors"
    train_label_free(task(data), second, out, tmp_path / "b.tsv", "w", start_from=tmp_path / "a.safetensors", say=str)
    image = da.from_array(np.random.default_rng(1).integers(1, 999, (32, 32)).astype(np.uint16))
    a, b = (predictors.load(tmp_path / f"{name}.safetensors").predict(image, 1.0, 900.0).compute() for name in "ab")
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.7
    wider = Settings("fnet2d", width=3, steps=1)
    with pytest.raises(
        ValueError, match=r"a\.safetensors is a fnet2d of width 2, expected the network of fnet2d of width 3"
    ):
        train_label_free(task(data), wider, out, tmp_path / "l", "w", start_from=tmp_path / "a.safetensors", say=str)
