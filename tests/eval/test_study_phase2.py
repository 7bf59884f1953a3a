"""Phase 2 of the study by its command: real stores, real bitstreams, predictions and nuclei, and what can go wrong."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import torch
import zarr
from typer.testing import CliRunner

from eval import predictors
from eval.__main__ import app
from eval.metrics import psnr_db, ssim
from eval.predictors.architectures import architecture_of
from eval.predictors.model_file import Description, write_model
from eval.predictors.networks import FNet
from eval.predictors.predictor import predict_whole
from eval.predictors.training import arrays_of
from eval.study.image import open_images
from eval.study.plan import Plan, check
from eval.study.rows import LabelFree, Reconstruction, Segmentation, read_rows
from eval.study.stores import make
from eval.study.tables import Figure
from zarr_neural.zoo.learned import ZooCodec

CODECS = "jpegxl-3,lerc-study"
SHAPE = (96, 120)
PADDED = 9


def picture(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """Return dark blobs in texture, and the blobs alone, bright; both with noise, and with rows of padding."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = rng.uniform((16, 8), (shape[0] - 8, shape[1] - 8), (9, 2))
    blobs = sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 40) for cy, cx in centres)
    bright = 4000 + 300 * np.sin(x / 9 + seed) * np.cos(y / 11) - 900 * blobs + rng.normal(0, 25, shape)
    stack = np.rint([bright, 200 + 3000 * blobs + rng.normal(0, 8, shape)]).astype(np.uint16)
    stack[:, :PADDED] = 0
    return stack


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """Stores of two groups as the command `study_stores` makes them; the images differ in size."""
    rows = ["dataset,group,input,input_channel,target,target_channel,target_name"]
    for number, (name, group) in enumerate((("a", "east"), ("b", "west"))):
        tifffile.imwrite(tmp_path / f"{name}.tif", picture(number, (SHAPE[0], SHAPE[1] - 16 * number)))
        rows.append(f"tiny,{group},{name}.tif,0,{name}.tif,1,nuclei")
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    result = CliRunner().invoke(
        app, ["study_stores", "--data", str(tmp_path), "--out", str(tmp_path / "stores"), "--groups", "east,west"]
    )
    assert result.exit_code == 0, result.output
    return tmp_path / "stores"


def model(path: Path, architecture: str = "fnet2d", trained_on: str = "raw", groups: tuple[str, ...] = ("x",)) -> Path:
    """Write a predictor with random weights."""
    torch.manual_seed(len(trained_on))
    network = FNet(architecture_of(architecture).ndim, 2, architecture_of(architecture).depth)
    description = Description(
        architecture, 2, "input", "nuclei", trained_on, groups, (), (), "split by group", "", 1, 1, 0, ""
    )  # fmt: skip
    write_model(path, arrays_of(network.state_dict()), description)
    return path


def invoke(folder: Path, *words: str, codecs: str = CODECS, out: str = "out") -> tuple[int, str]:
    """Run the command `study` and return exit status and what it prints."""
    usual = ["--codecs", codecs, "--targets", "32,40", "--chunks", "64,64", "--workers", "2", "--pictures", "1"]
    result = CliRunner().invoke(app, ["study", *words, *usual, "--out", str(folder / out)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def usual(stores: Path, *models: Path) -> list[str]:
    words = [str(stores), "--input", "input", "--target", "nuclei", "--segment", "nuclei"]
    return [*words, *(word for path in models for word in ("--predictor", str(path)))]


def channels(store: Path) -> tuple[np.ndarray, np.ndarray]:
    array = zarr.open_array(store, path="0", mode="r")
    return array[0], array[1]


def test_all_pairs_of_all_models_are_what_the_arrays_say(tmp_path: Path, stores: Path) -> None:
    """Every figure follows from the raw pixels, the pixels in the kept store, and the network, computed apart."""
    models = [model(tmp_path / "raw.st"), model(tmp_path / "jxr.st", trained_on="jpegxr@PSNR30")]
    status, output = invoke(tmp_path, *usual(stores, *models), "--keep")
    assert status == 0, output
    out = tmp_path / "out"
    found = read_rows(out / "label_free.tsv", LabelFree)
    points = {(row.codec, row.point) for row in found}
    assert {codec for codec, _ in points} == {"original", "jpegxl-3", "lerc-study"}
    for path in models:
        predictor = predictors.load(path)
        rows = [row for row in found if row.predictor == predictor.id[:12]]
        assert {row.trained_on for row in rows} == {predictor.trained_on}
        for row in rows:
            raw, truth = channels(stores / row.image)
            low, high = predictors.normalisation(da.from_array(raw))
            if row.codec == "original":
                decoded, bits = raw, 16.0
            else:
                name = f"{row.image}-input-{row.codec}-{row.point.replace(' ', '_')}.zarr"
                stored = zarr.open_array(out / "work" / name, mode="r")
                files = [file for file in (out / "work" / name).iterdir() if not file.name.startswith(".")]
                decoded, bits = stored[:], 8 * sum(file.stat().st_size for file in files) / raw.size
            assert row.bits_per_pixel == pytest.approx(bits, rel=1e-6)
            predicted = {
                "raw": predict_whole(predictor, raw, low, high)[PADDED:],
                "decoded": predict_whole(predictor, decoded, low, high)[PADDED:],
                "truth": truth[PADDED:].astype(np.float32),
            }
            other, reference = (predicted[name].astype(np.float64) for name in row.pair.split("/"))
            assert row.valid == reference.size
            assert row.correlation == pytest.approx(np.corrcoef(other.ravel(), reference.ravel())[0, 1], abs=1e-4)
            if row.pair == "decoded/raw":
                other, reference = other / reference.std(), reference / reference.std()
            else:
                other, reference = ((part - part.mean()) / part.std() for part in (other, reference))
            wide = np.ptp(reference)
            mse = np.mean((other - reference) ** 2)
            assert row.data_range == pytest.approx(wide, rel=1e-4)
            assert row.mse == pytest.approx(mse, rel=1e-3)
            assert row.psnr_db == pytest.approx(psnr_db(np.sqrt(mse), wide), abs=0.01)
            assert row.ssim == pytest.approx(ssim(reference, other, wide), abs=1e-4)
        images, codec_points = 2, len({(row.image, *key) for row in rows for key in [(row.codec, row.point)]}) - 2
        assert len(rows) == images + 2 * codec_points
        assert {row.pair for row in rows} == {"raw/truth", "decoded/raw", "decoded/truth"}
    for row in read_rows(out / "segmentation.tsv", Segmentation):
        _, truth = channels(stores / row.image)
        name = f"{row.image}-nuclei-{row.codec}-{row.point.replace(' ', '_')}.zarr"
        counts = np.arange(SHAPE[0])[:, None] >= PADDED
        labels = [
            np.where(counts, predictors.segment_nuclei(plane), 0)
            for plane in (truth, zarr.open_array(out / "work" / name, mode="r")[:])
        ]
        assert row.nuclei == np.unique(labels[0]).size - 1 > 3
        likeness = predictors.compare_labels(*labels)
        assert (row.dice, row.f1) == pytest.approx((likeness["dice"], likeness["f1"]))


def test_the_report_says_what_was_found_and_what_it_rests_on(tmp_path: Path, stores: Path) -> None:
    """Thresholds with their bounds, both models, nuclei, and notes: command, groups, hashes."""
    models = [model(tmp_path / "raw.st"), model(tmp_path / "east.st", trained_on="jpegxr@PSNR30", groups=("east",))]
    status, output = invoke(tmp_path, *usual(stores, *models))
    assert status == 0, output
    assert "was trained on the groups east, which are studied here" in output
    text = (tmp_path / "out" / "report.html").read_text()
    for words in (
        "trained on jpegxr@PSNR30 input",
        "Bits per pixel from which",
        "Nuclei in decoded",
        "study’s table 4",
    ):
        assert words.replace("’", "'") in text or words.replace("’", "&#x27;") in text, words
    assert "was trained on the groups east" in text
    notes = [line for line in (tmp_path / "out" / "tables.tsv").read_text().splitlines() if line.startswith("#")]
    command = next(line for line in notes if line.startswith("# command: "))
    assert command.startswith("# command: python -m eval study stores --codecs jpegxl-3,lerc-study --input input")
    assert "# groups (images): east (1), west (1)" in notes
    assert any(predictors.load(models[0]).id in line for line in notes)
    assert str(tmp_path) not in "".join(notes)
    with (tmp_path / "out" / "tables.tsv").open(newline="") as file:
        figures = list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))
    tables = {figure["table"] for figure in figures}
    assert tables == {
        "fixed settings", "searched settings", "equal error", "equal rate", "label-free", "label-free threshold",
        "nuclei",
        "nuclei threshold",
    }  # fmt: skip
    assert list(figures[0]) == list(Figure.__dataclass_fields__)
    assert {f["at"] for f in figures if f["table"] == "label-free threshold"} == {"0.99", "0.95", "0.9"}
    work = tmp_path / "out" / "work"
    assert not [path for path in work.rglob("*.zarr") if path.exists()]


def test_schedulers_predict_the_same(tmp_path: Path, stores: Path) -> None:
    """Threads of this process and processes of their own write the same figures."""
    words = usual(stores / "a.ome.zarr", model(tmp_path / "raw.st"))
    for scheduler in ("threads", "processes"):
        assert invoke(tmp_path, *words, "--scheduler", scheduler, out=scheduler)[0] == 0
    for name in ("label_free.tsv", "segmentation.tsv", "reconstruction.tsv"):
        one, two = (
            [line for line in (tmp_path / scheduler / name).read_text().splitlines() if not line.startswith("#")]
            for scheduler in ("threads", "processes")
        )
        assert one == two
        assert len(one) > 3


def in_chunks(store: Path) -> None:
    """Write the pixels of a store again in chunks of 48 x 64."""
    data = zarr.open_array(store, path="0", mode="r")[:]
    names = ("c", "y", "x")
    zarr.open_group(store, mode="a").create_array(
        "0", data=data, chunks=(1, 48, 64), dimension_names=names, overwrite=True
    )


def truncate(chunk: Path) -> None:
    chunk.write_bytes(chunk.read_bytes()[:-40])


def test_corrupt_chunks_are_named_and_count_in_no_pair(tmp_path: Path, stores: Path) -> None:
    """One of the input, one of the target: both are reported with their keys, the rest is evaluated in both phases."""
    in_chunks(stores / "a.ome.zarr")
    chunks = stores / "a.ome.zarr" / "0" / "c"
    truncate(chunks / "0" / "0" / "1")
    truncate(chunks / "1" / "1" / "0")
    status, output = invoke(tmp_path, *usual(stores, model(tmp_path / "raw.st")))
    assert status == 0, output
    told = " ".join(output.split())
    assert "chunk 0/c/0/0/1 of input cannot be read" in told
    assert "chunk 0/c/1/1/0 of nuclei cannot be read" in told
    lines = (tmp_path / "out" / "damaged.tsv").read_text().splitlines()[1:]
    assert [line.split("\t")[:3] for line in lines] == [
        ["a.ome.zarr", "input", "0/c/0/0/1"],
        ["a.ome.zarr", "nuclei", "0/c/1/1/0"],
    ]
    counts = {"a.ome.zarr": np.ones(SHAPE, bool), "b.ome.zarr": np.ones((SHAPE[0], SHAPE[1] - 16), bool)}
    for valid in counts.values():
        valid[:PADDED] = False
    counts["a.ome.zarr"][:48, 64:] = False
    first = read_rows(tmp_path / "out" / "reconstruction.tsv", Reconstruction)
    assert {(r.image, r.valid) for r in first if r.channel == "input"} == {(n, c.sum()) for n, c in counts.items()}
    counts["a.ome.zarr"][48:, :64] = False
    rows = read_rows(tmp_path / "out" / "label_free.tsv", LabelFree)
    assert {(row.image, row.valid) for row in rows} == {(name, c.sum()) for name, c in counts.items()}
    raw_truth = next(row for row in rows if row.image == "a.ome.zarr" and row.codec == "original")
    assert np.isfinite([raw_truth.mse, raw_truth.ssim, raw_truth.correlation]).all()
    segmented = read_rows(tmp_path / "out" / "segmentation.tsv", Segmentation)
    assert {row.image for row in segmented} == set(counts)


def test_a_target_that_is_lost_stops_phase_2_of_its_image_alone(tmp_path: Path, stores: Path) -> None:
    """The input is still coded and measured; status and files say what is missing."""
    truncate(stores / "a.ome.zarr" / "0" / "c" / "1" / "0" / "0")
    status, _output = invoke(tmp_path, *usual(stores, model(tmp_path / "raw.st")))
    assert status == 1
    failures = (tmp_path / "out" / "failures.tsv").read_text()
    assert "nothing is predicted: nuclei" in failures
    assert "no nuclei are looked for: nuclei" in failures
    assert {row.image for row in read_rows(tmp_path / "out" / "label_free.tsv", LabelFree)} == {"b.ome.zarr"}
    first = read_rows(tmp_path / "out" / "reconstruction.tsv", Reconstruction)
    assert {(row.image, row.channel) for row in first} == {
        ("a.ome.zarr", "input"), ("b.ome.zarr", "input"), ("b.ome.zarr", "nuclei"),
    }  # fmt: skip


def test_phase_2_goes_on_where_it_stopped(tmp_path: Path, stores: Path) -> None:
    """What the journal lacks is measured again and is the same; a store that changed meanwhile is refused."""
    words = usual(stores, model(tmp_path / "raw.st"))
    assert invoke(tmp_path, *words)[0] == 0
    out = tmp_path / "out"
    names = ("label_free.tsv", "segmentation.tsv", "reconstruction.tsv")
    before = [(out / name).read_text().replace(" --resume", "") for name in names]
    lines = (out / "journal.jsonl").read_text().splitlines()
    kept, seen = [], dict[str, int]()
    for line in lines:
        kind = json.loads(line).get("key", ["head"])[0]
        seen[kind] = seen.get(kind, 0) + 1
        kept += [line] * (seen[kind] % 2)  # every second piece of a kind is lost
    assert min(seen["label-free"], seen["segmentation"], seen["reconstruction"]) > 1
    (out / "journal.jsonl").write_text("".join(f"{line}\n" for line in kept))
    shutil.rmtree(out / "pictures")
    assert invoke(tmp_path, *words, "--resume")[0] == 0
    assert [(out / name).read_text().replace(" --resume", "") for name in names] == before
    assert len(list((out / "pictures" / "a.ome.zarr").glob("*.npz"))) > 3
    in_chunks(stores / "a.ome.zarr")
    array = zarr.open_array(stores / "a.ome.zarr", path="0", mode="a")
    array[0, 20:30] = 5000
    status, output = invoke(tmp_path, *words, "--resume")
    assert status == 1
    assert "channel input is not what the journal was begun with" in " ".join(output.split())


def test_nuclei_in_the_channel_that_is_coded(tmp_path: Path, stores: Path) -> None:
    """A fluorescence channel may be input and segmented at once: it is coded once for both."""
    words = [str(stores / "a.ome.zarr"), "--input", "nuclei", "--segment", "nuclei"]
    assert invoke(tmp_path, *words)[0] == 0
    first = read_rows(tmp_path / "out" / "reconstruction.tsv", Reconstruction)
    third = read_rows(tmp_path / "out" / "segmentation.tsv", Segmentation)
    assert [(row.codec, row.point) for row in first] == [(row.codec, row.point) for row in third]
    assert len(first) == len({(row.codec, row.point) for row in first})


def test_volumes_are_predicted_and_compared_with_a_plane(tmp_path: Path) -> None:
    """A volume's prediction is projected; a lost chunk of one plane does not count; networks of planes are refused."""
    rng = np.random.default_rng(3)
    volume = rng.integers(100, 900, (4, 1, 64, 96)).astype(np.uint16)
    axes = {"volumes": ("zcyx", volume), "targets": ("cyx", volume.max(axis=0))}
    for folder, (letters, data) in axes.items():
        root = zarr.open_group(tmp_path / folder / "v.ome.zarr", mode="w", zarr_format=3)
        order = [letter for letter in "tczyx" if letter in letters]
        if letters == "zcyx":
            data = data.transpose(1, 0, 2, 3)
        kinds = [{"name": letter, "type": "channel" if letter == "c" else "space"} for letter in order]
        scale = [{"type": "scale", "scale": [1.0] * data.ndim}]
        root.attrs["ome"] = {
            "version": "0.5",
            "multiscales": [{"axes": kinds, "datasets": [{"path": "0", "coordinateTransformations": scale}]}],
        }
        root.create_array("0", data=data, chunks=(*(1,) * (data.ndim - 2), 64, 48))
    truncate(tmp_path / "volumes" / "v.ome.zarr" / "0" / "c" / "0" / "2" / "0" / "1")
    words = [str(tmp_path / "volumes"), "--target", "0", "--target-stores", str(tmp_path / "targets")]
    status, output = invoke(tmp_path, *words, "--predictor", str(model(tmp_path / "v.st", "fnet3d")), codecs="jpegxl-3")
    assert status == 0, output
    rows = read_rows(tmp_path / "out" / "label_free.tsv", LabelFree)
    assert {row.pair for row in rows} == {"raw/truth", "decoded/raw", "decoded/truth"}
    assert {row.valid for row in rows} == {64 * 48}
    assert "0/c/0/2/0/1" in (tmp_path / "out" / "damaged.tsv").read_text()
    status, output = invoke(tmp_path, *words, "--predictor", str(model(tmp_path / "p.st")), out="other")
    assert status == 1
    assert "fnet2d takes 2 axes, the channel has shape (4, 64, 96)" in " ".join(output.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--predictor", "absent.st"], "no model file absent.st: `python -m eval train_label_free` writes one"),
        (["--predictor", "pairs.csv"], "pairs.csv is no model of a predictor"),
        (["--target", "dapi"], "no channel is called 'dapi'; there are 0: input, 1: nuclei"),
        (["--scheduler", "somewhere"], "scheduler 'somewhere': expected threads, processes or an address"),
        (["--targets", "40,x"], "'40,x': expected numbers between commas"),
        (["--chunks", "0,64"], "expected numbers above 0"),
        (["--resume", "--out", "damaged"], "line 2 is none of a journal"),
    ],
)
def test_refusals(tmp_path: Path, stores: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str) -> None:
    """What cannot be done is refused before anything is coded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "journal.jsonl").write_text('{"study": {}}\n{"key": [\n')
    result = CliRunner().invoke(app, ["study", str(stores), "--codecs", "lerc-study", *words])
    assert result.exit_code == 1
    assert why in " ".join(result.output.split())
    assert not list(tmp_path.rglob("*.tsv"))


def test_predictions_need_a_target(tmp_path: Path, stores: Path) -> None:
    """A predictor without a channel to compare with is refused."""
    predictor = predictors.load(model(tmp_path / "raw.st"))
    images = open_images(sorted(stores.iterdir()))
    with pytest.raises(ValueError, match="name it with --target"):
        check(Plan(images, [], tmp_path / "w", tmp_path / "o", predictors=[predictor]))


def test_missing_weights_leave_a_codec_out(tmp_path: Path, stores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says why, the others are measured; nothing left is an error."""
    why = "no file mbt2018-mse-3.pth.tar: put it into FOLDER"
    monkeypatch.setattr(ZooCodec, "missing", staticmethod(lambda *_args: why))
    store = str(stores / "a.ome.zarr")
    status, output = invoke(tmp_path, store, codecs="mbt2018-mse,lerc-study")
    assert status == 0
    assert f"left out: mbt2018-mse: {why}" in " ".join(output.split())
    assert why in (tmp_path / "out" / "report.html").read_text()
    assert {row.codec for row in read_rows(tmp_path / "out" / "reconstruction.tsv", Reconstruction)} == {"lerc-study"}
    status, output = invoke(tmp_path, store, codecs="mbt2018-mse", out="other")
    assert status == 1
    assert f"no codec is left: mbt2018-mse: {why}" in " ".join(output.split())


def test_groups_of_stores_are_those_of_the_table(stores: Path) -> None:
    """Intervals are over groups: the stores carry them, and the padding as a label image."""
    images = open_images(sorted(stores.iterdir()))
    assert [image.group for image in images] == ["east", "west"]
    assert [image.channel_names for image in images] == [("input", "nuclei")] * 2
    valid = zarr.open_array(stores / "a.ome.zarr", path="labels/valid/0", mode="r")[:]
    assert not valid[:PADDED].any()
    assert valid[PADDED:].all()
    with pytest.raises(ValueError, match=r"no pair of pairs\.csv is of north"):
        make(stores.parent, stores.parent / "none", ["north"])
