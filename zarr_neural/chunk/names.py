"""Do samples name things (labels, masks, indices of a palette) or measure light? Names are never coded with loss.

Names lie in plateaus: nearly every sample equals a neighbour, however small the objects are. So do some images of light
(smooth, saturated, filtered), but there a step between neighbours is a small one, while the numbers of two objects that
touch, or of an object and the background, have nothing to do with each other. And every object has a number of its own:
there are about as many levels as connected regions of equal samples, while light comes back to each of its levels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.chunk.margin import find_content
from zarr_neural.chunk.plateaus import LEAST_PLATEAU, Measures, measure, share_of_plateaus

_RARE = 512
_WHOLE = 2.0**53  # larger floats are all whole
_QUICK = 2**16
_ENOUGH = 2**20
_PLATEAU = 0.8
_NEARLY_ALL = 0.97
_FEW_LEVELS = 4
_FEW_PLATEAU = 0.85
_APART = 0.7
_ALIKE = 0.96
_ALL = 0.995
_UNRELATED = 0.45
_SMALL_STEPS = 0.6
_SOME_SMALL_STEPS = 0.75
_WHOLLY_UNRELATED = 0.9
_MOST = 0.6
_OWN = 0.5
_SOME_OWN = 0.2
_ALL_OWN = 0.9
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
    quick = [strip for strip in _strips(rows, _QUICK) if _varies(strip)]
    if quick and all(share_of_plateaus(strip) < LEAST_PLATEAU for strip in quick) and not _has_two_levels(quick):
        return False
    strips = _strips(rows, _ENOUGH)
    if not any(_varies(strip) for strip in strips):
        strips = _where_it_varies(rows)
    return _judge(strips)


def hardly_varies(planes: NDArray[Any]) -> bool:
    """Return whether all samples but one in 512 are equal, or only two values occur: no loss makes that much smaller.

    So a chunk with a corner of one object, of which too little is seen to tell what it is, keeps it. Floats count only
    where they are whole numbers.

    Parameters
    ----------
    planes : (N, Y, X) array
    """
    flat = planes.reshape(-1)
    values, counts = np.unique(flat[:: max(1, flat.size // 1024)], return_counts=True)
    others = flat[flat != values[counts.argmax()]]
    if others.size * _RARE > flat.size and not (others == others[0]).all():
        return False
    return planes.dtype.kind != "f" or all(_is_whole(plane) for plane in planes)


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


def _where_it_varies(planes: NDArray[Any]) -> list[NDArray[Any]]:
    """A few objects of a large image that no strip met, with what is about them."""
    found: list[NDArray[Any]] = []
    for plane in planes:
        box = find_content(plane)[0]
        if box.height and len(found) < 8:
            top, left = max(0, box.top - 1), max(0, box.left - 1)
            deep = min(box.height + 2, max(8, _ENOUGH // (8 * (box.width + 2))))
            found.append(plane[top : top + deep, left : left + box.width + 2])
    return found


def _varies(strip: NDArray[Any]) -> bool:
    return bool((strip != strip[0, 0]).any())


def _has_two_levels(strips: list[NDArray[Any]]) -> bool:
    """Whether two values occur, none of them rare: a few hot or dead pixels make no mask."""
    values, counts = np.unique(np.concatenate([strip.reshape(-1) for strip in strips]), return_counts=True)
    return len(values) == 2 and int(counts.min()) * _RARE > int(counts.sum())


def _judge(strips: list[NDArray[Any]]) -> bool:
    strips = [_without_margin(strip) for strip in strips if _varies(strip)]
    if not strips:
        return False
    if strips[0].dtype.kind == "f" and not all(_is_whole(strip) for strip in strips):
        return False
    found = measure(strips)
    if found.gap > 1 and _has_two_levels(strips):
        return True
    if found.levels <= _FEW_LEVELS:
        least = _APART if found.levels == 2 or found.alike >= _ALIKE else _FEW_PLATEAU
        return found.beyond_chance >= least
    if found.unrelated >= _OWN_UNRELATED and found.own >= _OWN and found.beyond_chance >= LEAST_PLATEAU:
        return True
    if found.share >= _NEARLY_ALL and found.own >= _ALL_OWN:
        return True
    reduced = [_without_repeats(strip) for strip in strips]  # enlarged light lies in plateaus too
    if any(small.size < strip.size for small, strip in zip(reduced, strips, strict=True)):
        found = measure(reduced)
    return _lies_in_plateaus(found)


def _lies_in_plateaus(found: Measures) -> bool:
    if found.share >= _NEARLY_ALL and found.own >= _SOME_OWN:
        return True
    if found.share >= _ALL and found.small <= _SMALL_STEPS:
        return True
    if found.share >= _APART and found.alike >= _ALIKE and found.far >= _MOST:
        return True
    if found.unrelated >= _WHOLLY_UNRELATED and found.beyond_chance >= _MOST and found.small <= _SOME_SMALL_STEPS:
        return True
    return found.beyond_chance >= _PLATEAU and found.unrelated >= _UNRELATED and found.small <= _SMALL_STEPS


def _without_margin(strip: NDArray[Any]) -> NDArray[Any]:
    """The strip without a border of one value, unless nothing varies inside."""
    content: NDArray[Any] = strip[find_content(strip)[0].slices]
    return content if content.size and _varies(content) else strip


def _without_repeats(strip: NDArray[Any]) -> NDArray[Any]:
    """One of the two or three rows and columns that repeat each other, wherever the repeats begin."""
    for axis in (0, 1):
        rows = np.moveaxis(strip, axis, 0)
        new = np.flatnonzero((rows[1:] != rows[:-1]).any(1)) + 1
        for factor in (4, 3, 2):
            if len(new) > 1 and (np.diff(new) % factor == 0).all():
                strip = np.moveaxis(rows[int(new[0]) % factor :: factor], 0, axis)
                break
    return strip


def _is_whole(strip: NDArray[Any]) -> bool:
    whole = np.abs(strip, dtype=np.float64) < _WHOLE  # which is beyond float16
    return bool((whole & (strip == np.rint(strip))).all())
