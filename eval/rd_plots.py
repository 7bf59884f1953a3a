"""Plots of rate-distortion curves: one for each data set, and one that sums up the BD-rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from eval.bd_rate import front
from eval.bd_table import BDRow, ImageKey, against_the_better
from eval.lossy_ours import NAME as OURS
from eval.points import Point

INK = "#222222"
STYLES: dict[str, tuple[str, str]] = {
    f"{OURS}-fast": ("#d55e00", "-"),
    f"{OURS}-dense": ("#cc3377", "-"),
    "jpeg2000": ("#000000", "-"),
    "jpegxl-7": ("#0072b2", "-"),
    "jpegxl-3": ("#0072b2", "--"),
    "avif-6": ("#009e73", "-"),
    "htj2k": ("#777777", "--"),
    "jpegxr": ("#56b4e9", ":"),
    "webp": ("#009e73", ":"),
    "sperr": ("#e69f00", "-"),
    "sz3": ("#e69f00", "--"),
    "lerc": ("#b0a030", ":"),
    "zfp": ("#999999", ":"),
}
"""Colour and line of each codec; others are grey."""
OTHERS = ("#bbbbbb", "-.")
OTHER_MODELS = ("#882255", "--")
MOST_PANELS = 6
FEWEST, MOST = 0.4, 4.0
"""Range of the summary, in times the bits of the better anchor; what lies beyond is drawn at its edge."""
TICKS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2, 3, 4)


def style(codec: str) -> tuple[str, str]:
    """Return colour and line of a codec."""
    return STYLES.get(codec, OTHER_MODELS if codec.startswith(OURS) else OTHERS)


def draw_curves(axis: Axes, points: Sequence[Point]) -> None:
    """Draw PSNR over bits per pixel of one image, a line for each codec."""
    for codec in dict.fromkeys(point.codec for point in points):
        of = [point for point in points if point.codec == codec and not math.isnan(point.target_db)]
        line = front((point.bits_per_pixel, point.psnr_db) for point in of)
        if not line:
            continue
        colour, dashes = style(codec)
        wide = codec.startswith(OURS)
        rates, qualities = np.transpose(line)
        axis.plot(
            rates,
            qualities,
            dashes,
            color=colour,
            marker="o",
            markersize=3,
            linewidth=2.4 if wide else 1.4,
            zorder=3 if wide else 2,
            label=codec,
        )
    axis.set_xscale("log")
    axis.grid(visible=True, which="major", color="#e8e8e8", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("bits per pixel", fontsize=9)


def draw_set(name: str, points: Sequence[Point], path: Path) -> None:
    """Draw the curves of a data set, a panel for each image, at most six."""
    files = list(dict.fromkeys((point.file, point.plane) for point in points))
    shown = files[:MOST_PANELS]
    columns = min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = matplotlib.figure.Figure(figsize=(4.3 * columns + 1.6, 3.9 * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    for axis, key in zip(axes, shown, strict=False):
        of = [point for point in points if (point.file, point.plane) == key]
        draw_curves(axis, of)
        axis.set_title(
            f"{_short(key[0])}\n{of[0].rows} × {of[0].columns} {of[0].dtype}, range {of[0].data_range:g}",
            fontsize=9,
            color=INK,
        )
    axes[0].set_ylabel("PSNR, dB against the image's range", fontsize=9)
    handles = {label: line for axis in axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside right upper", fontsize=9, frameon=False)
    more = f", {len(shown)} of {len(files)} images" if len(files) > len(shown) else ""
    figure.suptitle(f"{name}{' (trained on)' if points[0].seen else ''}{more}", fontsize=12, color=INK)
    figure.savefig(path, dpi=110)


def _short(file: str) -> str:
    name = Path(file).name
    return name if len(name) <= 36 else f"{name[:16]}…{name[-18:]}"


def draw_summary(rows: Sequence[BDRow], path: Path) -> None:
    """Draw the BD-rates in PSNR against the better anchor: a dot for each held-out image, a bar at the median."""
    better = against_the_better([row for row in rows if not row.seen], "psnr")
    values: dict[str, list[float]] = {}
    for (_image, codec), value in sorted(better.items(), key=lambda item: _place(item[0])):
        values.setdefault(codec, []).append(value)
    known = {codec: [value for value in of if not math.isnan(value)] for codec, of in values.items()}
    order = sorted((codec for codec, of in known.items() if of), key=lambda codec: -float(np.median(known[codec])))
    figure = matplotlib.figure.Figure(figsize=(9.5, 0.42 * len(order) + 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    rng = np.random.default_rng(0)
    for place, codec in enumerate(order):
        of = np.array(known[codec])
        colour = style(codec)[0]
        heights = place + rng.uniform(-0.22, 0.22, of.size)
        times = 1 + of / 100
        within = (times >= FEWEST) & (times <= MOST)
        axis.plot(times[within], heights[within], "o", color=colour, markersize=3.5, alpha=0.55, markeredgewidth=0)
        for edge, mark, beyond in ((FEWEST, "<", times < FEWEST), (MOST, ">", times > MOST)):
            if beyond.any():
                at_edge = np.full(beyond.sum(), edge)
                axis.plot(at_edge, heights[beyond], mark, color=colour, markersize=5, clip_on=False)
        middle = float(np.median(times))
        axis.plot([min(max(middle, FEWEST), MOST)] * 2, [place - 0.36, place + 0.36], color=colour, linewidth=2.5)
        lost = len(values[codec]) - of.size
        label = f"{100 * (middle - 1):+.0f} %" + (f"  ({lost} without a figure)" if lost else "")
        axis.annotate(label, (1.03, place), xycoords=("axes fraction", "data"), va="center", fontsize=8, color=INK)
    axis.axvline(1, color=INK, linewidth=0.8, zorder=1)
    axis.set_xscale("log")
    axis.set_xlim(FEWEST, MOST)
    axis.set_xticks(TICKS)
    axis.tick_params(axis="x", labelsize=8)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_yticks(range(len(order)), order, fontsize=9)
    axis.set_xlabel(
        "bits at equal PSNR, times the better of JPEG 2000 and JPEG XL effort 7, image by image (> beyond)", fontsize=9
    )
    axis.grid(visible=True, axis="x", color="#e8e8e8", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _place(key: tuple[ImageKey, str]) -> str:
    return key[1]


def draw_all(points: Sequence[Point], rows: Sequence[BDRow], folder: Path) -> list[Path]:
    """Draw one plot for each data set and the summary into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name in dict.fromkeys(point.set for point in points):
        drawn.append(folder / f"{name}.png")
        draw_set(name, [point for point in points if point.set == name], drawn[-1])
    if any(not row.seen and row.metric == "psnr" and not math.isnan(row.bd_rate_percent) for row in rows):
        drawn.append(folder / "summary.png")
        draw_summary(rows, drawn[-1])
    return drawn
