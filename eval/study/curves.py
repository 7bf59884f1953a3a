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
from numpy.typing import NDArray

from eval.bd_rate import front
from eval.metrics import decibels
from eval.rd_plots import INK, STYLES
from eval.study.interpolate import qualities_at
from eval.study.spread import spread_over
from eval.study.tables import grouped

GRID = 60
"""Rates at which curves are averaged."""
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
CODES = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "dashdot"}


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
    ticks
        Labels of values on an axis of other values; none for plain numbers.
    line, line_label
        A level to be marked.
    """

    title: str
    label: str
    value: Callable[[Any], float]
    ticks: Callable[[float], str] | None = None
    line: float = math.nan
    line_label: str = ""


def likeness_ticks(db: float) -> str:
    """Return the similarity that decibels stand for, as an axis shows it."""
    digits = max(0, math.ceil(db / 10 - 1e-9)) + 1
    return f"{1 - 10 ** (-db / 10):.{min(6, max(1, digits))}f}".rstrip("0") if db > 0 else "0"


def in_decibels(name: str) -> Callable[[Any], float]:
    """Return what reads a similarity of a row in decibels, so that those near 1 can be told apart."""
    return lambda row: min(100.0, decibels(getattr(row, name)))


def mean_curve(
    images: Sequence[Sequence[Any]], value: Callable[[Any], float]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """Return rates, means and the ends of their intervals, where all images have the curve; None where nowhere."""
    curves = [front((row.bits_per_pixel, value(row)) for row in image) for image in images]
    if not curves or min(map(len, curves)) < 2:
        return None
    low, high = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    if not low < high:
        return None
    rates = np.geomspace(low * (1 + 1e-9), high * (1 - 1e-9), GRID)
    matrix = np.array([qualities_at(curve, list(rates)) for curve in curves])
    spreads = [spread_over(list(column), [image[0].group for image in images]) for column in matrix.T[:: GRID // 12]]
    places = rates[:: GRID // 12]
    low_ends = np.interp(np.log(rates), np.log(places), [spread.mean_low for spread in spreads])
    high_ends = np.interp(np.log(rates), np.log(places), [spread.mean_high for spread in spreads])
    return rates, matrix.mean(axis=0), low_ends, high_ends


def draw(rows: Sequence[Any], panels: Sequence[Panel], codecs: Sequence[str]) -> str:
    """Return an SVG of panels side by side, with a line for each codec that has a curve and a mark for each other."""
    figure = matplotlib.figure.Figure(figsize=(5.0 * len(panels) + 2.0, 4.4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = np.atleast_1d(figure.subplots(1, len(panels), squeeze=False).ravel())
    by_codec = grouped(rows, lambda row: row.codec)
    for axis, panel in zip(axes, panels, strict=True):
        for codec in codecs:
            if codec in by_codec:
                _line(axis, codec, by_codec[codec], panel)
        _dress(axis, panel)
    handles = {label: line for axis in axes for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(list(handles.values()), list(handles), loc="outside right center", fontsize=9, frameon=False)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "study"}):
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _line(axis: Axes, codec: str, rows: Sequence[Any], panel: Panel) -> None:
    colour, dashes = style_of(codec)
    ours = codec.startswith(WIDE)
    images = list(grouped(rows, lambda row: row.image).values())
    found = mean_curve(images, panel.value)
    if found is None:
        for some in grouped(rows, lambda row: row.point).values():
            known = [panel.value(row) for row in some if math.isfinite(panel.value(row))]
            rates = [row.bits_per_pixel for row in some if row.bits_per_pixel > 0]
            if known and rates:
                axis.plot(
                    [np.exp(np.mean(np.log(rates)))],
                    [np.mean(known)],
                    "D" if ours else "s",
                    color=colour,
                    markersize=6 if ours else 4.5,
                    label=codec,
                    zorder=4,
                )
        return
    places, means, low, high = found
    axis.plot(places, means, dashes, color=colour, linewidth=2.6 if ours else 1.4, zorder=3 if ours else 2, label=codec)
    if ours and np.isfinite(low).all():
        axis.fill_between(places, low, high, color=colour, alpha=0.13, linewidth=0, zorder=1)


def _dress(axis: Axes, panel: Panel) -> None:
    axis.set_xscale("log")
    axis.grid(visible=True, which="major", color="#e8e8e8", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9, colors=INK)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    if panel.ticks is not None:
        ticks = panel.ticks
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: ticks(value)))
    if not math.isnan(panel.line):
        axis.axhline(panel.line, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1, label=panel.line_label)
    axis.set_xlabel("bits per pixel", fontsize=10)
    axis.set_ylabel(panel.label, fontsize=10)
    axis.set_title(panel.title, fontsize=11, color=INK, loc="left")
