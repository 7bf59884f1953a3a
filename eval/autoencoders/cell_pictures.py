"""Pictures of the study of cell images: decoded images, curves, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from eval.autoencoders.cell_rates import RateRow, steps_for
from eval.autoencoders.cells import PATTERN, Cell
from eval.autoencoders.training import Trained
from eval.images import spread
from eval.metrics import rmse
from zarr_neural.zoo.autoencoders import AutoencoderCodec
from zarr_neural.zoo.autoencoders.search import search

INK = "#222222"
COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
RIVALS = {
    "jpeg": ("#999999", "-"),
    "jpeg-scan": ("#999999", ":"),
    "jpeg2000": ("#000000", "-"),
    "zarr_neural-fast": ("#d55e00", "-"),
    "zarr_neural-dense": ("#d55e00", "--"),
}
NEIGHBOURS = 7


def _figure(width: float, height: float) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def show(axis: Axes, image: NDArray[np.float64], low: float, high: float, title: str, label: str = "") -> None:
    """Draw an image without ticks."""
    axis.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axis.set_title(title, fontsize=8, color=INK)
    axis.set_xlabel(label, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])


def draw_sheet(trained: Sequence[Trained], cells: Sequence[Cell], path: Path) -> None:
    """Draw three validation images: original, decoded by each network at its third step, differences."""
    chosen = [cells[i] for i in spread(len(cells), 3)]
    figure = _figure(1.9 * (1 + 2 * len(trained)), 2.3 * len(chosen) + 0.4)
    figure.suptitle("Validation images: original, decoded from quantised codes, decoded − original", fontsize=10)
    axes = figure.subplots(len(chosen), 1 + 2 * len(trained), squeeze=False)
    for row, cell in zip(axes, chosen, strict=True):
        low, high = np.percentile(cell.image, (0.5, 99.5))
        show(row[0], cell.image.astype(np.float64), low, high, f"{cell.well} {cell.name[-9:-6]}: original")
        for k, one in enumerate(trained):
            codec = AutoencoderCodec(str(one.path), steps_for(one.model.statistics)[2])
            data = codec.encode(cell.image)
            decoded = codec.decode(data).astype(np.float64)
            name = one.recipe.name.removeprefix("transfluor-")
            rate = f"{8 * len(data) / cell.image.size:.2f} bits/px, RMSE {rmse(cell.image, decoded):.1f}"
            show(row[1 + k], decoded, low, high, name, rate)
            window = (high - low) / 2
            show(row[1 + len(trained) + k], decoded - cell.image, -window, window, f"{name} − original")
    figure.savefig(path, dpi=110)


def draw_rates(rows: Sequence[RateRow], path: Path) -> None:
    """Draw PSNR over bits per pixel, each the mean over images."""
    figure = _figure(7.5, 5.2)
    axis = figure.subplots()
    models = list(dict.fromkeys(row.model for row in rows))
    for model, colour in zip(models, COLOURS, strict=False):
        points = []
        for step in dict.fromkeys(row.step for row in rows if row.model == model):
            of = [row for row in rows if (row.model, row.step, row.codec) == (model, step, rows[0].codec)]
            points.append((8 * np.mean([r.nbytes for r in of]) / 128**2, np.mean([r.psnr_db for r in of])))
        axis.plot(*np.transpose(points), "o-", color=colour, label=model.removeprefix("transfluor-"))
    for codec in dict.fromkeys(row.codec for row in rows):
        points = []
        for key in dict.fromkeys((row.model, row.step) for row in rows):
            of = [row for row in rows if (row.model, row.step) == key and row.codec == codec]
            if all(row.size_reached for row in of):
                points.append(
                    (8 * np.mean([r.size_nbytes for r in of]) / 128**2, np.mean([r.size_psnr_db for r in of]))
                )
        colour, dashes = RIVALS.get(codec, ("#bbbbbb", "-."))
        if points:
            axis.plot(*np.transpose(sorted(points)), dashes, color=colour, linewidth=2, label=codec)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel("bits per pixel, whole chunks of 128 × 128")
    axis.set_ylabel("PSNR, dB against the range of each image")
    axis.grid(visible=True, color="#e8e8e8")
    axis.legend(fontsize=8, frameon=False)
    axis.set_title("Transfluor at 128 × 128: means over validation images", fontsize=10, color=INK)
    figure.savefig(path, dpi=110)


def draw_neighbours(store: Path, data: Path, cells: Sequence[Cell], held: Sequence[Cell], path: Path) -> None:
    """Draw what `zarr-neural search` finds for the files of a spotted, a usual and a validation image."""
    files = {file.name: file for file in data.rglob("*") if PATTERN.match(file.stem)}
    wells = sorted({cell.well for cell in cells})
    asked = [wells[len(wells) // 4 - 1], wells[len(wells) // 2], held[-1].well]
    queries = [next(cell for cell in cells if cell.well == well) for well in dict.fromkeys(asked)]
    figure = _figure(1.55 * (1 + NEIGHBOURS), 1.95 * len(queries) + 0.5)
    figure.suptitle(
        "zarr-neural search STORE --like QUERY: the query, then what lies nearest but for itself", fontsize=10
    )
    axes = figure.subplots(len(queries), 1 + NEIGHBOURS, squeeze=False)
    for row, query in zip(axes, queries, strict=True):
        low, high = 0.0, float(np.percentile(query.image, 99.5)) * 1.2
        show(row[0], query.image.astype(np.float64), low, high, f"query {query.well} {query.name[-9:-6]}")
        found = [cells[one.index[0]] for one in search(store, files[query.name], NEIGHBOURS + 1)]
        for axis, cell in zip(row[1:], [cell for cell in found if cell is not query], strict=False):
            mark = " (its well)" if cell.well == query.well else ""
            show(axis, cell.image.astype(np.float64), low, high, f"{cell.well} {cell.name[-9:-6]}{mark}")
    figure.savefig(path, dpi=110)
