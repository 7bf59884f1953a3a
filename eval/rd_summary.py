"""What is printed of rate-distortion curves: medians and quartiles of BD-rates, set by set, and speeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from eval.bd_table import METRICS, BDRow, ImageKey, against_the_better
from eval.lossy_codecs import ANCHORS
from eval.points import Point
from eval.report import geometric_mean

NAMES = {"psnr": "PSNR", "ssim": "SSIM", "ms_ssim": "MS-SSIM", "truth": "mean of other exposures"}


def spread(values: Iterable[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile of what is not nan; nan of nothing."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan, math.nan, math.nan
    low, middle, high = np.percentile(known, (25, 50, 75))
    return float(low), float(middle), float(high)


def _codecs(rows: Iterable[BDRow]) -> list[str]:
    return list(dict.fromkeys(row.codec for row in rows))


def _text(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"[green]{value:+.1f}[/green]" if value < 0 else f"{value:+.1f}"


def _quartiles(values: Iterable[float]) -> str:
    low, middle, high = spread(values)
    return "–" if math.isnan(middle) else f"{_text(middle)} ({low:+.0f} … {high:+.0f})"


def medians_by_set(better: dict[tuple[ImageKey, str], float], codec: str) -> dict[str, float]:
    """Return the median of a codec's figures in each set."""
    by_set: dict[str, list[float]] = defaultdict(list)
    for (image, name), value in better.items():
        if name == codec:
            by_set[image[0]].append(value)
    return {name: spread(values)[1] for name, values in by_set.items()}


def overall_table(rows: Sequence[BDRow], metric: str) -> Table:
    """Return medians and quartiles over all held-out images, and the worst set against the better anchor."""
    fair = [row for row in rows if row.metric == metric and (metric == "truth" or not row.seen)]
    better = against_the_better(fair, metric)
    table = Table(
        title=f"BD-rate at equal {NAMES[metric]}, %: median (quartiles) over images; negative is fewer bits",
        title_justify="left",
    )
    table.add_column("codec", no_wrap=True)
    for anchor in [*ANCHORS, "the better of the two"]:
        table.add_column(f"against\n{anchor}", justify="right", no_wrap=True)
    table.add_column("worst set against\nthe better", justify="right")
    table.add_column("images", justify="right")
    for codec in _codecs(fair):
        own = {image: value for (image, name), value in better.items() if name == codec}
        sets = {name: value for name, value in medians_by_set(better, codec).items() if not math.isnan(value)}
        worst = max(sets, key=lambda name: sets[name], default="")
        known = sum(not math.isnan(value) for value in own.values())
        table.add_row(
            codec,
            *(
                _quartiles(row.bd_rate_percent for row in fair if (row.codec, row.anchor) == (codec, anchor))
                for anchor in ANCHORS
            ),
            _quartiles(own.values()),
            f"{worst} {_text(sets[worst])}" if worst else "–",
            f"{known} of {len(own)}",
        )
    return table


def middle_rates(points: Sequence[Point]) -> dict[str, float]:
    """Return bits per pixel of the first anchor at the middle target, the median of each set."""
    targets = sorted({point.target_db for point in points if not math.isnan(point.target_db)})
    by_set: dict[str, list[float]] = defaultdict(list)
    for point in points:
        if point.codec == ANCHORS[0] and point.target_db == targets[(len(targets) - 1) // 2]:
            by_set[point.set].append(point.bits_per_pixel)
    return {name: float(np.median(of)) for name, of in by_set.items()}


def set_table(points: Sequence[Point], rows: Sequence[BDRow]) -> Table:
    """Return the medians of every set against the better anchor, in PSNR, and how many bits these are about.

    Sets at a few hundredths of a bit hold images whose range is that of a few bright pixels: headers weigh there.
    """
    better = against_the_better(rows, "psnr")
    codecs = _codecs(rows)
    table = Table(title="BD-rate in PSNR against the better anchor, %: median of each set", title_justify="left")
    table.add_column("set", no_wrap=True)
    for codec in codecs:
        table.add_column(codec.replace("-", "\n", 1), justify="right", no_wrap=True)
    table.add_column(f"{ANCHORS[0]}\nbits/px\nmid-range", justify="right")
    rates = middle_rates(points)
    columns = {codec: medians_by_set(better, codec) for codec in codecs}
    seen = {row.set for row in rows if row.seen}
    for name in dict.fromkeys(row.set for row in rows):
        mark = " (trained on)" if name in seen else ""
        cells = [_text(columns[codec].get(name, math.nan)) for codec in codecs]
        table.add_row(name + mark, *cells, f"{rates[name]:.3f}" if name in rates else "–")
    return table


def speed_table(points: Sequence[Point]) -> Table:
    """Return speeds on one thread: Mpixel/s, and times each anchor in the geometric mean over images."""
    seconds: dict[tuple[str, ImageKey], list[tuple[float, float]]] = defaultdict(list)
    pixels: dict[ImageKey, int] = {}
    for point in points:
        image = (point.set, point.file, point.plane)
        pixels[image] = point.pixels
        seconds[point.codec, image].append((point.encode_s, point.decode_s))
    means = {key: np.mean(of, axis=0) for key, of in seconds.items()}
    table = Table(title="speed on one thread, processor time, mean over the targets of an image", title_justify="left")
    table.add_column("codec", no_wrap=True)
    anchors = [anchor for anchor in ANCHORS if any(codec == anchor for codec, _ in means)]
    for head in ("encode", "decode"):
        table.add_column(f"{head}\nMpx/s", justify="right")
        for anchor in anchors:
            table.add_column(f"{head}\n× {anchor}", justify="right")
    for codec in dict.fromkeys(point.codec for point in points):
        cells = []
        for which in (0, 1):
            own = {image: float(of[which]) for (name, image), of in means.items() if name == codec}
            cells.append(f"{sum(pixels[image] for image in own) / 1e6 / sum(own.values()):.1f}")
            for anchor in anchors:
                times = [float(means[anchor, i][which]) / own[i] for i in own if (anchor, i) in means]
                cells.append(f"{geometric_mean(times):.2f}")
        table.add_row(codec, *cells)
    return table


def truth_table(points: Sequence[Point]) -> Table:
    """Return how near each codec comes to the mean of other exposures: at its best, and at each target."""
    known = [point for point in points if math.isfinite(point.truth_db)]
    targets = sorted({point.target_db for point in known if not math.isnan(point.target_db)})
    table = Table(
        title="PSNR against the mean of other exposures, dB: mean over images, best rate and at each target",
        title_justify="left",
    )
    table.add_column("codec", no_wrap=True)
    for head in ("best", "at bits/px", *(f"{target:g} dB" for target in targets)):
        table.add_column(head, justify="right")
    for codec in dict.fromkeys(point.codec for point in known):
        by_image: dict[ImageKey, list[Point]] = defaultdict(list)
        for point in known:
            if point.codec == codec:
                by_image[point.set, point.file, point.plane].append(point)
        best = [max(of, key=lambda point: point.truth_db) for of in by_image.values()]
        cells = [
            f"{np.mean([point.truth_db for point in best]):.2f}",
            f"{geometric_mean(point.bits_per_pixel for point in best):.3f}",
        ]
        for target in targets:
            at = [point.truth_db for of in by_image.values() for point in of if point.target_db == target]
            cells.append(f"{np.mean(at):.2f}" if at else "–")
        table.add_row(codec, *cells)
    return table


def print_rate_distortion(points: Sequence[Point], rows: Sequence[BDRow], console: Console) -> None:
    """Print all tables that the points allow."""
    for metric in METRICS:
        of = [row for row in rows if row.metric == metric and (metric == "truth" or not row.seen)]
        if any(not math.isnan(row.bd_rate_percent) for row in of):
            console.print(overall_table(rows, metric))
        elif of:
            reasons = sorted({row.why for row in of})
            console.print(f"BD-rate at equal {NAMES[metric]}: no figure, since {'; '.join(reasons)}\n")
    if rows:
        console.print(set_table(points, rows))
    if any(math.isfinite(point.truth_db) for point in points):
        console.print(truth_table(points))
    console.print(speed_table(points))
