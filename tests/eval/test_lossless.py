import csv
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from eval.__main__ import app
from eval.images import Source
from eval.lossless import BrokenPromiseError, Settings, run_file
from eval.lossless_codecs import FURTHER, USUAL, by_name
from eval.modes import Mode, allowed_error, contenders, quantised, task
from eval.report import COLUMNS, read
from zarr_neural import NoiseModel
from zarr_neural.zoo.classical import LosslessCodec

MODES = [Mode("lossless"), Mode("max_error", 2), Mode("noise", 1.5)]


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    planes = rng.poisson(200 + 100 * np.sin(np.arange(48) / 7), (5, 40, 48)).astype(np.uint16)
    path = tmp_path / "field" / "stack.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX"})
    return path


def test_the_tsv_has_a_row_per_mode_and_codec(stack: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.tsv"
    arguments = ["lossless", str(stack), "--out", str(out), "--codecs", "zarr_neural,jpegxl-7,jpegls"]
    options = ["--max-error", "2", "--noise", "1", "--planes", "2", "--tile", "24", "--repeat", "1"]
    result = CliRunner().invoke(app, arguments + options)
    assert result.exit_code == 0, result.output
    assert "geometric mean" in result.output
    lines = out.read_text().splitlines()
    assert lines[0].startswith("# command: python -m eval")
    table = list(csv.DictReader((line for line in lines if line[0] != "#"), delimiter="\t"))
    assert tuple(table[0]) == COLUMNS
    ours = ["zarr_neural", "zarr_neural-verify"]
    expected = [
        (mode, codec) for mode in ("lossless", "max_error=2", "noise=1") for codec in [*ours, "jpegxl-7", "jpegls"]
    ]
    expected.insert(8, ("max_error=2", "jpegls-near"))
    assert [(row["mode"], row["codec"]) for row in table] == expected
    rows = read(out)
    assert {row.set for row in rows} == {"field"}
    assert {(row.planes, row.tiles, row.pixels) for row in rows} == {(2, 8, 2 * 40 * 48)}
    for row in rows:
        assert row.bits_per_pixel == pytest.approx(8 * row.nbytes / row.pixels, rel=1e-3)
        assert min(row.encode_mpx_s, row.decode_mpx_s, row.encode_all_mpx_s, row.decode_all_mpx_s) > 0
        assert row.largest_error <= {"lossless": 0, "max_error=2": 2}.get(row.mode, 99)
    again = CliRunner().invoke(app, ["summary", str(out)])
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_all_codecs_of_a_bounded_mode_decode_to_the_same_pixels(mode: Mode, dtype: str) -> None:
    rng = np.random.default_rng(5)
    tile = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (33, 47)).astype(dtype)
    model = NoiseModel(gain=1.7, offset=100.0, read_noise=2.5) if mode.kind == "noise" else None
    plan = quantised(tile, mode, model)
    wanted = plan.restore(plan.integers)
    assert plan.integers.dtype.kind == "u" or mode.kind == "lossless"
    for codec in contenders(mode, model, by_name(["jpegxl-3", "zstd-3"]), with_ours=True):
        work = task(codec, tile, plan)
        np.testing.assert_array_equal(work.restore(work.decode(work.encode())), wanted)
    error = np.abs(wanted.astype(int) - tile.astype(int))
    assert np.all(error <= allowed_error(tile, mode, model))


def test_a_codec_that_loses_a_pixel_ends_the_run(stack: Path) -> None:
    def decode(data: bytes | bytearray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        pixels = np.frombuffer(data, dtype).reshape(shape).copy()
        pixels[3, 4] += 1
        return pixels

    liar = LosslessCodec("liar", "", lambda tile: tile.tobytes(), decode)
    source = Source("set", "stack.tif", stack)
    with pytest.raises(BrokenPromiseError, match=r"stack.tif, lossless: liar is not lossless"):
        list(run_file(source, MODES, Settings([liar], with_ours=False, repeats=1, planes=1)))


def test_one_run_does_it_all(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options: lossless and bounded modes, every usual codec, one core and all, a TSV in this folder."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["lossless", str(stack), "--planes", "1", "--repeat", "1"])
    assert result.exit_code == 0, result.output
    assert "written: lossless.tsv" in result.output
    assert str(tmp_path) not in (tmp_path / "lossless.tsv").read_text()
    rows = read(tmp_path / "lossless.tsv")
    assert list(dict.fromkeys(row.mode for row in rows)) == ["lossless", "max_error=1", "max_error=4", "noise=1"]
    for mode in ("lossless", "max_error=1", "max_error=4", "noise=1"):
        assert {"zarr_neural", *(codec.name for codec in USUAL)} <= {row.codec for row in rows if row.mode == mode}
    assert all(row.encode_all_mpx_s > 0 and row.decode_all_mpx_s > 0 for row in rows)


def test_modes_and_the_cores_can_be_left_out(stack: Path, tmp_path: Path) -> None:
    """`--lossless-only` is one mode, `--no-threads` leaves the columns of all cores empty."""
    out = tmp_path / "results.tsv"
    arguments = ["lossless", str(stack), "--out", str(out), "--codecs", "zarr_neural", "--planes", "1", "--repeat", "1"]
    assert CliRunner().invoke(app, [*arguments, "--lossless-only", "--no-threads"]).exit_code == 0
    rows = read(out)
    assert {row.mode for row in rows} == {"lossless"}
    assert all(math.isnan(row.encode_all_mpx_s) and math.isnan(row.decode_all_mpx_s) for row in rows)
    assert CliRunner().invoke(app, [*arguments, "--lossless-only", "--noise", "2"]).exit_code == 2


def test_wrong_use_is_refused(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["lossless"]).exit_code == 2
    assert CliRunner().invoke(app, ["lossless", str(stack), "--codecs", "nosuch"]).exit_code == 2
    unreadable = stack.with_name("broken.tif")
    unreadable.write_bytes(b"II*\0nothing")
    assert CliRunner().invoke(app, ["lossless", str(unreadable)]).exit_code == 1


def test_names_are_unique_and_unknown_ones_are_refused() -> None:
    names = [codec.name for codec in USUAL + FURTHER]
    assert len(set(names)) == len(names)
    assert [codec.name for codec in by_name(["png-6", "jpegls"])] == ["png-6", "jpegls"]
    with pytest.raises(ValueError, match="unknown codec nosuch; there are: jpegxl-7"):
        by_name(["nosuch"])
