"""Between the measured points of one image: rate at a quality, quality at a rate, in the logarithm of the rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from eval.bd_rate import Curve, front

REACH_DB = 0.25
"""How far beyond its ends a curve of PSNR goes on: a search ends within 0.1 dB of what it was asked for."""
CHORD_DB = 1.0
"""There it goes on as straight as from the end to the next point at least so far away."""


def rate_at(points: Iterable[tuple[float, float]], quality: float, reach: float = 0.0) -> float:
    """Return the bits per pixel at a quality in dB, nan beyond the measured points; only useful points count (`front`).

    Parameters
    ----------
    points
        (bits per pixel, quality) of one codec on one image.
    quality
        In dB.
    reach
        So far beyond an end the curve goes on, straight.

    Examples
    --------
    >>> round(rate_at([(1.0, 30.0), (4.0, 40.0)], 35.0), 9)
    2.0
    """
    curve = front(points)
    if not curve or not curve[0][1] - reach <= quality <= curve[-1][1] + reach:
        return math.nan
    if len(curve) == 1:
        return curve[0][0]
    logs, qualities = np.log([rate for rate, _ in curve]), np.array([db for _, db in curve])
    inside = float(np.clip(quality, qualities[0], qualities[-1]))
    found = float(PchipInterpolator(qualities, logs)(inside))
    if quality != inside:
        end = 0 if quality < inside else -1
        away = np.flatnonzero(np.abs(qualities - qualities[end]) >= CHORD_DB)
        if away.size:
            other = away[0 if end == 0 else -1]
            found += (quality - inside) * (logs[end] - logs[other]) / (qualities[end] - qualities[other])
    return math.exp(found)


def quality_at(points: Iterable[tuple[float, float]], rate: float) -> float:
    """Return the quality at a rate in bits per pixel, nan beyond the measured points; only useful points count."""
    return float(qualities_at(front(points), [rate])[0])


def qualities_at(curve: Curve, rates: Sequence[float]) -> NDArray[np.float64]:
    """Return the qualities of a curve at many rates, nan beyond it."""
    wanted = np.asarray(rates, float)
    if len(curve) < 2:
        return np.full(wanted.shape, math.nan)
    known, qualities = np.transpose(curve)
    values = PchipInterpolator(np.log(known), qualities, extrapolate=False)(np.log(wanted))
    return np.asarray(values, float)
