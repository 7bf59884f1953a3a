"""Rates and errors on pictures that training never saw: how variants of a model are compared."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import _native
from zarr_neural.errors import ModelError
from zarr_neural.models import LossyModel, unpack

from .data import SETS, Picture, read_pictures
from .lossy_coefficients import engine
from .lossy_crops import Crop, middle, rmse_at, split

SIDE = 512
DECIBELS = tuple(range(28, 54, 3))
PER_GROUP = 1
LEAST_BYTES = 60

Curve = list[tuple[float, float]]


def validation_crops(pictures: Sequence[Picture], side: int = SIDE) -> list[tuple[str, Crop]]:
    """Return names and middles of validation pictures, one of each group."""
    found: dict[str, Picture] = {}
    for picture in split(pictures)[1]:
        found.setdefault(picture.group, picture)
    return [(picture.name, middle(picture, side)) for picture in found.values()]


def rate_curve(model: Any, crop: Crop, lam: float, decibels: Sequence[float] = DECIBELS) -> Curve:
    """Return (decibels reached, bits a pixel) of a crop for errors so far below its range."""
    points = []
    for level in decibels:
        rmse = rmse_at(level, crop.samples)
        if rmse < 0.4:  # nearly lossless
            continue
        coded = _native.encode_transform(model, crop.samples, crop.top, rmse * rmse, lam)
        if coded is None:
            continue
        payload, _, _, _, _, mse = coded[:6]
        reached = 20 * np.log10(np.ptp(crop.samples) / np.sqrt(max(mse, 1e-9)))
        points.append((float(reached), 8 * max(len(payload), LEAST_BYTES) / crop.samples.size))
    return points


def rate_change(before: Curve, after: Curve) -> float:
    """Return the mean change of rate, in per cent, over the errors that both curves reach.

    Rates are interpolated linearly in their logarithm: for curves of the same errors nearly.
    """
    (x0, y0), (x1, y1) = (np.array(sorted(set(curve))).reshape(-1, 2).T for curve in (before, after))
    if min(x0.size, x1.size) < 2 or (high := min(x0[-1], x1[-1])) - (low := max(x0[0], x1[0])) < 1:
        return float("nan")
    at = np.linspace(low, high, 200)
    return float(100 * np.expm1((np.interp(at, x1, np.log(y1)) - np.interp(at, x0, np.log(y0))).mean()))


def curves(arrays: Mapping[str, NDArray[Any]], crops: Sequence[tuple[str, Crop]], lam: float) -> dict[str, Curve]:
    """Return the curves of a model by the names of crops."""
    model = engine(arrays)
    return {name: rate_curve(model, crop, lam) for name, crop in crops}


def main() -> None:
    """Print bits a pixel of models on validation crops, and what each changes against the first."""
    parser = argparse.ArgumentParser(prog="python -m zarr_neural.training.lossy_validation", description=main.__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--lam", type=float, default=0.25)
    given = parser.parse_args()
    crops = validation_crops(read_pictures(given.data, tuple(s for s in SETS if s.trained)))
    first: dict[str, Curve] = {}
    for path in given.models:
        model = unpack(path.read_bytes())
        if not isinstance(model, LossyModel):
            raise ModelError(f"the model {path} is {model.metadata['kind']}, expected a lossy one")
        found = curves(model.arrays, crops, given.lam)
        first = first or found
        changes = [rate_change(first[name], found[name]) for name, _ in crops]
        print(f"{path.name}: {np.nanmean(changes):+.2f} % against the first, worst {np.nanmax(changes):+.2f} %")
        for (name, curve), change in zip(found.items(), changes, strict=True):
            points = " ".join(f"{level:.1f}:{bits:.3f}" for level, bits in curve)
            print(f"  {name[-40:]:40s} {change:+6.2f} %  {points}")


if __name__ == "__main__":
    main()
