"""What was lost: errors between the source and what reads back, per channel, exact sums for integer images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Tally = dict[str, Any]


@dataclass(frozen=True)
class ChannelError:
    """Measured over one channel of the full resolution.

    `max_error` and `rmse` in grey levels; `psnr_db` against the channel's own range (highest - lowest), None where
    nothing was lost; `lowest` and `highest` grey level of the source.
    """

    channel: int
    max_error: float
    rmse: float
    psnr_db: float | None
    lowest: float
    highest: float


def tally(source: npt.NDArray[Any], decoded: npt.NDArray[Any], axis: int | None, first: int) -> list[Tally]:
    """Return counts and sums of a block per channel (JSON), to be joined by `combine`.

    Parameters
    ----------
    source, decoded : ndarray
        The same block before and after; same shape and dtype. NaN against NaN is no error.
    axis : int or None
        The channel axis, None where there is none.
    first : int
        Channel number of the first entry along `axis`.
    """
    if axis is None:
        return [{"c": first, **_sums(source, decoded)}]
    count = source.shape[axis]
    return [{"c": first + i, **_sums(source.take(i, axis), decoded.take(i, axis))} for i in range(count)]


def _sums(source: npt.NDArray[Any], decoded: npt.NDArray[Any]) -> Tally:
    number: type = float if source.dtype.kind == "f" else int
    finite = source[np.isfinite(source)] if source.dtype.kind == "f" else source
    low, high = (number(finite.min()), number(finite.max())) if finite.size else (number(0), number(0))
    sums: Tally = {"n": source.size, "max": number(0), "sq": number(0), "lo": low, "hi": high}
    if np.array_equal(source, decoded, equal_nan=source.dtype.kind == "f"):
        return sums
    if source.dtype.kind == "f" or source.dtype.itemsize == 8:
        same = (source == decoded) | (np.isnan(source) & np.isnan(decoded)) if number is float else source == decoded
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.where(same, 0.0, np.abs(source.astype(np.float64) - decoded.astype(np.float64)))
        error = np.where(np.isnan(error), np.inf, error)
        worst = float(error.max())
        return sums | {"max": worst, "sq": float((error * error).sum()) if math.isfinite(worst) else worst}
    wide = np.abs(np.subtract(source, decoded, dtype=np.int32 if source.dtype.itemsize <= 2 else np.int64))
    return sums | {"max": int(wide.max()), "sq": int(np.square(wide, dtype=np.int64).sum())}


def combine(tallies: Iterable[Tally]) -> list[ChannelError]:
    """Return the error of every channel from the tallies of all blocks, in any order for integer images."""
    channels: dict[int, list[Tally]] = {}
    for entry in tallies:
        channels.setdefault(entry["c"], []).append(entry)
    errors = []
    for channel, entries in sorted(channels.items()):
        low, high = min(e["lo"] for e in entries), max(e["hi"] for e in entries)
        squares = [entry["sq"] for entry in entries]
        mean = (sum(squares) if isinstance(squares[0], int) else math.fsum(squares)) / sum(e["n"] for e in entries)
        decibel = None
        if mean > 0 and high > low and math.isfinite(mean):
            decibel = round(10 * math.log10((high - low) ** 2 / mean), 3)
        errors.append(ChannelError(channel, max(e["max"] for e in entries), math.sqrt(mean), decibel, low, high))
    return errors
