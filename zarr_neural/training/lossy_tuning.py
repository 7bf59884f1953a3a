"""Gains of the bands by search: what each level and band adds to the step, for squared error or for similarity."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import _native

from .lossy_coefficients import engine
from .lossy_crops import Crop, middle, rmse_at
from .lossy_gains import LEVELS
from .lossy_validation import Curve, rate_change

STRIDES = (32, 16)  # 1/64 octave
DECIBELS = (28, 33, 38, 43, 48)
LAST = 6  # levels from here on move together
BANDS = ((0, 1), (2,))  # move together
LEAST_GAIN = 0.02  # per cent of the rate, for which a move is kept
SIDE, CROPS = 384, 16

Measure = Callable[[NDArray[Any], NDArray[Any]], float]


def tuning_crops(pictures: Sequence[Any]) -> list[Crop]:
    """Return the middles of pictures to train on, as many of each kind, the first of each group first."""
    kinds: dict[str, dict[str, Any]] = {}
    for picture in pictures:
        kinds.setdefault(picture.kind, {}).setdefault(picture.group, picture)
    found: list[Any] = []
    for turn in range(CROPS):
        found += [list(groups.values())[turn] for groups in kinds.values() if turn < len(groups)]
    return [middle(picture, SIDE) for picture in found[:CROPS]]


def quality_curve(model: Any, crop: Crop, lam: float, measure: Measure) -> Curve:
    """Return (quality measured, bits a pixel) of a crop."""
    height, width = crop.samples.shape
    points = []
    for level in DECIBELS:
        rmse = max(rmse_at(level, crop.samples), 0.5)
        coded = _native.encode_transform(model, crop.samples, crop.top, rmse * rmse, lam)
        if coded is None:
            continue
        payload, words, step, quality, lanes, _ = coded[:6]
        data = np.frombuffer(payload, np.uint8)
        back = _native.decode_transform(model, data, words, height, width, crop.top, step, quality, lanes)
        points.append((measure(crop.samples, back), 8 * len(payload) / crop.samples.size))
    return points


def psnr(original: NDArray[Any], decoded: NDArray[Any]) -> float:
    """Return the peak signal to noise ratio against the range of the original; at most 80."""
    error = float(np.mean((original.astype(np.float64) - decoded) ** 2)) / float(np.ptp(original)) ** 2
    return -10 * float(np.log10(max(error, 1e-8)))


def tune(
    arrays: Mapping[str, NDArray[Any]],
    crops: Sequence[Crop],
    lam: float,
    measure: Measure,
    progress: Callable[[str], None] = lambda _: None,
) -> NDArray[np.int16]:
    """Return the gains (1, 10, 3) with which crops take the fewest bits at equal quality, by coordinate search.

    Levels and bands move one after the other, by a half and a quarter of an octave, as long as that pays.
    """

    def all_curves(gains: NDArray[np.int16]) -> list[Curve]:
        model = engine({**arrays, "gains": gains})
        return [quality_curve(model, crop, lam, measure) for crop in crops]

    gains = arrays["gains"].astype(np.int16)
    best = all_curves(gains)
    for stride in STRIDES:
        for level in range(LAST):
            levels = slice(level, LEVELS if level == LAST - 1 else level + 1)
            for bands in BANDS:
                for move in (stride, -stride):
                    moved = gains.copy()
                    moved[:, levels, list(bands)] += move
                    found = all_curves(moved)
                    change = float(np.nanmean([rate_change(a, b) for a, b in zip(best, found, strict=True)]))
                    if change < -LEAST_GAIN:
                        gains, best = moved, found
                        progress(f"level {level + 1}, bands {bands}: {move:+d}, {change:+.2f} %")
                        break
    return gains
