"""The parameters that an encoder fits to one phase of one level, and their place in the symbol stream.

Mirror of `native/side.cpp`. Each number is a block of one symbol, coded as a residual of mean 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zarr_neural.entropy.residuals import SymbolReader, SymbolWriter
from zarr_neural.entropy.tables import row_of
from zarr_neural.errors import DamagedChunkError

NOISE_BINS = 84
SCALE_GROUPS = 42
COEF_MAX = 511
SIDE_SHAPE = 2  # long-tailed in the shipped models; any model has at least three shapes
# rows of the tables, by how large the numbers tend to be
_FLAG, _EXPERT, _SHAPE, _SHIFT, _CURVE, _FILTER, _GROUP, _BIN, _COEF = 6, 14, 12, 16, 18, 22, 30, 34, 36


@dataclass(frozen=True)
class PhaseOffer:
    """What a model offers for one phase of one level.

    Attributes
    ----------
    bank : ndarray of int64, shape (filters, 16)
        Linear predictors, in 1/256.
    rules : ndarray of int64, shape (experts, 42, 2)
        Per expert and group of scale indices: shift and shape.
    shapes : int
        Number of unit distributions.
    """

    bank: NDArray[np.int64]
    rules: NDArray[np.int64]
    shapes: int

    def usual(self, curve: NDArray[np.int64]) -> "PhaseParameters":
        """Return the parameters of a phase that states none; the noise curve goes on from the phase before."""
        return PhaseParameters(0, 0, self.bank[0], curve, self.rules[0])


@dataclass(frozen=True)
class PhaseParameters:
    """The parameters in force for one phase of one level.

    Attributes
    ----------
    expert : int
        Index of the network.
    filter : int
        Index into the bank, or the bank's length for a filter of the phase's own.
    linear : ndarray of int64, shape (16,)
        Linear predictor, in 1/256, each within -511..511.
    curve : ndarray of int64, shape (84,)
        Noise level by bin of the prediction, 0..255.
    rules : ndarray of int64, shape (42, 2)
        Shift (-64..63) and shape by group of scale indices.
    """

    expert: int
    filter: int
    linear: NDArray[np.int64]
    curve: NDArray[np.int64]
    rules: NDArray[np.int64]


def write_parameters(offer: PhaseOffer, now: PhaseParameters, before: NDArray[np.int64], writer: SymbolWriter) -> None:
    """Code the parameters of a phase, given the noise curve of the phase before."""

    def put(row: int, value: int) -> None:
        rule = row_of(SIDE_SHAPE, row)
        writer.put_block([rule.table + (rule.fractions & 4)], [rule.bits], [value])

    put(_EXPERT, now.expert)
    put(_FILTER, now.filter)
    if now.filter == len(offer.bank):
        for step in now.linear - offer.bank[0]:
            put(_COEF, int(step))
    moves = [int(move) for move in now.curve - before]
    whole = moves[-1]
    changed = [i for i, move in enumerate(moves) if move != whole]
    put(_CURVE, whole)
    put(_FLAG, int(bool(changed)))
    if changed:
        first, last = changed[0], changed[-1]
        put(_BIN, first)
        put(_BIN, last - first)
        for step in np.diff([whole, *moves[first : last + 1]]):
            put(_CURVE, int(step))
    steps = now.rules - offer.rules[now.expert]
    changed = [int(i) for i in np.flatnonzero(steps.any(axis=1))]
    put(_FLAG, int(bool(changed)))
    if changed:
        first, last = changed[0], changed[-1]
        put(_GROUP, first)
        put(_GROUP, last - first)
        for shift, shape in steps[first : last + 1]:
            put(_SHIFT, int(shift))
            put(_SHAPE, int(shape))


def read_parameters(offer: PhaseOffer, before: NDArray[np.int64], reader: SymbolReader) -> PhaseParameters:
    """Return what `write_parameters` coded.

    Raises
    ------
    DamagedChunkError
        A number lies outside its range, or the streams end.
    """

    def get(row: int, least: int, most: int, what: str) -> int:
        rule = row_of(SIDE_SHAPE, row)
        value = reader.get_block([rule.table + (rule.fractions & 4)], [rule.bits])[0]
        if not least <= value <= most:
            raise DamagedChunkError(what, expected=f"{least} to {most}", found=value)
        return value

    expert = get(_EXPERT, 0, len(offer.rules) - 1, "the network index")
    which = get(_FILTER, 0, len(offer.bank), "the filter index")
    if which < len(offer.bank):
        linear = offer.bank[which]
    else:
        linear = np.array(
            [c + get(_COEF, -COEF_MAX - c, COEF_MAX - c, "a filter coefficient") for c in _ints(offer.bank[0])]
        )
    curve = before + _read_moves(get)
    if curve.min() < 0 or curve.max() > 255:
        raise DamagedChunkError("a noise level", expected="0 to 255", found=f"{curve.min()} to {curve.max()}")
    rules = offer.rules[expert].copy()
    if get(_FLAG, 0, 1, "the scale rules' flag") == 1:
        first = get(_GROUP, 0, SCALE_GROUPS - 1, "the first scale group")
        last = first + get(_GROUP, 0, SCALE_GROUPS - 1 - first, "the number of scale groups")
        for rule in rules[first : last + 1]:
            shift, shape = _ints(rule)
            rule[0] += get(_SHIFT, -64 - shift, 63 - shift, "a scale shift")
            rule[1] += get(_SHAPE, -shape, offer.shapes - 1 - shape, "a shape index")
    return PhaseParameters(expert, which, linear, curve, rules)


def _read_moves(get: Callable[[int, int, int, str], int]) -> NDArray[np.int64]:
    """Return by how much each noise level moves: all alike, or with a range of bins of their own."""
    whole = get(_CURVE, -255, 255, "the move of the noise curve")
    moves = np.full(NOISE_BINS, whole, np.int64)
    if get(_FLAG, 0, 1, "the noise curve's flag") == 1:
        first = get(_BIN, 0, NOISE_BINS - 1, "the first noise bin")
        last = first + get(_BIN, 0, NOISE_BINS - 1 - first, "the number of noise bins")
        move = whole
        for i in range(first, last + 1):
            move += get(_CURVE, -510, 510, "a step of the noise curve")
            moves[i] = move
    return moves


def _ints(values: NDArray[np.int64]) -> Sequence[int]:
    return [int(value) for value in values]
