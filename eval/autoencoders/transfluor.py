"""The study of cell images from beginning to end: train, count bytes, compare, search, draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.autoencoders.cell_networks import RECIPES, train_all
from eval.autoencoders.cell_pictures import draw_neighbours, draw_rates, draw_sheet
from eval.autoencoders.cell_rates import compare, steps_for, summarise
from eval.autoencoders.cell_search import judge
from eval.autoencoders.cells import UNSEEN_FROM, Cell, Images, read_cells, split, stacked
from eval.autoencoders.tables import write_table
from eval.autoencoders.training import Recipe, Trained, mean_squared_error, write_curves

SEARCH_STEP = 2
"""Index of the step, among those of the curve, at which codes are stored for the search."""


@dataclass(frozen=True)
class NetworkRow:
    """One network: what was asked, what was taken, and the mean squared error of its decoded images.

    Errors of codes in float32 are with white as 1 and as 255; `mean_image_mse` is that of the mean of the training
    images, which any network has to beat. `linear_validation_mse` is that of the linear code of no more elements
    that does best on the training images, their principal components: a network of dense layers that is no better has
    learnt the training images, not cells. `rate_asked` is the study's rate of Adam, `rate` the one taken.
    """

    model: str
    sha256: str
    parameters: int
    code_elements: int
    steps: int
    rate_asked: float
    rate: float
    training_mse: float
    validation_mse: float
    training_mse_255: float
    validation_mse_255: float
    mean_image_training_mse: float
    mean_image_validation_mse: float
    linear_validation_mse: float


def run(
    data: Path,
    out: Path,
    command: str,
    say: Callable[[str], None],
    steps: int | None = None,
    recipes: tuple[Recipe, ...] = RECIPES,
) -> list[Path]:
    """Run the study and return the files written.

    Parameters
    ----------
    data
        Folder below which the images lie.
    out
        Folder of tables, pictures, weights and stores.
    command
        For the heads of the tables.
    say
        Told of progress.
    steps
        Replaces the number of steps of each network.
    recipes
        The networks.

    Raises
    ------
    ValueError
        If the images are not what they have to be.
    """
    cells = read_cells(data)
    training, validation = split(cells)
    out.mkdir(parents=True, exist_ok=True)
    say(f"{len(training)} training and {len(validation)} validation images")
    trained = train_all(stacked(training), stacked(validation), out / "weights", say, steps, recipes)
    head = notes(command, training, validation, trained)
    files = [out / name for name in ("transfluor.tsv", "transfluor-training.tsv")]
    write_table(files[0], [_row(one, training, validation) for one in trained], head)
    write_curves(files[1], head, trained)
    unseen = [cell for cell in validation if cell.unseen] or validation
    say(f"coding {len(unseen)} validation images")
    rows = compare(trained, unseen, out / "stores")
    summaries = summarise(rows)
    say("searching")
    chosen = [steps_for(one.model.statistics)[SEARCH_STEP] for one in trained]
    found = judge(trained, chosen, cells, validation, out / "stores")
    for name, table in (("rates", rows), ("rates-summary", summaries), ("search", found)):
        files.append(out / f"transfluor-{name}.tsv")
        write_table(files[-1], table, head)
    pictures = [out / f"transfluor{name}.png" for name in ("", "-rates", "-search")]
    draw_sheet(trained, unseen, pictures[0])
    draw_rates(rows, pictures[1])
    places = [one for one in trained if len(one.model.network.code_shape) == 3]
    shown = (places or trained)[-1]
    draw_neighbours(out / "stores" / f"{shown.recipe.name}-search.zarr", data, cells, validation, pictures[2])
    return [*files, *pictures]


def notes(command: str, training: list[Cell], validation: list[Cell], trained: list[Trained]) -> list[str]:
    """Return the lines of the heads: command, split, hashes, what bytes and intervals mean."""
    groups = [", ".join(dict.fromkeys(cell.well for cell in part)) for part in (training, validation)]
    hashes = ", ".join(f"{one.recipe.name} {one.digest}" for one in trained)
    return [
        command,
        "Transfluor images AS_09047 (CellProfiler's examples, BSD-3): means of 4 x 4 pixels of 512 x 512 uint8",
        f"training: {len(training)} images, wells {groups[0]}; validation: {len(validation)} images, wells {groups[1]}",
        f"other codecs: validation images of wells from {UNSEEN_FROM} on, which our own codec was not trained on",
        "bytes are whole chunks of 128 x 128 in Zarr v2 stores, read back; jpeg: Huffman tables of its own; jpeg-scan: "
        "those of the standard, headers not counted; intervals: 95 %, bootstrap over wells",
        "networks: last weights, one seed; Adam, gradients clipped at norm 1; published figures of this study are lost",
        f"weights (SHA-256): {hashes}",
    ]


def _row(one: Trained, training: list[Cell], validation: list[Cell]) -> NetworkRow:
    parts = [stacked(part) for part in (training, validation)]
    errors = [mean_squared_error(one.model.network, part) for part in parts]
    mean = parts[0].mean(0)
    blank = [float(np.mean(np.square(part - mean))) / 255**2 for part in parts]
    return NetworkRow(
        one.recipe.name,
        one.digest,
        one.parameters,
        int(np.prod(one.model.network.code_shape)),
        one.recipe.steps,
        one.recipe.rate,
        one.rate,
        errors[0],
        errors[1],
        errors[0] * 255**2,
        errors[1] * 255**2,
        blank[0],
        blank[1],
        linear_error(parts[0], parts[1], int(np.prod(one.model.network.code_shape))),
    )


def linear_error(training: Images, validation: Images, elements: int) -> float:
    """Return the mean squared error, white being 1, of validation images by principal components of training images.

    Examples
    --------
    >>> training = np.array([[[0, 100]], [[0, 200]]], np.uint8)
    >>> round(255**2 * linear_error(training, np.array([[[6, 50]]], np.uint8), 1), 9)  # the second pixel alone varies
    18.0
    """
    known, asked = (part.reshape(len(part), -1) / 255 for part in (training, validation))
    components = np.linalg.svd(known - known.mean(0), full_matrices=False)[2][: min(elements, len(known) - 1)]
    rest = asked - known.mean(0)
    return float(np.mean(np.square(rest - rest @ components.T @ components)))
