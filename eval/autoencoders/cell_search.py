"""Whether the neighbours of an image among the codes of a store mean anything: do they come from its well?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.autoencoders.cells import Cell, stacked
from eval.autoencoders.stores import store
from eval.autoencoders.training import Trained
from eval.confidence import mean_interval
from zarr_neural.zoo.autoencoders import AutoencoderCodec
from zarr_neural.zoo.autoencoders.search import MEASURES, distances, read_codes

BRIGHTNESS = "mean brightness"
"""What codes have to beat: the difference of the mean grey levels."""


@dataclass(frozen=True)
class SearchRow:
    """How often the nearest other image comes from the well of the query, and what chance would give.

    `well_distance` is how many columns of the plate lie between them on average: neighbouring wells hold neighbouring
    doses.
    """

    model: str
    step: float
    measure: str
    queries: str
    images: int
    hit_rate: float
    hit_low: float
    hit_high: float
    chance: float
    well_distance: float
    well_distance_chance: float


def order(one: Trained, step: float, cells: Sequence[Cell], measure: str, folder: Path) -> NDArray[np.float64]:
    """Return the distances (N, N) of all images by the codes that lie in a store of theirs."""
    path = folder / f"{one.recipe.name}-search.zarr"
    store(path, AutoencoderCodec(str(one.path), step), stacked(list(cells)), [cell.name for cell in cells])
    (coded,) = read_codes(path)
    shape = one.model.network.code_shape
    places = shape[1] * shape[2] if len(shape) == 3 else 1
    return np.stack([distances(code, coded.codes, places, measure) for code in coded.codes])


def judge(
    trained: Sequence[Trained], steps: Sequence[float], cells: Sequence[Cell], held: Sequence[Cell], folder: Path
) -> list[SearchRow]:
    """Return hit rates among all images, for queries that no network has seen and for all."""
    brightness = np.array([cell.image.mean() for cell in cells])
    matrices = {("", 0.0, BRIGHTNESS): np.abs(np.subtract.outer(brightness, brightness))}
    for one, step in zip(trained, steps, strict=True):
        for measure in MEASURES:
            matrices[one.recipe.name, step, measure] = order(one, step, cells, measure, folder)
    rows = []
    for (model, step, measure), matrix in matrices.items():
        rows.append(_row(model, step, measure, "validation", matrix, cells, [cell in held for cell in cells]))
        rows.append(_row(model, step, measure, "all", matrix, cells, [True] * len(cells)))
    return rows


def _row(
    model: str,
    step: float,
    measure: str,
    queries: str,
    matrix: NDArray[np.float64],
    cells: Sequence[Cell],
    asked: Sequence[bool],
) -> SearchRow:
    wells = np.array([cell.well for cell in cells])
    columns = np.array([int(well[1:]) for well in wells])
    apart = np.abs(np.subtract.outer(columns, columns))
    places = np.flatnonzero(asked)
    others = ~np.eye(len(cells), dtype=bool)
    nearest = np.where(others, matrix, np.inf).argmin(1)
    hits = [float(wells[i] == wells[nearest[i]]) for i in places]
    chance = np.mean([(wells[others[i]] == wells[i]).mean() for i in places])
    return SearchRow(
        model,
        step,
        measure,
        queries,
        len(places),
        *mean_interval(hits, [wells[i] for i in places]),
        float(chance),
        float(np.mean([apart[i, nearest[i]] for i in places])),
        float(np.mean([apart[i][others[i]].mean() for i in places])),
    )
