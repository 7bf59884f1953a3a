"""Chunks as planes or volumes of samples 0..1 and back: the intensity map, and the padding that networks ask for."""

from __future__ import annotations

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
        """Return the map of a chunk: from its own least and largest value where `low` or `high` are not given.

        Raises
        ------
        UnsupportedInputError
            If the chunk holds no integers of 8 or 16 bits.
        """
        if chunk.dtype.name not in DTYPES:
            raise UnsupportedInputError(f"dtype {chunk.dtype} is not taken; there are: {', '.join(DTYPES)}")
        limits = np.iinfo(chunk.dtype)
        least = int(chunk.min()) if low is None else int(np.clip(np.floor(low), limits.min, limits.max))
        most = int(chunk.max()) if high is None else int(np.clip(np.ceil(high), limits.min, limits.max))
        return cls(chunk.dtype, min(least, most), most)

    def to_unit(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Return samples as 0..1."""
        clipped = np.clip(samples.astype(np.float64), self.low, self.high)
        return ((clipped - self.low) / max(self.high - self.low, 1)).astype(np.float32)

    def from_unit(self, unit: NDArray[np.float32]) -> NDArray[Any]:
        """Return the nearest grey levels of samples 0..1."""
        levels = np.rint(unit.astype(np.float64) * (self.high - self.low)) + self.low
        found: NDArray[Any] = np.clip(levels, self.low, self.high).astype(self.dtype)
        return found


def check_range(low: float | None, high: float | None) -> None:
    """Raise ConfigurationError where a given range is empty."""
    if low is not None and high is not None and not low < high:
        raise ConfigurationError(f"low is {low!r} and high is {high!r}: low must be the smaller one")


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
