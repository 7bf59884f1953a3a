"""From trained networks and tables to the integers of a lossy model, and the proof that both code alike."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lossy_coefficients import BANDS, CLASSES, NETWORKS, PHASES, Coefficients
from .lossy_loop import LossyTrainer
from .lossy_loss import ROW_UNITS
from .lossy_tables import ROWS, Tables, code_lengths, integer_tables

PRIOR_WEIGHT = 200.0  # coefficients that what was learnt by descent stands for, beside those that were counted
MAX_LOSS = 0.02  # part of the bits that rounding to integers may cost


def freeze(trainer: LossyTrainer, gains: NDArray[np.int16]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a model: tables are counted anew over the training data of the round.

    Parameters
    ----------
    trainer : LossyTrainer
    gains : ndarray of int16, (G, 10, 3)
        Those that the training data were coded with.
    """
    learnt = trainer.tables.probabilities().detach().cpu().numpy().astype(np.float64)
    half, widths = integer_tables(trainer.counts(trainer.data) + PRIOR_WEIGHT * learnt)
    arrays: dict[str, NDArray[Any]] = {"half": half, "widths": widths, "gains": gains}
    for number, layer in enumerate(trainer.networks.layers(), 1):
        for letter, array in (("w", layer.weights), ("b", layer.bias), ("s", layer.shift)):
            arrays[f"{letter}{number}"] = array.reshape(CLASSES, BANDS, PHASES, *array.shape[1:])
    return arrays


def integer_bits(arrays: Mapping[str, NDArray[Any]], data: Coefficients) -> float:
    """Return the mean bits of coefficients under the integers of a model, computed in int64."""
    tables, total = Tables(arrays["half"], arrays["widths"]), 0.0
    bounds = data.bounds()
    layers = [[_flat(arrays[letter + number]) for letter in "wbs"] for number in "123"]
    for network in range(NETWORKS):
        part = data.take(slice(bounds[network], bounds[network + 1]))
        x = part.features.astype(np.int64)
        for number, (weights, bias, shift) in enumerate(layers):
            x = (x @ weights[network].T + bias[network]) >> shift[network]
            if number < 2:
                x = np.clip(x, 0, 255)
        row = np.clip((x[:, 0] + ROW_UNITS // 2) >> 3, 0, ROWS - 1)
        total += code_lengths(tables, row, part.quantiser.astype(np.int64), part.index.astype(np.int64)).sum()
    return total / max(1, len(data.index))


def _flat(array: NDArray[Any]) -> NDArray[np.int64]:
    return array.reshape(NETWORKS, *array.shape[3:]).astype(np.int64)


def check(trainer: LossyTrainer, arrays: Mapping[str, NDArray[Any]]) -> tuple[float, float]:
    """Return the mean bits of validation coefficients in floats and in integers.

    Raises
    ------
    ValueError
        If the integers cost more than 2 % more.
    """
    floats, integers = trainer.bits(trainer.validation), integer_bits(arrays, trainer.validation)
    if integers > (1 + MAX_LOSS) * floats:
        raise ValueError(f"the integers cost {integers:.4f} bits a coefficient, their float parent {floats:.4f}")
    return floats, integers
