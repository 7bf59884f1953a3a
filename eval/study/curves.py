"""Curves of a study as SVG: means over images with their intervals, a colour for each codec."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from eval.metrics import decibels
from eval.rd_plots import INK, STYLES
from eval.study.spread import spread_over
from eval.study.tables import grouped

LEGEND_ROWS = 16
LEGEND_COLUMNS = 5
"""A longer legend stands below the panels in columns."""
MARGIN = 0.06
"""Room around curves, as a part of their extent."""
WIDE = "zarr_neural"
MORE_STYLES: dict[str, tuple[str, str]] = {
    "zarr_neural-noise": ("#d55e00", "--"),
    "zarr_neural-lossless": ("#7f3b08", "-"),
    "jpegxr-study": ("#56b4e9", ":"),
    "jpeg2000-study": ("#000000", ":"),
    "lerc-study": ("#b0a030", ":"),
    "bmshj2018-factorized": ("#9467bd", "-"),
    "bmshj2018-hyperprior": ("#8c6d31", "-"),
    "mbt2018-mean": ("#637939", "-"),
    "mbt2018": ("#393b79", "-"),
    "cheng2020-anchor": ("#843c39", "-"),
    "cheng2020-attn": ("#e7969c", "-"),
}


def style_of(codec: str) -> tuple[str, str]:
    """Return colour and line of a codec, the same in all figures; learned ones by architecture and metric."""
    if codec in MORE_STYLES or codec in STYLES:
        return MORE_STYLES.get(codec) or STYLES[codec]
    found = [name for name in MORE_STYLES if codec.startswith(name)]
    if found:
        colour = MORE_STYLES[max(found, key=len)][0]
        return colour, "--" if "ms-ssim" in codec else "-"
    return STYLES.get(codec.removesuffix("-lossless"), ("#aaaaaa", "-."))


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes
    ----------
    title, label
        Above it, and beside its axis.
    value
        From a row to what is drawn.
    likeness
        Whether that are similarities in decibels, whose axis shows the similarities.
    line, line_label
        A level to be marked.
    """

    title: str
    label: str
    value: Callable[[Any], float]
    likeness: bool = False
    line: float = math.nan
    line_label: str = ""


LIKENESSES = (0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99999, 0.999999)
"""What an axis of similarities shows."""


def in_decibels(name: str) -> Callable[[Any], float]:
    """Return what reads a similarity of a row in decibels, so that those near 1 can be told apart."""
    return lambda row: decibels(max(0.0, getattr(row, name)))


@dataclass(frozen=True)
class Mean:
    """One point of a codec over images: geometric mean of the rates, mean of the values, each with its interval."""

    rate: float
    rate_low: float
    rate_high: float
    value: float
    low: float
    high: float


def means_of(rows: Sequence[Any], value: Callable[[Any], float]) -> list[Mean]:
    """Return a codec's points that all its images have, the smallest rate first; those without a finite value go."""
    points = grouped(rows, lambda row: row.point)
    most = max(map(len, points.values()), default=0)
    found = []
    for some in points.values():
        values = [value(row) for row in some]
        if len(some) < most or not all(map(math.isfinite, values)) or not all(row.bits_per_pixel > 0 for row in some):
            continue
        groups = [row.group for row in some]
        rates = spread_over([math.log(row.bits_per_pixel) for row in some], groups)
        spread = spread_over(values, groups)
        ends = [math.exp(end) for end in (rates.mean, rates.mean_low, rates.mean_high)]
        found.append(Mean(ends[0], ends[1], ends[2], spread.mean, spread.mean_low, spread.mean_high))
    return sorted(found, key=lambda mean: mean.rate)


def draw(rows: Sequence[Any], panels: Sequence[Panel], codecs: Sequence[str]) -> str:
    """Return an SVG of panels side by side, with a line for each codec that has a curve and a mark for each other."""
    figure = matplotlib.figure.Figure(figsize=(5.0 * len(panels) + 2.0, 4.4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = np.atleast_1d(figure.subplots(1, len(panels), squeeze=False).ravel())
    by_codec = grouped(rows, lambda row: row.codec)
    for axis, panel in zip(axes, panels, strict=True):
        drawn = {codec: _line(axis, codec, by_codec[codec], panel) for codec in codecs if codec in by_codec}
        _dress(axis, panel)
        _limit(axis, [mean for means in drawn.values() if len(means) > 1 for mean in means])
    handles = {label: line for axis in axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    many = len(handles) > LEGEND_ROWS
    if many:
        figure.set_figheight(figure.get_figheight() + 0.2 * math.ceil(len(handles) / LEGEND_COLUMNS))
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center" if many else "outside right center",
        ncols=LEGEND_COLUMNS if many else 1,
        fontsize=9,
        frameon=False,
    )
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "study"}):
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _line(axis: Axes, codec: str, rows: Sequence[Any], panel: Panel) -> list[Mean]:
    """Draw one codec and return its points: a line, where there are several, else a mark."""
    colour, dashes = style_of(codec)
    ours = codec.startswith(WIDE)
    found = means_of(rows, panel.value)
    if len(found) == 1:
        axis.plot([found[0].rate], [found[0].value], "s", color=colour, markersize=5, label=codec, zorder=4)
    elif found:
        rates, values = [mean.rate for mean in found], [mean.value for mean in found]
        wide, high = (2.6, 3) if ours else (1.4, 2)
        axis.plot(rates, values, dashes, marker="o", markersize=wide + 1, color=colour, linewidth=wide, zorder=high)
        axis.plot([], [], dashes, color=colour, linewidth=wide, label=codec)
        if ours and not any(math.isnan(mean.low) for mean in found):
            low, top = [mean.low for mean in found], [mean.high for mean in found]
            axis.fill_between(rates, low, top, color=colour, alpha=0.13, linewidth=0, zorder=1)
            for mean in found:
                ends = [mean.rate_low, mean.rate_high]
                axis.plot(ends, [mean.value] * 2, color=colour, linewidth=0.8, alpha=0.5, zorder=1)
    return found


def _dress(axis: Axes, panel: Panel) -> None:
    axis.set_xscale("log")
    axis.grid(visible=True, which="major", color="#e8e8e8", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9, colors=INK)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    if panel.likeness:
        axis.set_yticks([decibels(value) for value in LIKENESSES], [f"{value:g}" for value in LIKENESSES])
    if not math.isnan(panel.line):
        axis.axhline(panel.line, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1, label=panel.line_label)
    axis.set_xlabel("bits per pixel", fontsize=10)
    axis.set_ylabel(panel.label, fontsize=10)
    axis.set_title(panel.title, fontsize=11, color=INK, loc="left")


def _limit(axis: Axes, means: Sequence[Mean]) -> None:
    """Let the axes hold the curves; marks of codecs that lie far away are in the tables."""
    if len(means) > 1:
        rates, values = np.log([mean.rate for mean in means]), np.array([mean.value for mean in means])
        wide, high = np.ptp(rates) * MARGIN or MARGIN, np.ptp(values) * MARGIN or MARGIN
        axis.set_xlim(float(np.exp(rates.min() - wide)), float(np.exp(rates.max() + wide)))
        axis.set_ylim(float(values.min() - high), float(values.max() + high))
