import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from rich.console import Console
from typer.testing import CliRunner

from eval.__main__ import app
from eval.bd_table import METRICS, against_the_better, bd_rows, curve, quality, write_bd_rows
from eval.demo import IMAGES
from eval.lossy_codecs import by_name
from eval.points import COLUMNS, Point, PointWriter, read_points
from eval.rate_distortion import TRUTH_RATES
from eval.rd_sheet import SIDE, busiest, shown_codecs
from eval.rd_summary import print_rate_distortion
from eval.subjects import EXPOSURES

POINT = Point(
    set="s",
    file="f.tif",
    plane=0,
    dtype="uint8",
    rows=100,
    columns=100,
    data_range=200.0,
    seen=0,
    codec="jpeg2000",
    options="as is",
    setting=1.5,
    target_db=34.0,
    nbytes=1250,
    bits_per_pixel=1.0,
    psnr_db=34.05,
    rmse=4.0,
    max_error=20.0,
    ssim=0.9,
    ms_ssim=0.99,
    ms_ssim_scales=4,
    truth_db=math.nan,
    truth_rmse=math.nan,
    encode_s=0.01,
    decode_s=0.002,
    note="",
)


def points(codec: str, factor: float, file: str = "f.tif", truth: bool = False) -> list[Point]:
    """Return a curve that needs `factor` times the bits of the first."""
    return [
        replace(
            POINT,
            codec=codec,
            file=file,
            target_db=db,
            psnr_db=db,
            ssim=1 - 10 ** (-db / 20),
            ms_ssim=1 - 10 ** (-db / 15),
            truth_db=db / 2 if truth else math.nan,
            bits_per_pixel=factor * 2 ** ((db - 40) / 6),
        )
        for db in (34.0, 37.0, 40.0, 43.0, 46.0, 50.0)
    ]


def test_points_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    rows = [POINT, replace(POINT, codec='a"b', psnr_db=math.inf, note="lossless")]
    with path.open("w") as file:
        writer = PointWriter(file, ["note"])
        for row in rows:
            writer.write(row)
    assert [str(row) for row in read_points(path)] == [str(row) for row in rows]
    path.write_text("set\tfile\n")
    with pytest.raises(ValueError, match="expected the columns"):
        read_points(path)


def test_bd_rates_are_those_of_the_curves() -> None:
    """Every metric sees the factor, against each anchor and against the better of the two on each image."""
    measured = points("jpeg2000", 1.0) + points("jpegxl-7", 2.0) + points("x", 0.9)
    measured += points("jpeg2000", 1.0, "g.tif") + points("jpegxl-7", 0.5, "g.tif") + points("x", 0.9, "g.tif")
    rows = bd_rows(measured)
    found = {(row.file, row.codec, row.anchor, row.metric): row.bd_rate_percent for row in rows}
    for metric in METRICS[:3]:
        assert found["f.tif", "x", "jpeg2000", metric] == pytest.approx(-10)
        assert found["f.tif", "x", "jpegxl-7", metric] == pytest.approx(-55)
        assert found["f.tif", "jpegxl-7", "jpeg2000", metric] == pytest.approx(100)
    assert all(row.metric != "truth" for row in rows)
    better = {(key[0][1], key[1]): value for key, value in against_the_better(rows, "psnr").items()}
    assert better["f.tif", "x"] == pytest.approx(-10)
    assert better["g.tif", "x"] == pytest.approx(80)
    assert better["f.tif", "jpeg2000"] == 0
    assert better["g.tif", "jpeg2000"] == pytest.approx(100)
    assert better["g.tif", "jpegxl-7"] == 0


def test_a_refused_image_has_its_reason_in_the_table(tmp_path: Path) -> None:
    rows = bd_rows(points("jpeg2000", 1.0) + points("x", 0.9), {(("s", "f.tif", 0), "webp"): "WebP has 8 bits"})
    refused = [row for row in rows if row.codec == "webp"]
    assert {row.why for row in refused} == {"WebP has 8 bits"}
    assert all(math.isnan(row.bd_rate_percent) for row in refused)
    write_bd_rows(tmp_path / "bd.tsv", rows, ["a note"])
    lines = (tmp_path / "bd.tsv").read_text().splitlines()
    assert lines[0] == "# a note"
    assert len(lines) == 2 + len(rows)
    assert lines[2].split("\t")[4:8] == ["x", "jpeg2000", "psnr", "-10"]


def test_a_stream_without_loss_counts_as_the_target_that_it_serves() -> None:
    exact = replace(POINT, target_db=50.0, psnr_db=math.inf, ssim=1.0, ms_ssim=1.0, truth_db=30.0)
    assert [quality(exact, metric) for metric in METRICS] == [50.0, math.inf, math.inf, 30.0]


def test_points_at_low_rates_count_for_the_truth_alone() -> None:
    low = replace(POINT, target_db=math.nan, truth_db=20.0)
    assert curve([low], "psnr") == curve([low], "ms_ssim") == []
    assert curve([low], "truth") == [(1.0, 20.0)]


def test_the_summary_has_every_codec_and_the_worst_set() -> None:
    measured = points("jpeg2000", 1.0, truth=True) + points("jpegxl-7", 2.0, truth=True) + points("x", 0.9, truth=True)
    measured += [replace(p, set="hard") for p in points("jpeg2000", 1.0) + points("jpegxl-7", 1.0) + points("x", 1.3)]
    console = Console(record=True, width=170, quiet=False, file=None, force_terminal=False)
    print_rate_distortion(measured, bd_rows(measured), console)
    text = console.export_text()
    line = next(line for line in text.splitlines() if line.startswith("│ x "))
    assert "hard +30.0" in line
    assert "2 of 2" in line
    assert "PSNR against the mean of other exposures" in text
    assert "speed on one thread" in text


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["rate_distortion", *arguments])
    return result.exit_code, result.output


def test_one_run_measures_draws_and_sums_up(tmp_path: Path) -> None:
    """Points, BD-rates with reasons, plots and sheet of one 8-bit and one 16-bit image."""
    out, plots, sheet = tmp_path / "r.tsv", tmp_path / "plots", tmp_path / "sheet.png"
    files = [str(IMAGES / f"{name}.tif") for name in ("cells-fluorescence", "yeast-brightfield")]
    options = ["--codecs", "jpeg2000,jpegxl-7,webp,zarr_neural-fast", "--crop", "200", "--set", "demo"]
    code, output = run(*files, *options, "--out", str(out), "--plots", str(plots), "--sheet", str(sheet))
    assert code == 0, output
    measured = read_points(out)
    assert {point.set for point in measured} == {"demo"}
    head = [line for line in out.read_text().splitlines() if line.startswith("#")]
    assert head[0].startswith("# command: python -m eval")
    assert str(tmp_path) not in "".join(head)
    assert any("largest minus its smallest" in line for line in head)
    for codec in ("jpeg2000", "jpegxl-7"):
        for dtype in ("uint8", "uint16"):
            of = [point for point in measured if (point.codec, point.dtype) == (codec, dtype)]
            assert {point.target_db for point in of} == {34, 37, 40, 43, 46, 50}
            for point in of:
                assert point.rmse == pytest.approx(point.data_range / 10 ** (point.psnr_db / 20), rel=1e-6)
                assert abs(point.psnr_db - point.target_db) <= 0.1 or "beside" in point.note
                assert 0 < point.ssim < 1
                assert point.ms_ssim_scales == 5
                assert point.max_error >= point.rmse
                assert min(point.encode_s, point.decode_s) > 0
    with (tmp_path / "r-bd.tsv").open() as file:
        table = list(csv.DictReader((line for line in file if line[0] != "#"), delimiter="\t"))
    refused = [row for row in table if row["codec"] == "webp" and row["file"] == "yeast-brightfield.tif"]
    assert {row["why"] for row in refused} == {"WebP has 8 bits"}
    known = [row for row in table if row["codec"] == "jpegxl-7"]
    assert all(abs(float(row["bd_rate_percent"])) < 60 for row in known)
    assert sorted(path.name for path in plots.iterdir()) == ["demo.png", "summary.png"]
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert tuple(out.read_text().splitlines()[len(head)].split("\t")) == COLUMNS
    again = CliRunner().invoke(app, ["rate_distortion_summary", str(out), "--plots", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    line = next(line for line in output.splitlines() if line.startswith("│ jpegxl-7"))
    assert line in again.output
    assert (tmp_path / "again" / "summary.png").exists()


def test_exposures_are_measured_against_their_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / EXPOSURES
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    field = 500 + 200 * np.sin(np.add.outer(np.arange(96), np.arange(96)) / 8)
    for i in range(4):
        tifffile.imwrite(folder / f"t{i}.tif", rng.poisson(field).astype(np.uint16))
    code, output = run(
        *("--heldout", "--data", str(tmp_path), "--sets", "yeast-exposures", "--per-set", "1"),
        *("--codecs", "jpeg2000,jpegxl-7", "--targets", "34,40"),
    )
    assert code == 0, output
    measured = read_points(tmp_path / "rate_distortion.tsv")
    assert all(point.seen and math.isfinite(point.truth_db) for point in measured)
    low = [point for point in measured if math.isnan(point.target_db)]
    assert 0 < len(low) <= 2 * len(TRUTH_RATES)
    assert "mean of other exposures" in output


def test_wrong_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run()[0] == 2
    assert run(str(IMAGES / "plant-confocal.tif"), "--codecs", "nosuch")[0] == 2
    assert run(str(tmp_path / "nothing.tif"))[0] == 2


def test_the_sheet_shows_the_busy_part_and_a_stand_in_for_what_is_missing() -> None:
    image = np.zeros((400, 500), np.uint16)
    image[200:320, 300:420] = 1000 * (np.add.outer(np.arange(120) // 8, np.arange(120) // 8) % 2)
    crop = image[busiest(image)]
    assert crop.shape == (SIDE, SIDE)
    assert crop.sum() > 0.6 * image.sum()
    assert image[:100, :90][busiest(image[:100, :90])].shape == (100, 90)
    names = [codec.name for codec in shown_codecs(by_name(["sz3", "jpegxl-7", "jpeg2000"]))]
    assert names == ["jpeg2000", "jpegxl-7", "sz3"]
