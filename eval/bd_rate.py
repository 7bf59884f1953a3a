"""Bjontegaard's delta rate: how many percent more or fewer bits a curve needs than another at equal quality."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

LEAST_OVERLAP_DB = 1.0
"""Curves that share less than this give no figure: it would say nothing about the rest of them."""

Curve = list[tuple[float, float]]
"""Points of (rate, quality): rate in bits per pixel, quality in dB."""


@dataclass(frozen=True)
class DeltaRate:
    """What one curve needs beside another.

    Attributes
    ----------
    percent
        Bits more (+) or fewer (-) in percent; nan where the curves do not overlap.
    low_db, high_db
        The range of quality that was integrated over; nan where there is none.
    why
        Why there is no figure; empty where there is one.
    """

    percent: float
    low_db: float = math.nan
    high_db: float = math.nan
    why: str = ""


def front(points: Iterable[tuple[float, float]]) -> Curve:
    """Return the points that are worth having, quality rising: none of fewer bits is as good.

    Points without a finite quality or rate are left out. Two qualities at one rate both stay: that is what a codec
    does that goes on without loss.

    Examples
    --------
    >>> front([(2.0, 40.0), (1.0, 35.0), (2.5, 39.0), (3.0, math.inf)])
    [(1.0, 35.0), (2.0, 40.0)]
    """
    finite = sorted({(rate, db) for rate, db in points if rate > 0 and math.isfinite(rate) and math.isfinite(db)})
    kept: Curve = []
    for rate, db in finite:
        if not kept or db > kept[-1][1]:
            kept.append((rate, db))
    return kept


def bd_rate(anchor: Iterable[tuple[float, float]], other: Iterable[tuple[float, float]]) -> DeltaRate:
    """Return what `other` needs beside `anchor`, at equal quality, on average over the qualities that both have.

    The logarithm of the rate is interpolated over quality by monotone cubic pieces (PCHIP), which do not overshoot
    as Bjontegaard's cubic polynomial does (VCEG-M33, 2001), and both are integrated over the common range. Only the
    points that are worth having count (`front`).

    Examples
    --------
    >>> curve = [(2.0 ** (db / 6), db) for db in (34.0, 37.0, 40.0, 43.0)]
    >>> round(bd_rate(curve, [(0.9 * rate, db) for rate, db in curve]).percent, 9)
    -10.0
    """
    curves = [front(anchor), front(other)]
    for name, curve in zip(("the anchor", "the codec"), curves, strict=True):
        if len(curve) < 2:
            return DeltaRate(math.nan, why=f"{name} has {len(curve)} useful point{'s'[: len(curve) != 1]}")
    low, high = max(curve[0][1] for curve in curves), min(curve[-1][1] for curve in curves)
    if high - low < LEAST_OVERLAP_DB:
        return DeltaRate(math.nan, why=f"the curves share {max(0.0, high - low):.2g} dB of quality")
    means = []
    for curve in curves:
        rates, qualities = np.transpose(curve)
        means.append(float(PchipInterpolator(qualities, np.log(rates)).integrate(low, high)) / (high - low))
    return DeltaRate(100 * math.expm1(means[1] - means[0]), low, high)
