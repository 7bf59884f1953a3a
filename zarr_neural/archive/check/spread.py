"""Where the grey levels of a channel lie: percentiles that one hot pixel cannot move, from parts that are joined.

Integers of up to 16 bits are counted level by level: exact, except that where more than 8192 levels are in use they are
counted two, four or eight at a time. Of other pixels some are kept, drawn at random from equal stretches, 4096 of a
region or one in 1024: a percentile is then off by a few hundredths of a per cent of the pixels.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

RANGE = (0.05, 99.95)
"""Percentiles between which the range of a channel lies, which a PSNR refers to."""
WINDOW = (0.1, 99.9)
"""Percentiles that viewers show as black and white."""

Part = dict[str, Any]
_STEP = 1024
_BINS = 8192
_BLOCK = 2**20


def spread(pixels: npt.NDArray[Any]) -> Part:
    """Return what is to be known of the grey levels of some pixels, as JSON."""
    flat = pixels.reshape(-1)
    if flat.dtype.kind in "iu" and flat.dtype.itemsize <= 2:
        least, most = int(flat.min()), int(flat.max())
        counts = np.zeros(most - least + 1, np.int64)
        for start in range(0, flat.size, _BLOCK):
            counts += np.bincount(flat[start : start + _BLOCK].astype(np.int32) - least, minlength=len(counts))
        width = 1 if np.count_nonzero(counts) <= _BINS else 2 ** math.ceil(math.log2(len(counts) / _BINS))
        first = least // width * width
        counts = np.pad(counts, (least - first, -(least - first + len(counts)) % width))
        counts = counts.reshape(-1, width).sum(axis=1)
        return {"first": first, "width": width, "counts": _pack(counts.astype("<u4"))}
    step = max(1, min(_STEP, flat.size // 4096))
    starts = np.arange(0, flat.size, step)  # not one every `step`: that would be a single column of many images
    places = starts + np.random.default_rng(flat.size).integers(0, step, len(starts))
    sample = flat[np.minimum(places, flat.size - 1)].astype("<f8")
    return {"n": flat.size, "values": _pack(np.sort(sample[np.isfinite(sample)]))}


def percentiles(parts: Sequence[Part], wanted: Sequence[float]) -> list[float]:
    """Return percentiles of all pixels that `spread` was called for; zeros where none of them is finite.

    Parameters
    ----------
    parts : sequence of dict
        In any order.
    wanted : sequence of float
        0 to 100.
    """
    values: list[npt.NDArray[Any]] = []
    weights: list[npt.NDArray[Any]] = []
    levels = np.zeros(3 * 2**15 + 1)  # of all integers of 8 and 16 bits, from -32768 on
    for part in parts:
        if "counts" in part:
            counts = np.frombuffer(_unpack(part["counts"]), "<u4")
            first = part["first"] + part["width"] // 2 + 2**15
            levels[first : first + len(counts) * part["width"] : part["width"]] += counts
        else:
            found = np.frombuffer(_unpack(part["values"]), "<f8")
            values.append(found)
            weights.append(np.full(len(found), part["n"] / max(1, len(found))))
    used = np.flatnonzero(levels)
    values.append(used - 2.0**15)
    weights.append(levels[used])
    every = np.concatenate(values)
    if every.size == 0:
        return [0.0] * len(wanted)
    order = np.argsort(every, kind="stable")
    every, total = every[order], np.cumsum(np.concatenate(weights)[order])
    places = [np.searchsorted(total, total[-1] * share / 100, side="left") for share in wanted]
    return [float(every[min(int(place), len(every) - 1)]) for place in places]


def _pack(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 1)).decode("ascii")


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
