"""What a lossy codec is: a small frozen record, whose one number sets the error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zarr_neural.zoo.classical.scaling import Image, Prepared, Scale, Scaling

Stream = bytes | bytearray

EIGHT_BITS = frozenset({"uint8", "int8"})
INTEGERS = EIGHT_BITS | {"uint16", "int16"}


def _nothing() -> str:
    return ""


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


@dataclass(frozen=True)
class LossyCodec:
    """A lossy codec for one 2D plane.

    The time of preparing and restoring is never counted: only `compress` and `expand` are measured.

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
    scaling
        From an image to what the codec encodes, and back.
    compress
        A prepared plane and a setting to bytes.
    expand
        Bytes and the plane's shape to decoded samples, of as many pixels.
    dtypes
        Names of the dtypes that it takes.
    refused
        Why it does not take a dtype, by the dtype's name.
    unavailable
        Returns why the codec is not available here; nothing if it is.
    """

    name: str
    options: str
    setting: str
    settings: Settings
    scaling: Scaling
    compress: Callable[[Prepared, float], Stream]
    expand: Callable[[Stream, tuple[int, ...]], Image]
    dtypes: frozenset[str] = INTEGERS
    refused: Mapping[str, str] = field(default_factory=dict)
    unavailable: Callable[[], str] = _nothing

    @property
    def missing(self) -> str:
        """Why the codec is not available here; empty if it is."""
        return self.unavailable()

    def prepare(self, image: Image, low: float | None = None, high: float | None = None) -> Prepared:
        """Return what the codec encodes of an image whose values lie within low to high (default: its own range)."""
        return self.scaling.prepare(image, low, high)

    def restore(self, stream: Stream, shape: tuple[int, ...], scale: Scale) -> Image:
        """Return the plane in a stream, given its shape and the scale of what was prepared."""
        return self.scaling.restore(self.expand(stream, shape).reshape(shape), scale)

    def why_not(self, image: Image) -> str:
        """Return why the codec cannot code an image, or nothing."""
        if self.missing or image.dtype.name in self.dtypes:
            return self.missing
        return self.refused.get(image.dtype.name, f"takes no {image.dtype.name}")
