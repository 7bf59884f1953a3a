"""The unit distributions that a model carries as integers, and what errors cost under the tables made of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ONE = 2**30
STEPS = 1024  # of 1/64 standard deviation
ROWS = 84  # a quarter of an octave each, from 1/16 grey level
LOGS = 168
TABLE = 2.0**14
ESCAPE_BITS = 11 + 6  # a typical escape symbol, its sign and the start of its Golomb code


def unit_tails() -> NDArray[np.uint32]:
    """Return the upper tails (5, 1025) of five unit distributions at steps of 1/64, in units of 2^-30.

    Normal, logistic, Laplace (side information is coded with it), Student's t with two degrees of freedom, and a
    mixture of two exponentials.
    """
    z = np.arange(STEPS + 1) / 64
    tails = (
        stats.norm.sf(z),
        stats.logistic.sf(1.8 * z),
        0.5 * np.exp(-1.414 * z),
        stats.t.sf(1.3 * z, 2),
        0.25 * np.exp(-2.8 * z) + 0.25 * np.exp(-0.9 * z),
    )
    return np.asarray(np.rint(np.stack(tails) * ONE), np.uint32)


def log_magnitude(eighths: NDArray[Any]) -> NDArray[np.int64]:
    """Return the log magnitude of integers: 0 for 0, else 8 + 8 log2, linear inside an octave, floored."""
    magnitude = np.abs(np.asarray(eighths)).astype(np.float32)
    return np.where(magnitude > 0, (magnitude.view(np.int32) >> 20) - (127 << 3) + 8, 0).astype(np.int64)


def table_costs(tails: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the bits (shapes, 84, 168) of an error by shape, row and log magnitude, nearly as the encoder does."""
    magnitude = np.arange(LOGS)
    low = np.where(magnitude == 0, 0, (8 + magnitude % 8) * 2.0 ** (magnitude // 8 - 4))
    high = np.where(magnitude == 0, 0, (9 + magnitude % 8) * 2.0 ** (magnitude // 8 - 4) - 1)
    errors = np.ceil(low + (np.maximum(high, low) - low) * np.linspace(0, 1, 5)[:, None])  # (5, logs)
    sigma = 8 * 2.0 ** (np.arange(ROWS) / 4 - 4)
    costs = np.empty((len(tails), ROWS, LOGS))
    for shape, tail in enumerate(tails / ONE):
        for row, s in enumerate(sigma):
            mass = _below(tail, 4 - errors, s) - _below(tail, -4 - errors, s)
            raw_bits = max(0, (row - 24) // 4)
            unit = 2.0**raw_bits
            inside = -np.log2(mass * (1 - 2 / TABLE) + 1 / (TABLE * unit))
            # beyond the symbols of the table: where two symbols together have less than 2^-13
            steps = np.arange(64) * 8 * unit
            half = int((_below(tail, 4 * unit - steps, s) - _below(tail, -4 * unit - steps, s) >= 1 / TABLE).sum())
            excess = np.maximum(errors / (8 * unit) - half, 0)
            beyond = ESCAPE_BITS + raw_bits + 2 * np.log2(1 + excess / 4)
            costs[shape, row] = np.where(excess > 0, beyond, inside).mean(0)
    return costs


def _below(tail: NDArray[Any], t: NDArray[Any], sigma: float) -> NDArray[np.float64]:
    """Return the probability that a variate of standard deviation sigma lies below t."""
    q = np.interp(np.abs(t) / sigma * 64, np.arange(STEPS + 1), tail)
    return np.asarray(np.where(t > 0, 1 - q, q))
