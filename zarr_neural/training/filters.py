"""The bank of linear predictors: least squares over the phases of many tiles, gathered into a few filters.

The geometry and the weights are those of `native/planes.cpp` and `native/fit.cpp`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Moments = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

# (part, row, column): part 0 is the coarser grid, then the diagonal, horizontal and vertical phases
NEIGHBOURHOOD = (
    ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 0, -1), (0, 0, 2), (0, 1, -1), (0, 1, 2), (0, -1, 0), (0, -1, 1),
     (0, 2, 0), (0, 2, 1), (0, -1, -1), (0, -1, 2), (0, 2, -1), (0, 2, 2)),
    ((0, 0, 0), (0, 0, 1), (1, -1, 0), (1, 0, 0), (1, -1, -1), (1, -1, 1), (1, 0, -1), (1, 0, 1), (0, -1, 0),
     (0, -1, 1), (0, 1, 0), (0, 1, 1), (0, 0, -1), (0, 0, 2), (1, -2, 0), (1, 1, 0)),
    ((1, 0, -1), (1, 0, 0), (0, 0, 0), (0, 1, 0), (2, 0, -1), (2, 0, 0), (2, 1, -1), (2, 1, 0), (0, 0, -1),
     (0, 0, 1), (0, 1, -1), (0, 1, 1), (1, -1, -1), (1, -1, 0), (1, 1, -1), (1, 1, 0)),
)  # fmt: skip
COEFFICIENT_UNIT = 256
MAX_COEFFICIENT = 511
MIN_PIXELS, SAMPLE = 128, 4096


def tile_moments(samples: NDArray[Any]) -> Iterator[tuple[int, Moments]]:
    """Yield (phase, moments) for each phase of each level of a tile: the normal equations of its linear predictor.

    The moments are sums over pixels of d d', d y and y y, for the differences d (16,) of the neighbours and y of the
    sample to the mean of the four nearest, weighted by one over the squared activity.
    """
    grid = samples.astype(np.float32)
    while min(grid.shape) > 2:
        parts = [grid[::2, ::2], grid[1::2, 1::2], grid[::2, 1::2], grid[1::2, ::2]]
        full = parts[0].shape
        padded = [np.pad(p, ((2, 2 + full[0] - p.shape[0]), (2, 2 + full[1] - p.shape[1])), mode="edge") for p in parts]
        for phase, offsets in enumerate(NEIGHBOURHOOD):
            rows, columns = parts[1 + phase].shape
            if rows * columns >= MIN_PIXELS:
                known = np.stack(
                    [padded[p][2 + r : 2 + r + rows, 2 + c : 2 + c + columns].ravel() for p, r, c in offsets], 1
                )
                step = max(1, rows * columns // SAMPLE)
                yield phase, _moments(known[::step], parts[1 + phase].ravel()[::step])
        grid = parts[0]


def _moments(known: NDArray[np.float32], sample: NDArray[np.float32]) -> Moments:
    base = np.floor(known[:, :4].mean(1) + 0.5)
    d, y = (known - base[:, None]).astype(np.float64), (sample - base).astype(np.float64)
    activity = np.abs(d[:, :8]).mean(1)
    weight = 1 / (activity + 0.1 * activity.mean() + 0.5) ** 2
    weighted = d * weight[:, None]
    return weighted.T @ d, weighted.T @ y, np.array((weight * y * y).sum())


def fit_bank(tiles: Sequence[NDArray[Any]], filters: int, rounds: int = 12) -> NDArray[np.int16]:
    """Return a bank of linear predictors, in 1/256, that serve the tiles.

    Filter 0 of each phase is the best for all together; the others are centres of a k-means whose distance is the
    logarithm of the error against that of a phase's own filter: the bits that a phase loses by taking the centre.

    Parameters
    ----------
    tiles : sequence of ndarray
        Samples (height, width).
    filters : int
        Size of the bank of each phase.
    rounds : int
        Rounds of k-means.

    Returns
    -------
    ndarray of int16, (3, filters, 16)
    """
    found: list[list[Moments]] = [[], [], []]
    for tile in tiles:
        for phase, moments in tile_moments(tile):
            found[phase].append(moments)
    banks = []
    for each in found:
        square, cross, energy = (np.stack(column) for column in zip(*each, strict=True))
        own = _errors(_solve(square, cross)[None], square, cross, energy)[0]
        keep = own > 1e-6
        scale = 1 / own[keep]
        banks.append(
            _cluster(
                square[keep] * scale[:, None, None], cross[keep] * scale[:, None], energy[keep] * scale, filters, rounds
            )
        )
    return np.stack(banks)


def _cluster(
    square: NDArray[Any], cross: NDArray[Any], energy: NDArray[Any], filters: int, rounds: int
) -> NDArray[np.int16]:
    """Return the centres for moments whose least error is one."""
    weight = np.ones(len(energy))
    for _ in range(rounds):  # minimises the sum of logarithms by re-weighting
        first = _solve(np.einsum("n,nab->ab", weight, square), weight @ cross)
        weight = 1 / _errors(first[None, None], square, cross, energy)[0]
    rank = np.argsort(_errors(first[None, None], square, cross, energy)[0], kind="stable")
    spread = rank[np.linspace(0, len(rank) - 1, filters + 1).astype(int)[1:]]
    centres = np.concatenate([first[None], _solve(square[spread], cross[spread])[: filters - 1]])
    for _ in range(rounds):
        errors = _errors(centres[:, None], square, cross, energy)
        nearest = errors.argmin(0)
        for k in range(1, filters):
            if (mine := nearest == k).any():
                weight = 1 / errors[k, mine]
                centres[k] = _solve(np.einsum("n,nab->ab", weight, square[mine]), weight @ cross[mine])
    popular = np.argsort(-np.bincount(nearest, minlength=filters)[1:], kind="stable") + 1
    integers = np.rint(centres[np.concatenate([[0], popular])] * COEFFICIENT_UNIT)
    return np.asarray(np.clip(integers, -MAX_COEFFICIENT, MAX_COEFFICIENT), np.int16)


def _solve(square: NDArray[Any], cross: NDArray[Any]) -> NDArray[np.float64]:
    ridge = 1e-6 * np.trace(square, axis1=-2, axis2=-1) / square.shape[-1] + 1e-6
    return np.asarray(
        np.linalg.solve(square + ridge[..., None, None] * np.eye(square.shape[-1]), cross[..., None])[..., 0]
    )


def _errors(
    filters: NDArray[Any], square: NDArray[Any], cross: NDArray[Any], energy: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the weighted squared errors (filters, tiles) of filters (filters, 1 or tiles, 16)."""
    each = np.broadcast_to(filters, (len(filters), len(energy), filters.shape[-1])).transpose(1, 2, 0)
    quadratic = ((square @ each) * each).sum(1).T
    linear = (each * cross[:, :, None]).sum(1).T
    return np.asarray(np.maximum(energy - 2 * linear + quadratic, 1e-9 * energy + 1e-9))
