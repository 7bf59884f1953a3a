"""What a conversion says at its end."""

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from zarr_neural.archive import ImageReport
from zarr_neural.cli import app
from zarr_neural.cli.summary import print_summary


def report(name: str, status: str = "converted", **more: Any) -> ImageReport:
    said = {"method": "lossless", "max_error": 0.0, "shape": (8, 8), "dtype": "uint16"} if status == "converted" else {}
    sizes = {"store_nbytes": 3_000_000, "source_nbytes": 6_000_000} if status in ("converted", "kept") else {}
    return ImageReport(f"in/{name}.tif", f"out/{name}.ome.zarr", status, **(said | sizes | more))


def printed(capsys: pytest.CaptureFixture[str], *reports: ImageReport, verbose: bool = False) -> list[str]:
    print_summary(reports, Path("out"), verbose=verbose)
    return capsys.readouterr().out.splitlines()


def test_the_first_line_of_a_lossy_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """How many images are no longer what they were comes first, with how and how much."""
    lossy = {"method": "noise", "parameters": {"noise": 1.0}, "max_error": 12.0, "psnr_db": 48.25}
    lines = printed(capsys, report("a", **lossy), report("b", **lossy), report("c"))
    assert lines[0] == "2 of 3 images are no longer identical to their source."
    assert (
        lines[1] == "  2 images converted with noise 1; no pixel is off by more than 12 grey levels, and the "
        "lowest PSNR is 48.2 dB."
    )


def test_a_kept_lossy_store_counts_as_altered(capsys: pytest.CaptureFixture[str]) -> None:
    """What an earlier run altered is not called identical because this run did not touch it."""
    lines = printed(capsys, report("a", "kept", method="noise"), report("b", "kept", method="lossless"))
    assert lines[0] == "1 of 2 images is no longer identical to their source."


def test_counts_sizes_and_places(capsys: pytest.CaptureFixture[str]) -> None:
    """Files, converted, kept, failed, passed over; bytes on the disk and their ratio; where the stores are."""
    reports = (report("a"), report("b", "kept", method="lossless"), report("c", "failed"), report("d", "passed over"))
    lines = printed(capsys, *reports)
    assert lines[0] == "Every pixel of the 2 images is identical to its source."
    text = "\n".join(lines)
    assert "4 files: 1 image converted, 1 kept (converted before), 1 failed, 1 passed over." in text
    assert "Passed over because they are not TIFFs: d.tif." in text
    assert "On disk: 12.0 MB before, 6.0 MB after (with overviews and metadata), ratio 2.00." in text
    assert "The stores are in out/ (a.ome.zarr, b.ome.zarr)" in text
    assert "napari --plugin napari-ome-zarr out/a.ome.zarr" in text


def test_a_lossless_run_says_what_noise_would_have_saved(capsys: pytest.CaptureFixture[str]) -> None:
    """One line tells what the mildest lossy mode would have saved, where it was estimated."""
    lines = printed(capsys, report("a", noise_saving=0.25), report("b"))
    assert (
        len(
            [
                line
                for line in lines
                if "With --noise 1 the full-resolution chunks would take about 25% less space" in line
            ]
        )
        == 1
    )
    assert not [line for line in printed(capsys, report("b")) if "--noise" in line]


def test_a_note_of_many_images_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The same note is printed once, with how many images it is about."""
    lines = printed(capsys, *(report(name, notes=("the size of a pixel was left out",)) for name in "abcd"))
    assert [line for line in lines if "left out" in line] == [
        "Note on 4 images (a, b, c ...): the size of a pixel was left out"
    ]


def test_what_is_said_to_open_a_store_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line for Python opens the store that was written, pixels as they were; paths are relative."""
    pixels = np.random.default_rng(3).integers(0, 900, (60, 50), dtype="u2")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["convert", "a.tif", "a.ome.zarr"])
    assert result.exit_code == 0, result.output
    assert "The store is a.ome.zarr\n" in result.stdout
    assert "dask.array.from_zarr('a.ome.zarr/0')" in result.stdout
    np.testing.assert_array_equal(da.from_zarr("a.ome.zarr/0").compute(), pixels)


def test_channels_are_told_when_asked(tmp_path: Path) -> None:
    """Channel details and speeds are for --verbose."""
    pixels = np.random.default_rng(3).integers(0, 900, (2, 60, 50), dtype="u2")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"})
    plain, wordy = (
        CliRunner().invoke(app, ["convert", str(tmp_path / "a.tif"), str(tmp_path / f"{n}.zarr"), *more]).stdout
        for n, more in (("b", []), ("c", ["-v"]))
    )
    assert ("measured rmse" in plain, "measured rmse" in wordy) == (False, True)
    assert ("MP/s" in plain, "MP/s" in wordy) == (False, True)


@pytest.mark.parametrize("options", [("--no-pyramid",), ("--levels", "1"), ("--levels", "3")], ids=" ".join)
def test_levels(options: tuple[str, ...], tmp_path: Path) -> None:
    """--levels and --no-pyramid decide how many arrays there are."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((300, 300), "u2"), photometric="minisblack")
    result = CliRunner().invoke(app, ["convert", str(tmp_path / "a.tif"), str(tmp_path / "a.zarr"), *options])
    assert result.exit_code == 0, result.output
    assert len([path for path in (tmp_path / "a.zarr").iterdir() if path.name.isdigit()]) == int(
        options[1] if len(options) > 1 else "1"
    )
