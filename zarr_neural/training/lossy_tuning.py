"""Gains of the bands by search: what each level and band adds to the step, for squared error or for similarity."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import _native

from .lossy_coefficients import engine
from .lossy_crops import Crop, middle, rmse_at
from .lossy_gains import LEVELS
from .lossy_validation import Curve, rate_change

STRIDES = (48, 24, 12)  # 1/64 octave
PASSES = 3  # with each stride, at most
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
    points = []
    for level in DECIBELS:
        rmse = max(rmse_at(level, crop.samples), 0.5)
        coded = _native.encode_transform(model, crop.samples, crop.top, rmse * rmse, lam)
        if coded is None:
            continue
        payload, decoded = coded[0], coded[6]
        points.append((measure(crop.samples, decoded), 8 * len(payload) / crop.samples.size))
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

    Levels and bands move one after the other, in strides that become smaller, as long as that pays.
    """

    search = _Search(arrays, crops, lam, measure, progress)
    for stride in STRIDES:
        for _ in range(PASSES):
            if not search.improve(stride):
                break
    return search.gains


class _Search:
    """The best gains so far, and the curves of crops with them."""

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        crops: Sequence[Crop],
        lam: float,
        measure: Measure,
        progress: Callable[[str], None],
    ) -> None:
        self.arrays, self.crops, self.lam, self.measure, self.progress = arrays, crops, lam, measure, progress
        self.gains = arrays["gains"].astype(np.int16)
        self.curves = self._curves(self.gains)

    def _curves(self, gains: NDArray[np.int16]) -> list[Curve]:
        model = engine({**self.arrays, "gains": gains})
        return [quality_curve(model, crop, self.lam, self.measure) for crop in self.crops]

    def improve(self, stride: int) -> bool:
        """Try moves of all levels and bands one after the other, and say whether one was kept."""
        return sum(self._move(*place, stride) for place in product(range(LAST), BANDS)) > 0

    def _move(self, level: int, bands: tuple[int, ...], stride: int) -> bool:
        levels = slice(level, LEVELS if level == LAST - 1 else level + 1)
        for move in (stride, -stride):
            gains = self.gains.copy()
            gains[:, levels, list(bands)] += move
            curves = self._curves(gains)
            change = float(np.nanmean([rate_change(a, b) for a, b in zip(self.curves, curves, strict=True)]))
            if change < -LEAST_GAIN:
                self.gains, self.curves = gains, curves
                self.progress(f"level {level + 1}, bands {bands}: {move:+d}, {change:+.2f} %")
                return True
        return False
