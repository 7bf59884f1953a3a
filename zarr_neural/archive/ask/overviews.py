"""What an overview is promised: to err no more than its own noise, which the mean of four pixels halves at every level.

A loss that hides in the noise of the full resolution would stand out in an overview, where averaging has taken the
noise away and not the loss. So the promise shrinks with the noise: a bound or a mean error is cut to the noise of the
image (measured once, at its brightness in the middle) and halved at every level; a noise model has its variances
divided by four. What comes to less than a grey level, or cannot be measured, is stored losslessly.
"""

from __future__ import annotations

import math
from dataclasses import replace

from zarr_neural.archive.ask.request import Request
from zarr_neural.chunk import NoiseModel
from zarr_neural.chunk.fidelity import LEAST_RMSE

_LOSSLESS = Request()
_SIX_DIGITS = 6


def of_overview(asked: Request, number: int, sigma: float | None) -> Request:
    """Return the promise of level `number` of an image whose full resolution has the promise `asked`.

    Parameters
    ----------
    asked : Request
        Resolved: of method "lossless", "max_error", "noise" or "rmse".
    number : int
        0 is the full resolution.
    sigma : float or None
        Standard deviation of the noise of the full resolution in grey levels, None where it is not known.
    """
    if number == 0 or asked.method == "lossless":
        return asked
    shrink = 2.0**number
    value = asked.value or 0.0
    if asked.method == "noise":
        model = asked.model
        if model is not None:
            model = NoiseModel(model.gain / shrink**2, model.offset, model.read_noise / shrink)
        return replace(asked, value=min(value, 1.0), model=model)
    if sigma is None:
        return _LOSSLESS
    allowed = min(value, sigma) / shrink
    if asked.method == "max_error":
        return replace(asked, value=float(math.floor(allowed))) if allowed >= 1 else _LOSSLESS
    if allowed < LEAST_RMSE:
        return _LOSSLESS
    return replace(asked, value=float(f"{allowed:.{_SIX_DIGITS}g}"), max_error=None)
