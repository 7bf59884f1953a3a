"""The numeric contract: what makes a model's arithmetic exact on every engine. Networks of both kinds, lossless models.

Activations are 0..255 and weights at most 63 in magnitude, so that the product of two neighbours fits 16 signed bits;
the sum of an output channel stays below 2^23, so that 32-bit integers and 32-bit floats hold it exactly. The numbers
mirror `native/format.hpp`, which names the reason of each.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ModelError

PHASES = 3
CLASSES = 3
NEIGHBOURS = 16
FEATURES = 32
OUTPUTS = 9
SCALE_GROUPS = 42
TAIL_STEPS = 1024
MAX_HIDDEN = 64
MAX_WEIGHT = 63
MAX_ACTIVATION = 255
MAX_SUM = 2**23
MAX_SHIFT = 23
MAX_COEFFICIENT = 511
MAX_EXPERTS = 64
MAX_FILTERS = 256
HALF = 2**29
LAYERS = ("1", "2", "3")
NETWORK_DTYPES = {
    "w1": "int8", "b1": "int32", "s1": "uint8",
    "w2": "int8", "b2": "int32", "s2": "uint8",
    "w3": "int8", "b3": "int32", "s3": "uint8",
}  # fmt: skip
DTYPES = {"tails": "uint32", "bank": "int16", "rules": "int8", **NETWORK_DTYPES}


def validate(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check that arrays make a lossless model that fulfils the numeric contract; called at export and at load.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The arguments of the native engine, for E experts and hidden layers of H1 and H2 units:
        `tails` uint32 (shapes, 1025), upper tails of unit distributions at steps of 1/64, in units of 2^-30;
        `bank` int16 (3, filters, 16), linear predictors in 1/256 by phase;
        `rules` int8 (3, 3, E, 42, 2), shift in 1/8 octave and shape by scale group;
        `w1` int8 (3, 3, E, H1, 32), `b1` int32 and `s1` uint8 (3, 3, E, H1), and so on for layers 2 (H2) and 3 (9).

    Raises
    ------
    ModelError
        Naming what was found and what is allowed.
    """
    check_dtypes(arrays, DTYPES)
    _check_tails(arrays["tails"])
    _check_bank(arrays["bank"])
    experts = arrays["w1"].shape[2] if arrays["w1"].ndim == 5 else 1
    within("the number of experts", experts, 1, MAX_EXPERTS)
    check_networks(arrays, (CLASSES, PHASES, experts))
    _check_rules(arrays["rules"], experts, len(arrays["tails"]))


def check_dtypes(arrays: Mapping[str, NDArray[Any]], dtypes: Mapping[str, str]) -> None:
    """Raise `ModelError` unless the arrays have exactly these names and dtypes."""
    if set(arrays) != set(dtypes):
        raise ModelError(f"a model has the arrays {sorted(dtypes)}, found {sorted(arrays)}")
    for name, dtype in dtypes.items():
        if arrays[name].dtype != dtype:
            raise ModelError(f"{name} has dtype {arrays[name].dtype}, expected {dtype}")


def check_networks(arrays: Mapping[str, NDArray[Any]], leading: tuple[int, ...]) -> None:
    """Raise `ModelError` unless the layers w1, b1, s1 to w3, b3, s3 are networks inside the numeric contract.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        With leading axes that count networks, then H1 x 32, H2 x H1 and 9 x H2 weights.
    leading : tuple of int
        Lengths of the three leading axes.
    """
    inputs = FEATURES
    for layer in LAYERS:
        outputs = _units(arrays["w" + layer], layer)
        _check_layer(arrays, layer, (*leading, outputs), inputs)
        inputs = outputs


def within(what: str, values: NDArray[Any] | int, low: int, high: int) -> None:
    """Raise `ModelError` unless all values lie between `low` and `high`, both included."""
    found = np.asarray(values)
    if found.size and (found.min() < low or found.max() > high):
        raise ModelError(f"{what} is {found.min()}..{found.max()}, allowed are {low} to {high}")


def _check_tails(tails: NDArray[Any]) -> None:
    if tails.ndim != 2 or not 3 <= tails.shape[0] <= 16 or tails.shape[1] != TAIL_STEPS + 1:
        raise ModelError(f"tails has shape {tails.shape}, expected (3..16, {TAIL_STEPS + 1})")
    if (tails[:, 0] != HALF).any():
        raise ModelError(f"tails start at {tails[:, 0].tolist()}, expected {HALF}")
    if (np.diff(tails.astype(np.int64), axis=1) > 0).any():
        raise ModelError("tails increase somewhere, expected values that never do")


def _check_bank(bank: NDArray[Any]) -> None:
    if bank.ndim != 3 or bank.shape[0] != PHASES or bank.shape[2] != NEIGHBOURS:
        raise ModelError(f"bank has shape {bank.shape}, expected ({PHASES}, filters, {NEIGHBOURS})")
    within("the number of filters", bank.shape[1], 1, MAX_FILTERS)
    within("a coefficient of the bank", bank, -MAX_COEFFICIENT, MAX_COEFFICIENT)


def _check_rules(rules: NDArray[Any], experts: int, shapes: int) -> None:
    expected = (CLASSES, PHASES, experts, SCALE_GROUPS, 2)
    if rules.shape != expected:
        raise ModelError(f"rules has shape {rules.shape}, expected {expected}")
    within("the shift of a rule", rules[..., 0], -64, 63)
    within("the shape of a rule", rules[..., 1], 0, shapes - 1)


def _check_layer(arrays: Mapping[str, NDArray[Any]], layer: str, units: tuple[int, ...], inputs: int) -> None:
    for letter, expected in (("w", (*units, inputs)), ("b", units), ("s", units)):
        if arrays[letter + layer].shape != expected:
            raise ModelError(f"{letter}{layer} has shape {arrays[letter + layer].shape}, expected {expected}")
    weights = np.abs(arrays["w" + layer].astype(np.int64))
    within(f"the magnitude of a weight of w{layer}", weights, 0, MAX_WEIGHT)
    sums = weights.sum(-1) * MAX_ACTIVATION + np.abs(arrays["b" + layer].astype(np.int64))
    within(f"the largest sum of a channel of layer {layer}", sums, 0, MAX_SUM - 1)
    within(f"a shift of s{layer}", arrays["s" + layer], 0, MAX_SHIFT)


def _units(weights: NDArray[Any], layer: str) -> int:
    if weights.ndim != 5:
        raise ModelError(f"w{layer} has {weights.ndim} dimensions, expected 5")
    if layer == LAYERS[-1]:
        return OUTPUTS
    units = int(weights.shape[3])
    within(f"the number of units of layer {layer}", units, 4, MAX_HIDDEN)
    if units % 4:
        raise ModelError(f"layer {layer} has {units} units, expected a multiple of 4")
    return units
