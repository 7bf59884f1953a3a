"""Do samples name things (labels, masks, indices of a palette) or measure light? Names are never coded with loss.

Names lie in plateaus: nearly every sample equals a neighbour, however small the objects are. So do some images of light
(smooth, saturated, filtered), but there a step between neighbours is a small one, while the numbers of two objects that
touch, or of an object and the background, have nothing to do with each other. And every object has a number of its own:
there are about as many levels as connected regions of equal samples, while light comes back to each of its levels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_QUICK = 2**16
_ENOUGH = 2**20
_PLATEAU = 0.8
_NEARLY_ALL = 0.97
_FEW_LEVELS = 4
_FEW_PLATEAU = 0.85
_UNRELATED = 0.45
_SMALL_STEPS = 0.6
_WHOLLY_UNRELATED = 0.9
_MOST = 0.6
_OWN = 0.5
_SOME_OWN = 0.2
_OWN_PLATEAU = 0.3
_OWN_UNRELATED = 0.15


def holds_names(planes: NDArray[Any]) -> bool:
    """Return whether the samples of some planes are names rather than intensities.

    Constant planes hold neither and count as intensities; so do floats with fractions.

    Parameters
    ----------
    planes : (N, Y, X) or (Y, X) array
        bool, integers, or floats. A part of large arrays is looked at: strips of whole rows, spread evenly.
    """
    if planes.dtype.kind == "b":
        return True
    if planes.dtype.kind not in "iuf" or planes.ndim < 2 or planes.size == 0:
        return False
    rows = planes.reshape(-1, *planes.shape[-2:])
    quick = _strips(rows, _QUICK)
    varied = [strip for strip in quick if _varies(strip)]
    if varied and all(_share_of_plateaus(strip) < _OWN_PLATEAU for strip in varied):
        return False
    return _judge(_strips(rows, _ENOUGH))


def _strips(planes: NDArray[Any], most: int) -> list[NDArray[Any]]:
    """Up to eight strips of whole rows, in planes and heights spread evenly, of about so many samples in all."""
    count, height, width = planes.shape
    if planes.size <= most:
        return list(planes)
    deep = min(height, max(8, most // (8 * width)))
    if width * deep * 8 > 2 * most:  # very wide: the middle of each row
        width = max(64, 2 * most // (8 * deep))
    found = []
    for number in range(8):
        plane = planes[number * count // 8]
        top = (height - deep) * number // 7
        left = (plane.shape[1] - width) * number // 7
        found.append(plane[top : top + deep, left : left + width])
    return found


def _varies(strip: NDArray[Any]) -> bool:
    return bool((strip != strip[0, 0]).any())


def _share_of_plateaus(strip: NDArray[Any]) -> float:
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


def _judge(strips: list[NDArray[Any]]) -> bool:
    strips = [strip for strip in strips if _varies(strip)]
    if not strips:
        return False
    if strips[0].dtype.kind == "f" and not all(_is_whole(strip) for strip in strips):
        return False
    values, counts = np.unique(np.concatenate([strip.reshape(-1) for strip in strips]), return_counts=True)
    background = values[counts.argmax()]
    ranks = [np.searchsorted(values, strip) for strip in strips]
    empty = int(np.searchsorted(values, background))
    share, chance = _plateaus(ranks, empty, counts)
    beyond_chance = (share - chance) / (1 - chance) if chance < 1 else 0.0
    if len(values) <= _FEW_LEVELS:
        return beyond_chance >= _FEW_PLATEAU
    steps = np.concatenate([_steps(rank) for rank in ranks])
    if share < _OWN_PLATEAU or steps.size == 0:
        return False
    unrelated = float(np.median(steps)) / max(1.0, _typical_step(ranks, empty))
    own = (len(values) - 1) / max(1, sum(_regions(rank, empty) for rank in ranks))
    if share >= _NEARLY_ALL and own >= _SOME_OWN:
        return True
    if unrelated >= _OWN_UNRELATED and own >= _OWN and beyond_chance >= _OWN_PLATEAU:
        return True
    if unrelated >= _WHOLLY_UNRELATED and beyond_chance >= _MOST:
        return True
    small = float((steps <= max(1, len(values) // 128)).mean())
    return beyond_chance >= _PLATEAU and unrelated >= _UNRELATED and small <= _SMALL_STEPS


def _is_whole(strip: NDArray[Any]) -> bool:
    return bool((np.isfinite(strip) & (strip == np.rint(strip))).all())


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
