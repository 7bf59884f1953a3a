"""Tables of a study as tidy figures: one row for each codec, place in the table and metric, with its intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from eval.bd_rate import front
from eval.metrics import decibels
from eval.study.entry import AS_IN_THE_STUDY, LEARNED, LOSSLESS
from eval.study.interpolate import REACH_DB, quality_at, rate_at
from eval.study.rows import LabelFree, Reconstruction, Segmentation
from eval.study.spread import spread_over

RATES = (0.1, 0.2, 0.5, 1.0, 2.0)
THRESHOLDS = (0.99, 0.95, 0.90)
F1_THRESHOLDS = (0.95, 0.90)
MOST_DB = 100.0

RECONSTRUCTED = (
    "mse", "rmse", "psnr_db", "ssim", "ms_ssim", "correlation", "max_error", "bits_per_pixel", "ratio",
    "saving_percent", "ratio_with_metadata", "mse_z", "ssim_z", "psnr_z_db",
)  # fmt: skip
PREDICTED = ("mse", "ssim", "psnr_db", "correlation", "mse_z", "ssim_z", "psnr_z_db", "bits_per_pixel")
FIXED, SEARCHED, ERROR_MATCHED, RATE_MATCHED = "fixed settings", "searched settings", "equal error", "equal rate"
PREDICTION, THRESHOLD = "label-free", "label-free threshold"
NUCLEI, NUCLEI_THRESHOLD = "nuclei", "nuclei threshold"


@dataclass(frozen=True)
class Figure:
    """One figure over images.

    Attributes
    ----------
    table
        Which table it is of.
    codec, kind
        The codec.
    at
        The place in the table: a point such as "q8", a target such as "40 dB", a rate such as "0.5 bpp", or a
        threshold such as "0.95".
    of
        What else it is of: the channel, or predictor and pair.
    metric
        What it measures.
    images
        How many images have it.
    mean, mean_low, mean_high, median, median_low, median_high
        Over them, with 95 % intervals.
    beyond
        In tables of rates: of how many images the rate lies below all that was measured ("<="), and above (">"), which
        count as the smallest rate measured and as infinite.
    bound
        "<=" where the median is no more than a bound: it is the smallest rate measured of images that stay above.
    """

    table: str
    codec: str
    kind: str
    at: str
    of: str
    metric: str
    images: int
    mean: float
    mean_low: float
    mean_high: float
    median: float
    median_low: float
    median_high: float
    beyond: str = ""
    bound: str = ""


def figure(
    table: str,
    row: Any,
    at: str,
    of: str,
    metric: str,
    values: Sequence[float],
    groups: Sequence[str],
    marks: Sequence[str] = (),
) -> Figure:
    """Return the figure of some values, one for each image; `marks` say which of them are bounds: "<=" or ">"."""
    spread = spread_over(values, groups)
    at_most = any(mark == "<=" and value >= spread.median for mark, value in zip(marks, values, strict=False))
    return Figure(
        table,
        row.codec,
        row.kind,
        at,
        of,
        metric,
        spread.count,
        spread.mean,
        spread.mean_low,
        spread.mean_high,
        spread.median,
        spread.median_low,
        spread.median_high,
        " ".join(f"{mark}{marks.count(mark)}" for mark in ("<=", ">") if mark in marks),
        "<=" if at_most else "",
    )


def grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Return rows by a key, in the order in which keys are met."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def measured(rows: Sequence[Reconstruction]) -> list[Figure]:
    """Return every metric of every codec at every point as it was measured, of its own settings and of searched ones.

    A searched point such as "40 dB" is the nearest that the codec has; "0.5 bpp" is only there for pictures.
    """
    found = []
    shown = [row for row in rows if not row.point.endswith("bpp")]
    for (channel, _codec, point), some in grouped(shown, lambda row: (row.channel, row.codec, row.point)).items():
        own = some[0].kind in (AS_IN_THE_STUDY, LEARNED, LOSSLESS) or point.startswith("noise")
        table, groups = FIXED if own else SEARCHED, [row.group for row in some]
        found += [
            figure(table, some[0], point, channel, name, [getattr(row, name) for row in some], groups)
            for name in RECONSTRUCTED
        ]
    return found


def error_matched(rows: Sequence[Reconstruction], targets_db: Sequence[float]) -> list[Figure]:
    """Return the bits per pixel at each PSNR, interpolated image by image; `REACH_DB` beyond an end at most."""
    return [
        figure(ERROR_MATCHED, images[0][0], f"{target:g} dB", channel, "bits_per_pixel", rates, _groups(images))
        for (channel, _codec), images in _by_codec(rows).items()
        for target in targets_db
        if not all(
            map(math.isnan, rates := [rate_at(_points(image, "psnr_db"), target, REACH_DB) for image in images])
        )
    ]  # fmt: skip


def rate_matched(rows: Sequence[Reconstruction], rates: Sequence[float] = RATES) -> list[Figure]:
    """Return PSNR, SSIM, MS-SSIM and correlation at each rate, interpolated image by image."""
    return [
        figure(RATE_MATCHED, images[0][0], f"{rate:g} bpp", channel, metric, values, _groups(images))
        for (channel, _codec), images in _by_codec(rows).items()
        for metric in ("psnr_db", "ssim", "ms_ssim", "correlation")
        for rate in rates
        if not all(map(math.isnan, values := [quality_at(_points(image, metric), rate) for image in images]))
    ]


def predictions(rows: Sequence[LabelFree]) -> list[Figure]:
    """Return the metrics of every predictor, pair, codec and point (tables 3 and 4 of the study, and its figure 4)."""

    def key(row: LabelFree) -> tuple[str, ...]:
        return row.predictor, row.pair, row.codec, row.point

    return [
        figure(
            PREDICTION,
            some[0],
            some[0].point,
            f"{some[0].predictor} {some[0].pair}",
            name,
            [getattr(row, name) for row in some],
            [row.group for row in some],
        )
        for some in grouped(rows, key).values()
        for name in PREDICTED
    ]


def thresholds(
    rows: Sequence[LabelFree], first: Sequence[Reconstruction] = (), wanted: Sequence[float] = THRESHOLDS
) -> list[Figure]:
    """Return the bits per pixel at which the correlation to the prediction from raw falls below each threshold.

    Interpolated image by image. An image whose correlation stays above at the smallest rate counts with that rate; one
    that never reaches it counts as infinite. Codecs with a single point have no curve and are left out. The PSNR that
    the input has at that rate (from `first`) says why a codec is ahead: fewer bits for an error, or errors that a
    network minds less.
    """
    shown = [row for row in rows if row.pair == "decoded/raw"]
    coded = grouped(first, lambda row: (row.image, row.codec))
    found = []
    for (predictor, codec), of_codec in grouped(shown, lambda row: (row.predictor, row.codec)).items():
        if len({row.point for row in of_codec}) < 2:
            continue
        images = list(grouped(of_codec, lambda row: row.image).values())
        for level in wanted:
            rates, marks = zip(*(crossing(image, level) for image in images), strict=True)
            head = (THRESHOLD, images[0][0], f"{level:g}", predictor)
            found.append(figure(*head, "bits_per_pixel", rates, _groups(images), marks))
            errors = [
                quality_at(_points(coded.get((image[0].image, codec), []), "psnr_db"), rate)
                for image, rate in zip(images, rates, strict=True)
            ]
            if not all(map(math.isnan, errors)):
                found.append(figure(*head, "psnr_db", errors, _groups(images)))
    return found


def crossing(rows: Sequence[Any], threshold: float, metric: str = "correlation") -> tuple[float, str]:
    """Return the least bits per pixel at which a likeness is reached, and whether it lies beyond the points.

    A prediction that is constant has no correlation: it counts as 0, unless all are (nan then).
    """
    values = [getattr(row, metric) for row in rows]
    known = [(row.bits_per_pixel, 0.0 if math.isnan(v) else v) for row, v in zip(rows, values, strict=True)]
    curve, wanted = front((bits, min(MOST_DB, decibels(value))) for bits, value in known), decibels(threshold)
    if not curve or all(map(math.isnan, values)):
        return math.nan, ""
    if curve[0][1] > wanted:
        return curve[0][0], "<="
    if curve[-1][1] < wanted:
        return math.inf, ">"
    return rate_at(curve, wanted), ""


def nuclei(rows: Sequence[Segmentation]) -> list[Figure]:
    """Return overlap, F1 and count ratio of nuclei of every codec and point."""
    return [
        figure(NUCLEI, some[0], point, channel, name, [getattr(row, name) for row in some], [row.group for row in some])
        for (channel, _codec, point), some in grouped(rows, lambda row: (row.channel, row.codec, row.point)).items()
        for name in ("dice", "f1", "count_ratio", "bits_per_pixel")
    ]


def nuclei_thresholds(rows: Sequence[Segmentation], wanted: Sequence[float] = F1_THRESHOLDS) -> list[Figure]:
    """Return the bits per pixel from which F1 of nuclei reaches each threshold, as `thresholds` does."""
    found = []
    for (channel, _codec), some in grouped(rows, lambda row: (row.channel, row.codec)).items():
        if len({row.point for row in some}) < 2:
            continue
        images = list(grouped(some, lambda row: row.image).values())
        for level in wanted:
            rates, marks = zip(*(crossing(image, level, "f1") for image in images), strict=True)
            head = (NUCLEI_THRESHOLD, images[0][0], f"{level:g}", channel)
            found.append(figure(*head, "bits_per_pixel", rates, _groups(images), marks))
    return found


def _by_codec(rows: Sequence[Reconstruction]) -> dict[tuple[str, str], list[list[Reconstruction]]]:
    """Return the rows of every (channel, codec) that has a curve, image by image."""
    found = {
        key: list(grouped(some, lambda row: row.image).values())
        for key, some in grouped(rows, lambda row: (row.channel, row.codec)).items()
    }
    return {key: images for key, images in found.items() if max(map(len, images)) > 1}


def _groups(images: Sequence[Sequence[Any]]) -> list[str]:
    return [image[0].group for image in images]


def _points(rows: Sequence[Any], metric: str) -> list[tuple[float, float]]:
    return [(row.bits_per_pixel, getattr(row, metric)) for row in rows]
