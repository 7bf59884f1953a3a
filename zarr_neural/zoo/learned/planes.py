"""Chunks as planes or volumes of samples 0..1 and back: the intensity map, and the padding that networks ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, UnsupportedInputError

DTYPES = ("uint8", "int8", "uint16", "int16")


@dataclass(frozen=True)
class IntensityMap:
    """The line that brings grey levels `low` to `high` to 0 to 1.

    Attributes
    ----------
    dtype
        One of `DTYPES`.
    low, high
        Grey levels. Samples outside are clipped to them, decoded samples lie between them.
    """

    dtype: np.dtype[Any]
    low: int
    high: int

    @property
    def parameters(self) -> tuple[int, int]:
        """The map as two unsigned integers, for the header of a chunk."""
        least = int(np.iinfo(self.dtype).min)
        return self.low - least, self.high - least

    @classmethod
    def of_parameters(cls, dtype: np.dtype[Any], parameters: Sequence[int]) -> IntensityMap:
        """Return the map of a header.

        Raises
        ------
        ValueError
            If the parameters are not those of a map for the dtype.
        """
        limits = np.iinfo(dtype)
        low, high = (int(value) + int(limits.min) for value in parameters)
        if not limits.min <= low <= high <= limits.max:
            raise ValueError(f"grey levels {low} to {high} are none of {dtype}")
        return cls(dtype, low, high)

    @classmethod
    def of_chunk(cls, chunk: NDArray[Any], low: float | None, high: float | None) -> IntensityMap:
        """Return the map of a chunk: from its own least to its largest value where `low` and `high` are not given.

        Raises
        ------
        UnsupportedInputError
            If the chunk holds no integers of 8 or 16 bits, or no grey level of them lies between low and high.
        """
        if chunk.dtype.name not in DTYPES:
            raise UnsupportedInputError(f"dtype {chunk.dtype} is not taken; there are: {', '.join(DTYPES)}")
        if low is None or high is None:
            return cls(chunk.dtype, int(chunk.min()), int(chunk.max()))
        limits = np.iinfo(chunk.dtype)
        least, most = max(math.floor(low), int(limits.min)), min(math.ceil(high), int(limits.max))
        if not least < most:
            raise UnsupportedInputError(f"the stated range {low} to {high} holds no range of {chunk.dtype}")
        return cls(chunk.dtype, least, most)

    def to_unit(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return samples as 0..1."""
        clipped = np.clip(samples.astype(np.float64), self.low, self.high)
        return ((clipped - self.low) / max(self.high - self.low, 1)).astype(np.float32)

    def from_unit(self, unit: NDArray[np.float32]) -> NDArray[Any]:
        """Return the nearest grey levels of samples 0..1."""
        levels = np.rint(unit.astype(np.float64) * (self.high - self.low)) + self.low
        found: NDArray[Any] = np.clip(levels, self.low, self.high).astype(self.dtype)
        return found


def checked_range(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Return a given range.

    Raises
    ------
    ConfigurationError
        If it is empty or not finite, or one end is given alone: a chunk far from that end would have no range left.
    """
    if low is None and high is None:
        return None, None
    try:
        ends = float(low), float(high)  # type: ignore[arg-type] # one of them may be None
        sound = -math.inf < ends[0] < ends[1] < math.inf
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise ConfigurationError(f"low and high are given together, finite, low the smaller one: not {low!r}, {high!r}")
    return ends


def padded_sides(shape: Sequence[int], multiples: Sequence[int]) -> tuple[int, ...]:
    """Return the sides after padding up to multiples.

    Examples
    --------
    >>> padded_sides((1, 65), (64, 64))
    (64, 128)
    """
    return tuple(-(-side // multiple) * multiple for side, multiple in zip(shape, multiples, strict=True))


def padded(unit: NDArray[np.float32], multiples: Sequence[int]) -> NDArray[np.float32]:
    """Return samples mirrored at their far edges up to multiples, again and again where they are narrow.

    Examples
    --------
    >>> padded(np.array([[1, 2, 3]], np.float32), (2, 4)).tolist()
    [[1.0, 2.0, 3.0, 3.0], [1.0, 2.0, 3.0, 3.0]]
    """
    sides = padded_sides(unit.shape, multiples)
    return np.pad(unit, [(0, after - side) for side, after in zip(unit.shape, sides, strict=True)], mode="symmetric")
