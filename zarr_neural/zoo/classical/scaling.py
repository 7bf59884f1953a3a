"""How samples become what a codec is given, and the way back: whole numbers that a header can hold.

Quantisers of most codecs are made for the full scale of a dtype. To be fair to them an image is brought to the scale
that a codec is good at, and back. All of it is described by a `Scale`, so that chunks are restored without the image.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream.fields import unzigzag, zigzag
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError

Image = NDArray[Any]


@dataclass(frozen=True)
class Scale:
    """What ties the samples that a codec decodes to those of the image.

    Attributes
    ----------
    dtype
        Of the image.
    low, high
        The range of values that is brought to the codec's scale; decoded values are clipped to it. Integers, but for
        floating-point images.
    offset
        What the scaling had to choose besides; 0 for most.
    """

    dtype: np.dtype[Any]
    low: float
    high: float
    offset: int = 0

    @property
    def span(self) -> float:
        """Largest minus smallest value; 1 where they are equal."""
        return self.high - self.low or 1

    def rounded(self, values: Image) -> Image:
        """Return `values` in the image's dtype, within low and high, integers rounded."""
        whole = np.rint(values) if self.dtype.kind in "iu" else values
        return np.clip(whole, self.low, self.high).astype(self.dtype)

    def parameters(self) -> tuple[int, ...]:
        """Return the scale, but for the dtype, as unsigned integers; floats by their bits."""
        if self.dtype.kind in "iu":
            ends = (zigzag(int(self.low)), zigzag(int(self.high)))
        else:
            ends = struct.unpack("<2Q", struct.pack("<2d", self.low, self.high))
        return (*ends, zigzag(self.offset))

    @classmethod
    def from_parameters(cls, dtype: np.dtype[Any], parameters: Sequence[int]) -> Scale:
        """Return the scale of `parameters`; the inverse of the method of that name.

        Raises
        ------
        DamagedChunkError
            If they are no scale of that dtype.
        """
        if len(parameters) != 3:
            raise DamagedChunkError("parameters of a scale", expected=3, found=len(parameters))
        low: float
        high: float
        if dtype.kind in "iu":
            low, high = (unzigzag(value) for value in parameters[:2])
            limits = np.iinfo(dtype)
            sound = limits.min <= low <= high <= limits.max
        else:
            low, high = struct.unpack("<2d", struct.pack("<2Q", *parameters[:2]))
            sound = math.isfinite(low) and math.isfinite(high) and low <= high
        if not sound:
            raise DamagedChunkError(f"range of {dtype} samples", expected="low <= high", found=f"{low} to {high}")
        return cls(dtype, low, high, unzigzag(parameters[2]))


def scale_of(image: Image, low: float | None = None, high: float | None = None) -> Scale:
    """Return the scale from `low` to `high`, by default from the image's smallest to its largest value.

    Raises
    ------
    UnsupportedInputError
        If values lie outside of low to high (they would be lost), or are not finite.
    """
    smallest, largest = image.min().item(), image.max().item()
    if not (math.isfinite(smallest) and math.isfinite(largest)):
        raise UnsupportedInputError("samples that are not finite (nan or infinity) are not taken")
    low = smallest if low is None else low
    high = largest if high is None else high
    if smallest < low or largest > high:
        raise UnsupportedInputError(
            f"values {smallest} to {largest} lie outside of the stated range {low} to {high}; the range must be that "
            "of the whole image, the fill value of chunks at its edge included"
        )
    if image.dtype.kind in "iu":
        limits = np.iinfo(image.dtype)
        low, high = max(math.floor(low), int(limits.min)), min(math.ceil(high), int(limits.max))
    return Scale(image.dtype, low, high)


@dataclass(frozen=True)
class Prepared:
    """An image in the form that a codec is given.

    Attributes
    ----------
    plane
        What the codec encodes.
    scale
        From which the image is restored.
    span
        Difference in `plane` of what stands for the largest and for the smallest value of the scale.
    depth_bits
        Bits per sample that the codec is told of; 0 where it is told nothing.
    """

    plane: Image
    scale: Scale
    span: float
    depth_bits: int = 0


@dataclass(frozen=True)
class Scaling:
    """A way to bring images to the scale that a codec is good at.

    Attributes
    ----------
    apply
        From an image (..., Y, X) and its scale to what is encoded; it may set the scale's offset.
    restore
        From decoded samples and the scale to an image of the original dtype.
    """

    apply: Callable[[Image, Scale], Prepared]
    restore: Callable[[Image, Scale], Image]

    def prepare(self, image: Image, low: float | None = None, high: float | None = None) -> Prepared:
        """Return what is encoded of an image, see `scale_of`."""
        return self.apply(image, scale_of(image, low, high))


AS_IT_IS = Scaling(
    lambda image, scale: Prepared(image, scale, float(scale.span), 8 * image.itemsize), lambda decoded, scale: decoded
)
"""Gives the codec the pixels themselves."""


def _unit(image: Image, scale: Scale) -> Prepared:
    # floats of opposite ends of their range are further apart than float32 goes
    return Prepared(((image.astype(np.float64) - scale.low) / scale.span).astype(np.float32), scale, 1.0)


def _from_unit(decoded: Image, scale: Scale) -> Image:
    return scale.rounded(decoded.astype(np.float64) * scale.span + scale.low)


UNIT_FLOATS = Scaling(_unit, _from_unit)
"""Gives the codec float32 from 0 to 1, the lowest and highest value; decoded values are rounded for integers."""


def stretched(depth_bits: int, margin: float = 0.0) -> Scaling:
    """Give the codec the image's range over the full scale of a depth, `margin` of the scale free on each side.

    Quantisers that are fixed for a dtype then set the same quality whatever part of the scale an image uses.
    """
    top = 2**depth_bits - 1
    reach = 1 - 2 * margin

    def apply(image: Image, scale: Scale) -> Prepared:
        part = (image - float(scale.low)) / scale.span
        plane = np.rint((part * reach + margin) * top).astype(np.uint8 if depth_bits <= 8 else np.uint16)
        return Prepared(plane, scale, top * reach, depth_bits)

    def restore(decoded: Image, scale: Scale) -> Image:
        values = (decoded.astype(np.float64) / top - margin) / reach
        return scale.rounded(values * scale.span + scale.low)

    return Scaling(apply, restore)
