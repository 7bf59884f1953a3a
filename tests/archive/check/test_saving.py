"""Reports say what a loss within the noise would have saved, after a lossless run, and whether pixels changed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.archive.check import saving

Writer = Callable[..., tuple[Path, np.ndarray]]


def test_the_saving_is_close_to_what_noise_really_saves(write_ome: Writer, tmp_path: Path) -> None:
    """The estimate of a lossless run is within a few per cent of the sizes of both stores."""
    path, _ = write_ome("ZYX", (3, 600, 500))
    (exact,) = convert([path], tmp_path / "a.zarr", Options(workers=2))
    (noisy,) = convert([path], tmp_path / "b.zarr", Options(fidelity_from(noise=1.0), workers=2))
    assert exact.noise_saving == pytest.approx(1 - noisy.stored_nbytes / exact.stored_nbytes, abs=0.04)
    assert exact.noise_saving > 0.1
    assert noisy.noise_saving is None
    assert (exact.identical, noisy.identical) == (True, False)
    assert exact.as_json()["identical"]


def test_a_large_folder_costs_no_more_than_a_small_one(
    write_ome: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four pieces are coded anew, however many files there are; labels, floats and failures are none of them."""
    (tmp_path / "in").mkdir()
    for number in range(7):
        write_ome("YX", (80, 90), name=f"in/{number}.ome.tif")
    tifffile.imwrite(tmp_path / "in" / "a_labels.tif", np.ones((80, 90), "uint8"), photometric="minisblack")
    tifffile.imwrite(tmp_path / "in" / "float.tif", np.ones((80, 90), "float32"), photometric="minisblack")
    (tmp_path / "in" / "bad.tif").write_bytes(b"II*\0nothing of a TIFF")
    coded: list[str] = []
    made = saving.make_codec
    monkeypatch.setattr(saving, "make_codec", lambda asked, version: coded.append(asked.method) or made(asked, version))  # type: ignore[func-returns-value]
    reports = convert([tmp_path / "in"], tmp_path / "out", Options(workers=2))
    assert coded == ["lossless", "noise"] * 4
    assert sum(report.noise_saving is not None for report in reports) == 4
    assert {report.identical for report in reports} == {True, None}
    again = convert([tmp_path / "in"], tmp_path / "out", Options(workers=2))
    assert [report.identical for report in again if report.status == "kept"] == [True] * 9
