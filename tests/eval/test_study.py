"""The study on tiny stores: real codecs, real bitstreams, the whole way from stores to report."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from eval.metrics import ms_ssim, psnr_db, rmse, ssim
from eval.study.cluster import workers
from eval.study.entries import chosen
from eval.study.errors import StudyError
from eval.study.image import open_images
from eval.study.journal import NAME, Journal
from eval.study.plan import Plan, check
from eval.study.results import write_results
from eval.study.rows import LabelFree, Reconstruction, read_rows
from eval.study.runner import Outcome, rows_of, run
from eval.study.stores import write_valid
from zarr_neural.archive import Options, convert, fidelity_from

CODECS = ["zarr_neural-fast", "jpegxl-3", "lerc-study", "blosc-bit-5-lossless"]


def picture(seed: int, shape: tuple[int, int] = (96, 120)) -> NDArray[np.uint16]:
    """Return blobs with noise, in two channels of which the second shows the blobs alone."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    blobs = sum(
        np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 40)
        for cy, cx in rng.uniform((8, 8), (shape[0] - 8, shape[1] - 8), (9, 2))
    )
    texture = 300 * np.sin(x / 9 + seed) * np.cos(y / 11)
    bright = 4000 + texture - 900 * blobs + rng.normal(0, 25, shape)
    return np.stack([np.rint(bright), np.rint(200 + 3000 * blobs + rng.normal(0, 8, shape))]).astype(np.uint16)


def make_store(folder: Path, name: str, stack: NDArray[Any], version: str = "0.5", chunk: int = 64) -> Path:
    tiff = folder / f"{name}.ome.tif"
    tifffile.imwrite(tiff, stack, metadata={"axes": "CYX", "Channel": {"Name": ["bright", "nuclei"]}})
    store = folder / "stores" / f"{name}.ome.zarr"
    store.parent.mkdir(exist_ok=True)
    options = Options(fidelity_from(lossless=True), ome_version=version, chunks=(chunk, chunk), labels=False, workers=1)
    assert convert([tiff], store, options)[0].status == "converted"
    return store


@pytest.fixture
def stores(tmp_path: Path) -> list[Path]:
    return [make_store(tmp_path, "a", picture(1), "0.5"), make_store(tmp_path, "b", picture(2), "0.4")]


def plan_of(folder: Path, stores: list[Path], **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "entries": chosen(CODECS)[0],
        "work": folder / "work",
        "out": folder / "out",
        "input": "bright",
        "targets_db": (36.0, 42.0),
        "pictures": 1,
        "chunk": (64, 64),
    }
    return Plan(images=open_images(stores), **(settings | changes))


def carry_out(plan: Plan, scheduler: str = "threads", resume: bool = False, **options: Any) -> tuple[Journal, Outcome]:
    check(plan)
    plan.work.mkdir(parents=True, exist_ok=True)
    journal = Journal(plan.out / NAME, {"test": 1}, resume=resume)
    with workers(scheduler, 2, plan.work) as client:
        outcome = run(plan, client, journal, options.get("progress", lambda *_: None), lambda _text: None)
    write_results(plan, journal, outcome, [], ["a note"])
    return journal, outcome


def test_rows_are_what_the_metrics_say_of_the_arrays(tmp_path: Path, stores: list[Path]) -> None:
    plan = plan_of(tmp_path, stores[:1], keep=True)
    journal, outcome = carry_out(plan)
    assert not outcome.failures
    rows = rows_of(journal, plan)[0]
    raw = picture(1)[0]
    assert {row.codec for row in rows} == set(CODECS)
    for row in rows:
        (path,) = plan.work.glob(f"a.ome.zarr-bright-{row.codec}-{row.point.replace(' ', '_')}.zarr")
        decoded = zarr.open_array(path, mode="r")[:]
        chunks = [file for file in path.iterdir() if not file.name.startswith(".")]
        assert len(chunks) == 4
        assert row.chunk_nbytes == sum(file.stat().st_size for file in chunks)
        assert row.metadata_nbytes == sum(file.stat().st_size for file in path.glob(".z*"))
        assert row.bits_per_pixel == 8 * row.chunk_nbytes / raw.size
        assert row.data_range == np.ptp(raw)
        assert row.max_error == np.abs(decoded.astype(int) - raw).max()
        assert row.rmse == pytest.approx(rmse(raw, decoded), rel=1e-12)
        assert row.ssim == pytest.approx(ssim(raw, decoded, row.data_range), rel=1e-12)
        assert row.ms_ssim == pytest.approx(ms_ssim(raw, decoded, row.data_range), rel=1e-12)
        if row.kind == "lossless":
            assert (row.mse, row.correlation, row.psnr_db) == (0, 1, math.inf)
            continue
        assert row.psnr_db == pytest.approx(psnr_db(row.rmse, row.data_range), rel=1e-12)
        assert row.correlation == pytest.approx(np.corrcoef(raw.ravel(), decoded.ravel())[0, 1], abs=1e-12)
        z = [(part - part.mean()) / part.std() for part in (raw.astype(float), decoded.astype(float))]
        assert row.mse_z == pytest.approx(np.mean((z[0] - z[1]) ** 2), abs=1e-9)
        if row.codec == "jpegxl-3" and row.point.endswith("dB"):
            assert row.psnr_db == pytest.approx(float(row.point.split()[0]), abs=0.5)


@pytest.mark.parametrize("other", ["processes", "given"])
def test_schedulers_give_the_same_files(tmp_path: Path, stores: list[Path], other: str) -> None:
    carry_out(plan_of(tmp_path / "one", stores))
    if other == "processes":
        carry_out(plan_of(tmp_path / "two", stores), "processes")
    else:
        from distributed import LocalCluster

        with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster:
            carry_out(plan_of(tmp_path / "two", stores), cluster.scheduler_address)
    names = sorted(path.name for path in (tmp_path / "one" / "out").iterdir())
    assert "report.html" in names
    for name in ("reconstruction.tsv", "tables.tsv", "report.html"):
        assert (tmp_path / "one" / "out" / name).read_text() == (tmp_path / "two" / "out" / name).read_text()


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path, stores: list[Path]) -> None:
    class Killed(BaseException):
        pass

    def stop(_name: str, done: int, _total: int) -> None:
        if done == 4:
            raise Killed

    plan = plan_of(tmp_path / "one", stores)
    with pytest.raises(Killed):
        carry_out(plan, progress=stop)
    text = (plan.out / NAME).read_text()
    assert "reconstruction" in text
    (plan.out / NAME).write_text(text + '{"key": ["reconstruction", "a.ome')
    with pytest.raises(StudyError, match="--resume"):
        Journal(plan.out / NAME, {"test": 1}, resume=False)
    with pytest.raises(StudyError, match="another"):
        Journal(plan.out / NAME, {"test": 2}, resume=True)
    carry_out(plan, resume=True)
    carry_out(plan_of(tmp_path / "two", stores))
    found, expected = ((tmp_path / name / "out" / "reconstruction.tsv").read_text() for name in ("one", "two"))
    assert found == expected
    assert (plan.out / NAME).read_text().startswith(text)


def test_a_resumed_run_measures_nothing_again(tmp_path: Path, stores: list[Path]) -> None:
    plan = plan_of(tmp_path, stores[:1])
    carry_out(plan)
    size = (plan.out / NAME).stat().st_size
    carry_out(plan, resume=True)
    assert (plan.out / NAME).stat().st_size == size
    assert not list(plan.work.glob("*.zarr"))


def test_a_corrupt_chunk_is_named_and_the_others_are_evaluated(tmp_path: Path, stores: list[Path]) -> None:
    chunk = stores[0] / "0" / "c" / "0" / "1" / "0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 0xFF
    chunk.write_bytes(data)
    plan = plan_of(tmp_path, stores)
    journal, outcome = carry_out(plan)
    ((image, channel, key, _why),) = outcome.damaged
    assert (image, channel, key) == ("a.ome.zarr", "bright", "0/c/0/1/0")
    assert not outcome.failures
    rows = rows_of(journal, plan)[0]
    lost = 32 * 64
    assert {(row.image, row.damaged, row.valid) for row in rows} == {
        ("a.ome.zarr", 1, 96 * 120 - lost),
        ("b.ome.zarr", 0, 96 * 120),
    }
    assert "0/c/0/1/0" in (plan.out / "report.html").read_text()
    assert "0/c/0/1/0" in (plan.out / "damaged.tsv").read_text()
    exact = next(row for row in rows if row.damaged and row.kind == "lossless")
    assert exact.mse == 0
    assert exact.ssim == 1


def test_pixels_that_do_not_count_are_in_no_metric(tmp_path: Path, stores: list[Path]) -> None:
    stack = picture(1)
    stack[:, :20] = 0
    store = make_store(tmp_path, "padded", stack)
    valid = np.ones((96, 120), bool)
    valid[:20] = False
    write_valid(store, valid, "0.5")
    plan = plan_of(tmp_path, [store], entries=chosen(["jpegxl-3"])[0], keep=True)
    journal, _outcome = carry_out(plan)
    for row in rows_of(journal, plan)[0]:
        (path,) = plan.work.glob(f"padded*-{row.point.replace(' ', '_')}.zarr")
        decoded = zarr.open_array(path, mode="r")[20:]
        assert row.valid == valid.sum()
        assert row.data_range == np.ptp(stack[0, 20:])
        assert row.rmse == pytest.approx(rmse(stack[0, 20:], decoded), rel=1e-12)
        assert row.ssim == pytest.approx(ssim(stack[0, 20:], decoded, row.data_range), rel=1e-9)
    with pytest.raises(StudyError, match="no label image called 'cells'; there are: valid"):
        check(plan_of(tmp_path, [store], mask="cells"))


def test_a_worker_that_dies_does_not_stop_the_run(
    tmp_path: Path, stores: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler gives the work of a dead process to another one; here the first task of all dies once."""
    mark = tmp_path / "died"
    entry = chosen(["jpegxl-3"])[0][0]
    plan = plan_of(tmp_path, stores[:1], entries=[dying(entry, mark)])
    journal, outcome = carry_out(plan, "processes")
    assert mark.exists()
    assert not outcome.failures
    expected = plan_of(tmp_path / "other", stores[:1], entries=[entry])
    rows = rows_of(carry_out(expected)[0], expected)[0]
    assert rows_of(journal, plan)[0] == rows


def dying(entry: Any, mark: Path) -> Any:
    """Return a codec whose first use ends the process that uses it."""
    import os
    from dataclasses import replace

    make = entry.make
    here = os.getpid()

    def dies_once(setting: float, given: Any) -> Any:
        if os.getpid() != here and not mark.exists():
            mark.touch()
            os._exit(1)
        return make(setting, given)

    return replace(entry, make=dies_once)


def test_a_codec_that_fails_is_told_and_the_others_go_on(tmp_path: Path, stores: list[Path]) -> None:
    from dataclasses import replace

    def broken(setting: float, given: Any) -> Any:
        raise RuntimeError("no licence")

    good, bad = chosen(["blosc-bit-5-lossless", "lerc-study"])[0]
    plan = plan_of(tmp_path, stores[:1], entries=[good, replace(bad, make=broken)])
    journal, outcome = carry_out(plan)
    assert [(one.codec, one.why) for one in outcome.failures] == [("lerc-study", "RuntimeError: no licence")]
    assert [row.codec for row in rows_of(journal, plan)[0]] == [good.name]
    assert "no licence" in (plan.out / "failures.tsv").read_text()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda store: {"input": "brightfield"}, "no channel is called 'brightfield'; there are 0: bright, 1: nuclei"),
        (lambda store: {"input": "7"}, "no channel is called '7'"),
        (lambda store: {"segment": "dapi"}, "no channel is called 'dapi'"),
        (lambda store: (store / "zarr.json").unlink(), "there is no Zarr store"),
        (lambda store: shutil.rmtree(store / "0"), "its OME-Zarr metadata cannot be used"),
        (lambda store: (store / "zarr.json").write_text("{"), "metadata cannot be read"),
        (lambda store: (store / "zarr.json").write_text("{}"), "the group has no multiscales"),
    ],
)
def test_refusals_say_what_was_found(
    tmp_path: Path, stores: list[Path], spoil: Callable[[Path], Any], why: str
) -> None:
    changes = spoil(stores[0])
    with pytest.raises(StudyError, match=why):
        check(plan_of(tmp_path, stores, **(changes if isinstance(changes, dict) else {})))


def test_images_of_unequal_size_are_refused(tmp_path: Path, stores: list[Path]) -> None:
    (tmp_path / "targets").mkdir()
    other = make_store(tmp_path / "targets", "a", picture(1, (96, 100)))
    with pytest.raises(StudyError, match=r"target nuclei has shape \(96, 100\), the input bright has \(96, 120\)"):
        check(plan_of(tmp_path, stores[:1], target="nuclei", target_stores=other.parent))


def test_an_array_or_a_folder_of_images_is_no_image(tmp_path: Path, stores: list[Path]) -> None:
    with pytest.raises(StudyError, match="one Zarr array, not an OME-Zarr image"):
        open_images([stores[0] / "0"])
    zarr.open_group(tmp_path / "plate.zarr", mode="w")
    shutil.copytree(stores[0], tmp_path / "plate.zarr" / "well")
    with pytest.raises(StudyError, match="it holds well: name one of them"):
        open_images([tmp_path / "plate.zarr"])


def test_unknown_codecs_are_listed() -> None:
    with pytest.raises(StudyError, match=r"'jpeg9'; there are: .*jpegxl-7"):
        chosen(["jpeg9"])
    assert [entry.name for entry in chosen(["as in the study"])[0]] == ["jpegxr-study", "jpeg2000-study", "lerc-study"]


class SelfContained(HTMLParser):
    """Collects open tags that were not closed, and addresses that lead out of the file."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.images += tag == "img"
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and not (value or "").startswith(("data:image/png;base64,", "#")):
                self.wrong.append(f"{tag} {name}={value}")
        if tag in ("script", "link", "iframe", "object"):
            self.wrong.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")


def test_the_report_is_one_well_formed_file(tmp_path: Path, stores: list[Path]) -> None:
    plan = plan_of(tmp_path, stores)
    carry_out(plan)
    text = (plan.out / "report.html").read_text()
    parser = SelfContained()
    parser.feed(text)
    assert not parser.open
    assert not parser.wrong
    assert parser.images > 4
    assert text.count("<svg") == 1
    assert "url(http" not in text
    for words in ("bits per pixel", "lerc-study level 8", "published", "In plain words"):
        assert words in text
    rows = read_rows(plan.out / "reconstruction.tsv", Reconstruction)
    assert len(rows) == 14
    with pytest.raises(ValueError, match="expected the columns"):
        read_rows(plan.out / "reconstruction.tsv", LabelFree)
