"""Tables of the study: what is interpolated, what is a bound, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from eval.study.entry import CLASSICAL, LEARNED, OURS
from eval.study.interpolate import REACH_DB, quality_at, rate_at
from eval.study.report import across
from eval.study.rows import LabelFree, Reconstruction, Segmentation
from eval.study.spread import spread_over
from eval.study.tables import crossing, error_matched, measured, nuclei_thresholds, rate_matched, thresholds
from eval.study.words import summary

NAMES = {"abc": "fnet2d trained on raw (abc)"}


def prediction(image: str, codec: str, bits: float, correlation: float, **changes: Any) -> LabelFree:
    row = LabelFree(
        image, f"group of {image}", codec, OURS if codec.startswith("zarr") else CLASSICAL, f"at {bits}", bits,
        "abc", "fnet2d", "raw", "nuclei", "decoded/raw", 100, 5.0, 0.1, 0.9, 30.0, correlation, 0.1, 0.9, 30.0,
    )  # fmt: skip
    return replace(row, **changes)


def curve(image: str, codec: str, points: list[tuple[float, float]]) -> list[LabelFree]:
    return [prediction(image, codec, bits, correlation) for bits, correlation in points]


def coded(image: str, codec: str, bits: float, psnr_db: float, channel: str = "DAPI stain") -> Reconstruction:
    values: dict[str, Any] = dict.fromkeys(Reconstruction.__dataclass_fields__, 1.0)
    values |= {"image": image, "group": image, "codec": codec, "kind": OURS if codec.startswith("zarr") else CLASSICAL}
    values |= {"channel": channel, "point": f"{round(psnr_db)} dB", "bits_per_pixel": bits, "psnr_db": psnr_db}
    return Reconstruction(**values)


@pytest.mark.parametrize(
    ("points", "rate", "mark"),
    [
        ([(0.1, 0.9), (0.4, 0.99)], 0.2, ""),  # half-way in decibels of 1 - r is half-way in the logarithm of the rate
        ([(0.1, 0.9), (0.15, 0.5), (0.4, 0.99)], 0.2, ""),  # a point that is worse and larger is of no use
        ([(0.1, 0.97), (0.4, 0.99)], 0.1, "<="),  # stays above at all rates that were measured
        ([(0.1, 0.9), (0.4, 0.96)], math.inf, ">"),  # is never reached
        ([(0.1, 0.9), (0.4, 1.0)], None, ""),  # no loss at all is an end of the curve like any other
        ([(0.1, math.nan), (0.4, 0.99)], None, ""),  # a constant prediction is no good one
        ([(0.1, math.nan), (0.4, math.nan)], math.nan, ""),
    ],
)
def test_a_threshold_is_interpolated_and_never_beyond_the_points(
    points: list[tuple[float, float]], rate: float | None, mark: str
) -> None:
    """The rate lies between measured points, or is said to be a bound."""
    found, beyond = crossing(curve("a", "x", points), 1 - 10**-1.5)
    assert beyond == mark
    if rate is None:
        assert 0.1 < found < 0.4
    else:
        assert found == pytest.approx(rate, nan_ok=True)


def test_bounds_are_told_from_figures() -> None:
    """A median that is the smallest rate measured is marked; one that only some images bound from below is not."""
    falls, stays, never = [(0.1, 0.5), (0.4, 0.999)], [(0.2, 0.98), (0.4, 0.999)], [(0.1, 0.5), (0.4, 0.6)]
    rows = [row for image in "abc" for row in curve(image, "zarr_neural-fast", stays)]
    rows += [
        row for image, points in zip("abc", (falls, falls, stays), strict=True) for row in curve(image, "lerc", points)
    ]
    rows += [row for image in "abc" for row in curve(image, "zfp", never)]
    rows += [prediction(image, "jpegxr-study", 1.0, 0.9) for image in "abc"]
    figures = thresholds(rows, (), (0.9,))
    found = {f.codec: f for f in figures}
    assert set(found) == {"zarr_neural-fast", "lerc", "zfp"}
    assert (found["zarr_neural-fast"].median, found["zarr_neural-fast"].beyond) == (0.2, "<=3")
    assert found["zarr_neural-fast"].bound == "<="
    assert found["lerc"].beyond == "<=1"
    assert found["lerc"].bound == ("<=" if found["lerc"].median <= 0.2 else "")
    assert (found["zfp"].median, found["zfp"].beyond, found["zfp"].bound) == (math.inf, ">3", "")
    table = across(figures, ["zarr_neural-fast", "lerc", "zfp"], "bits_per_pixel", 3, "", least=True)
    cells = {name: cells[0] for name, cells in table.rows}
    assert cells["zarr_neural-fast"].text == "≤ 0.200"
    assert cells["zfp"].text == "never"
    (said,) = (line for line in summary([], figures, "bright", NAMES) if line.startswith("Predictions of fnet2d"))
    best = min(("zarr_neural-fast", "lerc"), key=lambda name: found[name].median)
    assert f"on with {best}" in said


def test_why_another_codec_is_ahead_is_said() -> None:
    """The PSNR at the threshold tells fewer bits for an error from errors that a network minds less."""
    rows = [row for image in "ab" for row in curve(image, "zarr_neural-fast", [(0.2, 0.8), (0.8, 0.99)])]
    rows += [row for image in "ab" for row in curve(image, "lerc", [(0.1, 0.8), (0.4, 0.99)])]
    ours = [coded(image, "zarr_neural-fast", *point) for image in "ab" for point in ((0.2, 30.0), (0.8, 40.0))]
    for points, words in (
        (((0.1, 24.0), (0.4, 34.0)), "its errors disturb the prediction less"),
        (((0.1, 30.0), (0.4, 40.0)), "it needs fewer bits for its error"),
    ):
        others = [coded(image, "lerc", *point) for image in "ab" for point in points]
        figures = thresholds(rows, [*ours, *others], (0.9,))
        assert [f.metric for f in figures] == ["bits_per_pixel", "psnr_db"] * 2
        (said,) = (line for line in summary([], figures, "bright", NAMES) if line.startswith("Predictions of fnet2d"))
        assert words in said


def test_rates_of_nuclei_are_told_by_codec() -> None:
    """F1 has thresholds as correlations have."""
    rows = [
        Segmentation(image, image, "DAPI stain", codec, kind, str(bits), bits, 50, 0.9, f1, 1.0)
        for image in "ab"
        for codec, kind, gain in (("zarr_neural-fast", OURS, 0.5), ("lerc", CLASSICAL, 1.0))
        for bits, f1 in ((0.1 * gain, 0.9), (0.4 * gain, 0.975), (1.6 * gain, 1.0))
    ]
    figures = nuclei_thresholds(rows)
    at_90 = [f for f in figures if f.at == "0.9"]
    assert [(f.codec, f.beyond) for f in at_90] == [("zarr_neural-fast", ""), ("lerc", "")]
    assert [f.median for f in at_90] == pytest.approx([0.05, 0.1])
    at_95 = [f.median for f in figures if f.at == "0.95"]
    assert at_95[0] == pytest.approx(at_95[1] / 2)
    assert 0.05 < at_95[0] < 0.2
    (said,) = (line for line in summary([], figures, "bright", {}) if line.startswith("Nuclei"))
    assert "on with zarr_neural-fast (best of the others: lerc, " in said


def test_no_rate_is_extrapolated() -> None:
    """Rates at a PSNR go on for a quarter of a decibel, straight; nothing else leaves the measured points."""
    points = [(1.0, 30.0), (2.0, 36.0), (4.0, 42.0)]
    assert rate_at(points, 39.0) == pytest.approx(2 * math.sqrt(2))
    assert math.isnan(rate_at(points, 42.1))
    assert rate_at(points, 42.2, REACH_DB) == pytest.approx(4 * 2 ** (0.2 / 6))
    assert rate_at(points, 29.8, REACH_DB) == pytest.approx(2 ** (-0.2 / 6))
    assert math.isnan(rate_at(points, 42.3, REACH_DB))
    assert rate_at([*points, (4.01, 42.01)], 42.2, REACH_DB) < 4.2  # two points side by side give no wild slope
    assert math.isnan(quality_at(points, 0.99))
    assert math.isnan(quality_at(points, 4.01))
    assert quality_at(points, 2.0) == pytest.approx(36)


def test_intervals_are_over_groups() -> None:
    """Images of one group count as one draw: ten copies of two groups are no surer than two images."""
    two = spread_over([1.0, 3.0], ["a", "b"])
    many = spread_over([1.0] * 10 + [3.0] * 10, ["a"] * 10 + ["b"] * 10)
    assert (many.mean_low, many.mean_high) == (two.mean_low, two.mean_high) == (1, 3)
    assert many.mean == 2
    apart = spread_over([1.0] * 10 + [3.0] * 10, [str(n) for n in range(20)])
    assert 1 < apart.mean_low < 2 < apart.mean_high < 3
    assert math.isnan(spread_over([1.0, 2.0], ["a", "a"]).mean_low)
    with_infinity = spread_over([1.0, 2.0, math.inf], ["a", "b", "c"])
    assert (with_infinity.mean, with_infinity.median, with_infinity.count) == (math.inf, 2, 3)
    assert spread_over([1.0, math.nan], ["a", "b"]).count == 1


def test_every_metric_of_every_point_is_in_the_tables() -> None:
    """Searched codecs too, with mean and median; equal error and equal rate are interpolated image by image."""
    rows = [coded(image, codec, bits * gain, db) for image, gain in (("a", 1), ("b", 2), ("c", 4))
            for codec in ("zarr_neural-fast", "lerc") for bits, db in ((0.5, 30.0), (1.0, 36.0))]  # fmt: skip
    figures = measured(rows)
    assert {f.table for f in figures} == {"searched settings"}
    assert {f.metric for f in figures} >= {
        "mse", "rmse", "ssim", "ms_ssim", "psnr_db", "correlation", "max_error", "bits_per_pixel", "ratio",
        "saving_percent",
    }  # fmt: skip
    bits = next(f for f in figures if f.metric == "bits_per_pixel" and f.at == "36 dB")
    assert (bits.mean, bits.median, bits.images) == (pytest.approx(7 / 3), 2, 3)
    at_33 = [f for f in error_matched(rows, (33.0,)) if f.codec == "lerc"]
    assert [f.median for f in at_33] == [pytest.approx(math.sqrt(2))]
    at_rate = [f for f in rate_matched(rows, (1.0,)) if f.codec == "lerc" and f.metric == "psnr_db"]
    assert [(f.images, f.median) for f in at_rate] == [(2, pytest.approx(33))]  # c has no point below 2 bits
    own = measured([replace(coded("a", "mbt2018-mse", 1, 30), kind=LEARNED, point="q3")])
    assert {f.table for f in own} == {"fixed settings"}


def test_the_summary_knows_channels_with_spaces() -> None:
    """Sentences on sizes are made whatever the channel is called."""
    rows = [
        coded(image, codec, bits * gain, db)
        for image in "ab"
        for codec, gain in (("zarr_neural-fast", 0.9), ("lerc", 1.0))
        for bits, db in ((0.5, 30.0), (1.0, 36.0))
    ]
    said = summary(rows, [*error_matched(rows, (33.0,)), *rate_matched(rows, (0.6,))], "DAPI stain", {})
    assert any("at 33 dB zarr_neural-fast 0.64 bits per pixel, lerc 0.71" in line for line in said)
