"""Samples that equal their neighbours, counted: what tells names from light. Levels are ranks of the values in use."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_PLATEAU = 0.3
"""Below this share of samples that equal a neighbour nothing else is counted."""


@dataclass(frozen=True)
class Measures:
    """What is counted of some strips.

    Attributes
    ----------
    levels : int
        Number of levels in use.
    gap : float
        The least difference between two of them.
    share, beyond_chance : float
        Of samples off the background, the share that equals a neighbour; and what of it is not by chance.
    unrelated : float
        The step between neighbours that differ, over that between any two samples.
    own : float
        Levels over connected regions of equal samples, strip by strip.
    small : float
        The share of small ones among steps.
    alike : float
        The share of equal ones among pairs of neighbours off the background.
    far : float
        The share of levels off the background that mostly lie beside levels far from them.
    """

    levels: int
    gap: float
    share: float
    beyond_chance: float
    unrelated: float
    own: float
    small: float
    alike: float
    far: float


def measure(strips: list[NDArray[Any]]) -> Measures:
    """Count some strips (Y, X) together; what needs plateaus is 0, or 1 for `small`, where there are hardly any."""
    values, counts = np.unique(np.concatenate([strip.reshape(-1) for strip in strips]), return_counts=True)
    ranks = [np.searchsorted(values, strip) for strip in strips]
    empty = int(counts.argmax())
    share, chance = _plateaus(ranks, empty, counts)
    beyond_chance = (share - chance) / (1 - chance) if chance < 1 else 0.0
    gap = float(np.diff(values).min()) if len(values) > 1 else 0.0
    steps = np.concatenate([_steps(rank) for rank in ranks])
    if share < LEAST_PLATEAU or steps.size == 0:
        return Measures(len(values), gap, share, beyond_chance, 0.0, 0.0, 1.0, 0.0, 0.0)
    unrelated = float(np.median(steps)) / max(1.0, _typical_step(ranks, empty))
    used = sum(int(np.count_nonzero(np.bincount(rank.reshape(-1), minlength=len(values)))) - 1 for rank in ranks)
    own = used / max(1, sum(_regions(rank, empty) for rank in ranks))
    small = float((steps <= max(1, len(values) // 128)).mean())
    return Measures(
        len(values), gap, share, beyond_chance, unrelated, own, small, _alike(ranks, empty), _far(ranks, empty)
    )


def _plateaus(ranks: list[NDArray[Any]], empty: int, counts: NDArray[Any]) -> tuple[float, float]:
    """The share of samples off the background with an equal neighbour, and what it would be by chance."""
    off = equal_off = 0
    for rank in ranks:
        off += int((rank != empty).sum())
        equal_off += int((_equal_a_neighbour(rank) & (rank != empty)).sum())
    likely = counts / counts.sum()
    others = np.delete(likely, empty)
    chance = float((others * (1 - (1 - others) ** 4)).sum() / others.sum())
    return equal_off / max(1, off), chance


def _alike(ranks: list[NDArray[Any]], empty: int) -> float:
    equal = pairs = 0
    for rank in ranks:
        for one, other in ((rank[:, 1:], rank[:, :-1]), (rank[1:], rank[:-1])):
            both = (one != empty) & (other != empty)
            pairs += int(both.sum())
            equal += int((both & (one == other)).sum())
    return equal / max(1, pairs)


def _far(ranks: list[NDArray[Any]], empty: int) -> float:
    count = 1 + max(int(rank.max()) for rank in ranks)
    edges, far = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for rank in ranks:
        for one, other in ((rank[:, 1:], rank[:, :-1]), (rank[1:], rank[:-1])):
            step = np.abs(one - other)
            for side in (one, other):
                edges += np.bincount(side[step > 0], minlength=count)
                far += np.bincount(side[step > max(1, count // 128)], minlength=count)
    told = edges > 0
    told[empty] = False
    return float((2 * far[told] > edges[told]).mean()) if told.any() else 0.0


def _regions(rank: NDArray[Any], empty: int) -> int:
    """The number of connected regions of equal samples off the background, less their holes (Euler's formula)."""
    off = rank != empty
    across, down = rank[:, 1:] == rank[:, :-1], rank[1:] == rank[:-1]
    edges = int((across & off[:, 1:]).sum()) + int((down & off[1:]).sum())
    blocks = int((across[1:] & across[:-1] & down[:, 1:] & off[1:, 1:]).sum())
    return int(off.sum()) - edges + blocks


def _steps(rank: NDArray[Any]) -> NDArray[Any]:
    """Sizes of the steps between neighbours that differ, in levels that are in use."""
    steps = np.concatenate([np.abs(np.diff(rank, axis=axis)).reshape(-1) for axis in (0, 1)])
    differing: NDArray[Any] = steps[steps != 0]
    return differing


def _typical_step(ranks: list[NDArray[Any]], empty: int) -> float:
    """The step between a sample off the background and one somewhere else, background or not as neighbours are."""
    rng = np.random.default_rng(0)
    flat = np.concatenate([rank.reshape(-1) for rank in ranks])
    off = flat[flat != empty]
    one, other = rng.choice(off, 4096), rng.choice(off, 4096)
    return float(np.median(np.abs(one - other)[one != other])) if (one != other).any() else 1.0


def share_of_plateaus(strip: NDArray[Any]) -> float:
    """The share of samples off the background that equal a neighbour beside, above or below."""
    values, counts = np.unique(strip, return_counts=True)
    off = strip != values[counts.argmax()]
    return int((_equal_a_neighbour(strip) & off).sum()) / max(1, int(off.sum()))


def _equal_a_neighbour(strip: NDArray[Any]) -> NDArray[np.bool_]:
    equal = np.zeros(strip.shape, bool)
    across, down = strip[:, 1:] == strip[:, :-1], strip[1:] == strip[:-1]
    equal[:, 1:] |= across
    equal[:, :-1] |= across
    equal[1:] |= down
    equal[:-1] |= down
    return equal
