"""What was lost: errors between the source and what reads back, per channel, exact sums for integer images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.check.spread import RANGE, WINDOW, percentiles, spread

Tally = dict[str, Any]


@dataclass(frozen=True)
class ChannelError:
    """Measured over one channel of the full resolution.

    `max_error` and `rmse` in grey levels; `psnr_db` against the channel's own range (between the percentiles 0.05 and
    99.95), None where nothing was lost; `window` from the percentile 0.1 to 99.9 of the source. Range and window are of
    the full resolution alone.
    """

    channel: int
    max_error: float
    rmse: float
    psnr_db: float | None
    window: tuple[float, float] = (0.0, 0.0)


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


def with_levels(tallies: Iterable[Tally], source: npt.NDArray[Any], axis: int | None, first: int) -> list[Tally]:
    """Return the tallies of the blocks of a region as one for each channel, with where its grey levels lie.

    Parameters
    ----------
    tallies : iterable of dict
        Of the blocks, see `tally`.
    source : ndarray
        The whole region.
    axis, first
        As of `tally`.
    """
    joined: dict[int, Tally] = {}
    for entry in tallies:
        there = joined.setdefault(entry["c"], {"c": entry["c"], "n": 0, "max": 0, "sq": 0})
        there |= {"n": there["n"] + entry["n"], "max": max(there["max"], entry["max"]), "sq": there["sq"] + entry["sq"]}
    for channel, entry in joined.items():
        entry["levels"] = spread(source if axis is None else source.take(channel - first, axis))
    return list(joined.values())


def _sums(source: npt.NDArray[Any], decoded: npt.NDArray[Any]) -> Tally:
    number: type = float if source.dtype.kind == "f" else int
    sums: Tally = {"n": source.size, "max": number(0), "sq": number(0)}
    if np.array_equal(source, decoded, equal_nan=source.dtype.kind == "f"):
        return sums
    if source.dtype.kind == "f":
        same = (source == decoded) | (np.isnan(source) & np.isnan(decoded))
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.where(same, 0.0, np.abs(source.astype(np.float64) - decoded.astype(np.float64)))
            error = np.where(np.isnan(error), np.inf, error)
            return sums | {"max": float(error.max()), "sq": float((error * error).sum())}
    if source.dtype.itemsize == 8:  # modulo 2 ** 64 the smaller from the larger is exact, with or without sign
        larger, smaller = np.maximum(source, decoded), np.minimum(source, decoded)
        error = np.subtract(larger.view(np.uint64), smaller.view(np.uint64)).astype(np.float64)
        return sums | {"max": float(error.max()), "sq": float((error * error).sum())}
    wide = np.abs(np.subtract(source, decoded, dtype=np.int32 if source.dtype.itemsize <= 2 else np.int64))
    return sums | {"max": int(wide.max()), "sq": _sum_of_squares(wide)}


def _sum_of_squares(errors: npt.NDArray[Any]) -> int:
    """Exact: what would not fit into 64 bits is squared in two halves, (h * 65536 + l) ** 2."""
    if int(errors.max()) ** 2 * errors.size < 2**63:
        return int(np.square(errors, dtype=np.int64).sum())
    high, low = errors >> 16, errors & 0xFFFF
    parts = (int((high * high).sum()), int((high * low).sum()), int((low * low).sum()))
    return (parts[0] << 32) + (parts[1] << 17) + parts[2]


def combine(tallies: Iterable[Tally]) -> list[ChannelError]:
    """Return the error of every channel from the tallies of all blocks, in any order for integer images."""
    channels: dict[int, list[Tally]] = {}
    for entry in tallies:
        channels.setdefault(entry["c"], []).append(entry)
    errors = []
    for channel, entries in sorted(channels.items()):
        parts = [e["levels"] for e in entries if "levels" in e]
        low, high, dark, bright = percentiles(parts, (*RANGE, *WINDOW))
        squares = [entry["sq"] for entry in entries]
        mean = _sum(squares) / sum(e["n"] for e in entries)
        decibel = None
        if 0 < mean < math.inf and 0 < high - low < math.inf:
            decibel = round(20 * math.log10(high - low) - 10 * math.log10(mean), 3)
        worst = max(e["max"] for e in entries)
        errors.append(ChannelError(channel, worst, math.sqrt(mean), decibel, (dark, bright)))
    return errors


def _sum(squares: list[Any]) -> Any:
    """Exact for integers; of floats the same in any order, and infinite where it is beyond them."""
    if all(isinstance(square, int) for square in squares):
        return sum(squares)
    most = max(squares)
    return most * math.fsum(square / most for square in squares) if 0 < most < math.inf else most
