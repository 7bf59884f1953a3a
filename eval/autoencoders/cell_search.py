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


SPOTTED = ("O05", "O06", "O07")
"""Wells whose cells look spotted to the eye: the receptor was internalised."""


@dataclass(frozen=True)
class SearchRow:
    """How often the nearest other image is of the same kind as the query, and how often chance would have it.

    `same` says what counts: the well, a well at most one column away (a neighbouring dose), or being spotted.
    """

    model: str
    step: float
    measure: str
    same: str
    queries: str
    images: int
    hit_rate: float
    hit_low: float
    hit_high: float
    chance: float


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
    wells = [cell.well for cell in cells]
    columns = np.array([int(well[1:]) for well in wells])
    kinds = {
        "well": np.equal.outer(columns, columns),
        "within one column": np.abs(np.subtract.outer(columns, columns)) <= 1,
        "spotted": np.logical_and.outer(np.isin(wells, SPOTTED), np.isin(wells, SPOTTED)),
    }
    queries = {
        "all": np.ones(len(cells), bool),
        "validation": np.array([cell in held for cell in cells]),
        "spotted": np.isin(wells, SPOTTED),
    }
    rows = []
    for (model, step, measure), matrix in matrices.items():
        nearest = np.where(np.eye(len(cells), dtype=bool), np.inf, matrix).argmin(1)
        for same, asked in (
            *((same, asked) for same in ("well", "within one column") for asked in ("all", "validation")),
            ("spotted", "spotted"),
        ):
            places = np.flatnonzero(queries[asked])
            if places.size:
                hits = [float(kinds[same][i, nearest[i]]) for i in places]
                interval = mean_interval(hits, [wells[i] for i in places])
                chance = np.mean([(kinds[same][i].sum() - 1) / (len(cells) - 1) for i in places])
                rows.append(SearchRow(model, step, measure, same, asked, places.size, *interval, float(chance)))
    return rows
