"""What a lossy codec is to the evaluation: a small frozen record, whose one number sets the error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Stream = bytes | bytearray

U8, U16 = "uint8", "uint16"
BOTH = frozenset({U8, U16})


@dataclass(frozen=True)
class Prepared:
    """An image in the form that a codec is given, and the way back.

    Attributes
    ----------
    plane
        What the codec encodes.
    restore
        From what it decodes to an image of the original dtype.
    span
        Largest minus smallest value of `plane`.
    depth_bits
        Bits per sample that the codec is told of; 0 where it is told nothing.
    """

    plane: Image
    restore: Callable[[Image], Image]
    span: float
    depth_bits: int = 0


@dataclass(frozen=True)
class Settings:
    """The range of a codec's setting, from the largest error to the smallest.

    Attributes
    ----------
    worst, best
        Setting of the largest and of the smallest error; `best` may be the smaller number.
    log
        Whether equal ratios, not equal differences, are equal steps of quality.
    whole
        Whether settings are whole numbers.

    Examples
    --------
    >>> distance = Settings(16.0, 0.01, log=True)
    >>> distance.at(0.5)
    0.4
    >>> round(distance.position(0.4), 12)
    0.5
    """

    worst: float
    best: float
    log: bool = False
    whole: bool = False

    def at(self, position: float) -> float:
        """Return the setting at `position`, 0 for the worst and 1 for the best, rounded to 7 digits."""
        position = min(1.0, max(0.0, position))
        low, high = (math.log(self.worst), math.log(self.best)) if self.log else (self.worst, self.best)
        value = low + position * (high - low)
        value = math.exp(value) if self.log else value
        return float(round(value)) if self.whole else float(f"{value:.7g}")

    def position(self, setting: float) -> float:
        """Return where between 0 and 1 a setting stands."""
        if self.log:
            return math.log(setting / self.worst) / math.log(self.best / self.worst)
        return (setting - self.worst) / (self.best - self.worst)


Prepare = Callable[[Image], Prepared]


@dataclass(frozen=True)
class LossyCodec:
    """A lossy codec for one 2D plane of unsigned integers.

    The time of `prepare` and of `Prepared.restore` is never counted: only `compress` and `expand` are measured.

    Attributes
    ----------
    name
        The name in tables and on the command line.
    options
        What was chosen besides the setting, in the words of the library.
    setting
        What the setting is, in words.
    settings
        Its range.
    prepare
        From an image to what the codec encodes.
    compress
        A prepared image and a setting to bytes.
    expand
        Bytes and the prepared image (for shape and dtype alone) to a plane.
    dtypes
        Names of the dtypes that it takes.
    refused
        Why it does not take a dtype, by the dtype's name.
    missing
        Why the codec is not available here; empty if it is.
    """

    name: str
    options: str
    setting: str
    settings: Settings
    prepare: Prepare
    compress: Callable[[Prepared, float], Stream]
    expand: Callable[[Stream, Prepared], Image]
    dtypes: frozenset[str] = BOTH
    refused: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""

    def encode(self, image: Image, setting: float) -> Stream:
        """Return the stream of an image."""
        return self.compress(self.prepare(image), setting)

    def decode(self, stream: Stream, like: Image) -> Image:
        """Return the image in a stream; `like` is the original, which knows shape, dtype and range."""
        prepared = self.prepare(like)
        return prepared.restore(self.expand(stream, prepared))

    def why_not(self, image: Image) -> str:
        """Return why the codec cannot code an image, or nothing."""
        if self.missing or image.dtype.name in self.dtypes:
            return self.missing
        return self.refused.get(image.dtype.name, f"takes no {image.dtype.name}")


def rounded(values: Image, like: Image) -> Image:
    """Return `values` as integers of the dtype of `like`, within its smallest and largest value."""
    return np.asarray(np.clip(np.rint(values), like.min(), like.max()), like.dtype)


def as_it_is(image: Image) -> Prepared:
    """Give the codec the pixels themselves."""
    return Prepared(image, lambda decoded: decoded.reshape(image.shape), float(np.ptp(image)), 8 * image.itemsize)


def unit_floats(image: Image) -> Prepared:
    """Give the codec float32 from 0 to 1, the image's smallest and largest value; decoded values are rounded."""
    low, span = float(image.min()), float(np.ptp(image))
    plane = ((image - low) / max(span, 1.0)).astype(np.float32)

    def restore(decoded: Image) -> Image:
        return rounded(decoded.reshape(image.shape).astype(np.float64) * max(span, 1.0) + low, image)

    return Prepared(plane, restore, 1.0)


def stretched(image: Image, depth_bits: int, margin: float = 0.0) -> Prepared:
    """Give the codec the image's range over the full scale of a depth, `margin` of the scale free on each side.

    Quantisers that are fixed for a dtype then set the same quality whatever part of the scale an image uses.
    """
    low, span = float(image.min()), max(1.0, float(np.ptp(image)))
    top = 2**depth_bits - 1
    reach = 1 - 2 * margin
    plane = np.rint(((image - low) / span * reach + margin) * top).astype(np.uint8 if depth_bits <= 8 else np.uint16)

    def restore(decoded: Image) -> Image:
        values = (decoded.reshape(image.shape).astype(np.float64) / top - margin) / reach
        return rounded(values * span + low, image)

    return Prepared(plane, restore, top * reach, depth_bits)


def absent(name: str) -> str:
    """Return why the codec that imagecodecs calls `name` cannot be used here; nothing where it can."""
    found = getattr(imagecodecs, name, None)
    return "" if found is not None and found.available else f"imagecodecs {imagecodecs.__version__} has no {name}"
