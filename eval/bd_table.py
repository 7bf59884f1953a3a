"""The table of BD-rates: every image, codec, anchor and metric, with the reason where there is no figure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from eval.bd_rate import DeltaRate, bd_rate
from eval.lossy_codecs import ANCHORS
from eval.metrics import decibels
from eval.points import Point

METRICS = ("psnr", "ssim", "ms_ssim", "truth")
"""PSNR; SSIM and MS-SSIM as -10 log10(1 - s); PSNR against the mean of other exposures."""

ImageKey = tuple[str, str, int]


@dataclass(frozen=True)
class BDRow:
    """The BD-rate of one codec on one image against one anchor in one metric.

    Attributes
    ----------
    set, file, plane, seen
        The image, and whether models may have been trained on it.
    codec, anchor, metric
        What is compared with what, in which of `METRICS`.
    bd_rate_percent
        Bits more (+) or fewer (-) than the anchor at equal quality; nan where there is no figure.
    low_db, high_db
        The range of quality that both curves have.
    why
        Why there is no figure.
    """

    set: str
    file: str
    plane: int
    seen: int
    codec: str
    anchor: str
    metric: str
    bd_rate_percent: float
    low_db: float
    high_db: float
    why: str


def quality(point: Point, metric: str) -> float:
    """Return the quality of a point in dB.

    A point without loss counts in PSNR as the target that it was made for, which it serves: its rate is the price of
    that target. In the other metrics it is infinite and therefore left out; against the truth it has an error.
    """
    match metric:
        case "psnr":
            return point.target_db if math.isinf(point.psnr_db) else point.psnr_db
        case "ssim":
            return decibels(point.ssim)
        case "ms_ssim":
            return decibels(point.ms_ssim)
        case _:
            return point.truth_db


def curve(points: Iterable[Point], metric: str) -> list[tuple[float, float]]:
    """Return (bits per pixel, dB) of one codec on one image.

    Points without a target, which are measured at low rates where the truth is known, count for the truth alone.
    """
    return [
        (point.bits_per_pixel, quality(point, metric))
        for point in points
        if metric == "truth" or not math.isnan(point.target_db)
    ]


def bd_rows(points: Sequence[Point], refused: Mapping[tuple[ImageKey, str], str] | None = None) -> list[BDRow]:
    """Return the BD-rates of all points against both anchors.

    Parameters
    ----------
    points
        Points of any number of images.
    refused
        Why a codec did not code an image, by image and codec.
    """
    by_image: dict[ImageKey, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        by_image[point.set, point.file, point.plane][point.codec].append(point)
    rows = []
    for image, by_codec in by_image.items():
        seen = next(iter(by_codec.values()))[0].seen
        has_truth = any(math.isfinite(point.truth_db) for of in by_codec.values() for point in of)
        absent = {codec: why for (key, codec), why in (refused or {}).items() if key == image}
        for anchor in ANCHORS:
            if anchor not in by_codec:
                continue
            for codec in [name for name in [*by_codec, *absent] if name != anchor]:
                for metric in METRICS[: 4 if has_truth else 3]:
                    if codec in absent:
                        result = DeltaRate(math.nan, why=absent[codec])
                    else:
                        pair = [curve(by_codec[name], metric) for name in (anchor, codec)]
                        result = bd_rate(*pair)
                    rows.append(BDRow(*image, seen, codec, anchor, metric, *asdict(result).values()))
    return rows


def against_the_better(rows: Iterable[BDRow], metric: str) -> dict[tuple[ImageKey, str], float]:
    """Return BD-rates against whichever anchor is the better one on that image, by image and codec.

    Of the figures against two anchors the one against the better anchor is the larger. The anchors themselves are
    compared with each other and with themselves, so that the better one has 0. Without a figure against every
    anchor of the run there is none.
    """
    found: dict[tuple[ImageKey, str], list[float]] = defaultdict(list)
    for row in rows:
        if row.metric == metric:
            image = (row.set, row.file, row.plane)
            found[image, row.codec].append(row.bd_rate_percent)
            if row.codec in ANCHORS and len(found[image, row.codec]) == 1:
                found[image, row.codec].append(0.0)
    return {key: math.nan if any(map(math.isnan, of)) else max(of) for key, of in found.items()}


def write_bd_rows(path: Path, rows: Iterable[BDRow], notes: Iterable[str]) -> None:
    """Write the table as TSV with notes in its head."""
    lines = [f"# {note}" for note in notes] + ["\t".join(field.name for field in fields(BDRow))]
    for row in rows:
        values = asdict(row).values()
        lines.append("\t".join(f"{value:.5g}" if isinstance(value, float) else str(value) for value in values))
    path.write_text("\n".join(lines) + "\n")
