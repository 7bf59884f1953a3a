"""The networks of path L in NumPy int64: slow, short, and the specification of what every engine answers.

Mirror of `native/kernels_body.hpp`. Functions take whole phases: the last axis runs over pixels. Fixed point: "eighths"
are 1/8 grey level, log magnitudes 1/8 octave, scales 1/32 octave.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 16
NEAR = 8
FEATURES = 32
SCALE_MAX = 668

Ints = NDArray[np.int64]


class Layer(NamedTuple):
    """One dense layer: weights (outputs, inputs), bias and right shift (outputs,), all int64."""

    weights: Ints
    bias: Ints
    shift: Ints

    def sums(self, inputs: Ints) -> Ints:
        """Return (bias + weights @ inputs) >> shift, shape (outputs, pixels)."""
        return (self.bias[:, None] + self.weights @ inputs) >> self.shift[:, None]


class Network(NamedTuple):
    """Two hidden layers whose outputs are clamped to 0..255, and a last one that is not."""

    hidden1: Layer
    hidden2: Layer
    output: Layer

    def run(self, features: Ints) -> Ints:
        """Return the nine wide outputs of every pixel, shape (9, pixels), for u8 features of shape (32, pixels)."""
        hidden = np.clip(self.hidden1.sums(features), 0, 255)
        hidden = np.clip(self.hidden2.sums(hidden), 0, 255)
        return self.output.sums(hidden)


def log_magnitude(a: Ints) -> Ints:
    """Return 0 for 0, else 8 + 8*log2(a), linear inside an octave and floored.

    Parameters
    ----------
    a : ndarray of int64
        0 <= a < 2^24.

    Examples
    --------
    >>> log_magnitude(np.array([0, 1, 2, 3, 4, 9, 524280])).tolist()
    [0, 8, 16, 20, 24, 33, 159]
    """
    octave = np.searchsorted(1 << np.arange(1, 24), a, side="right")
    log: Ints = np.where(a > 0, 8 * octave + (8 * a >> octave), 0)
    return log


def predict(linear: Ints, neighbours: Ints, top: int) -> Ints:
    """Return the linear prediction in eighths, 0..8*top.

    Parameters
    ----------
    linear : ndarray of int64, shape (16,)
        Coefficients in 1/256, each within -511..511.
    neighbours : ndarray of int64, shape (16, pixels)
        Known samples, nearest first, 0..top.
    top : int
        Largest value of the plane.
    """
    base = (neighbours[:4].sum(axis=0) + 2) >> 2
    moved = linear @ (neighbours - base)
    predicted: Ints = np.clip(8 * base + ((moved + 16) >> 5), 0, 8 * top)
    return predicted


def describe(curve: Ints, neighbours: Ints, past: Ints, predicted: Ints, top: int) -> Ints:
    """Return the features of a network, shape (32, pixels), each 0..255.

    Parameters
    ----------
    curve : ndarray of int64, shape (84,)
        Noise level by bin of the prediction, 0..255.
    neighbours : ndarray of int64, shape (16, pixels)
        Known samples, nearest first.
    past : ndarray of int64, shape (8, pixels)
        Log magnitudes of the prediction errors at the eight nearest.
    predicted : ndarray of int64, shape (pixels,)
        From `predict`.
    top : int
        Largest value of the plane.
    """
    difference = 8 * neighbours - predicted
    magnitude = log_magnitude(np.abs(difference))
    level = log_magnitude(predicted)
    spread = neighbours[:4].max(axis=0) - neighbours[:4].min(axis=0)
    return np.concatenate(
        [
            128 + np.sign(difference[:NEAR]) * np.minimum(magnitude[:NEAR], 127),
            magnitude[:12],
            past,
            curve[level >> 1][None],
            level[None],
            log_magnitude(8 * top - predicted)[None],
            log_magnitude(8 * spread)[None],
        ]
    )


def infer(
    network: Network, features: Ints, neighbours: Ints, past: Ints, predicted: Ints, top: int
) -> tuple[Ints, Ints]:
    """Return scale index (0..668, 1/32 octave) and mean (0..8*top, eighths) of every pixel.

    Parameters are those of `describe`, and its result. Largest number met: eight products below 127 * 2^19.
    """
    out = network.run(features)
    scale = np.clip(out[0] + past[:4].sum(axis=0), 0, SCALE_MAX)
    weight = np.clip(out[1:], -127, 127)
    difference = 8 * neighbours[:NEAR] - predicted
    correction = ((weight * difference).sum(axis=0) + 128) >> 8
    return scale, np.clip(predicted + correction, 0, 8 * top)
