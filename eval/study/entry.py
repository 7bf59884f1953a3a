"""What a codec is to a study: how it is made for one image, and at which points of its setting it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zarr_neural.chunk import NoiseModel
from zarr_neural.zoo.classical.record import Settings

OURS, CLASSICAL, LEARNED, AS_IN_THE_STUDY, LOSSLESS = "ours", "classical", "learned", "as in the study", "lossless"


@dataclass(frozen=True)
class Given:
    """What a codec is told of an image: its range, the range that counts, and the noise of its camera.

    Attributes
    ----------
    low, high
        Smallest and largest value of the whole channel: all its chunks are coded with the same step.
    data_range
        Range of the pixels that count, against which PSNR is measured.
    noise
        Noise model of the channel; None where it was not measured.
    """

    low: float
    high: float
    data_range: float
    noise: NoiseModel | None = None


Make = Callable[[float, Given], Any]
"""From a setting to a numcodecs codec."""


@dataclass(frozen=True)
class Point:
    """One point of a codec's setting: what it is called in results, and the setting."""

    label: str
    setting: float


@dataclass(frozen=True)
class Entry:
    """One codec of a study.

    Attributes
    ----------
    name
        On the command line and in tables.
    kind
        "ours", "classical", "learned", "as in the study" or "lossless".
    setting
        What the setting is, in words.
    make
        From a setting and what is known of the image to a numcodecs codec.
    points
        Where it is measured; none where the settings are searched.
    settings
        Range in which settings are searched that meet an error.
    chunk
        Largest chunk that it is given along the trailing axes; none for that of the study.
    ndim
        Axes of the images that it is for; 0 for any.
    dtypes
        Names of the dtypes that it takes; none for any.
    noise
        Whether it is told the noise of the camera.
    missing
        Why it is not available here; empty if it is.
    """

    name: str
    kind: str
    setting: str
    make: Make
    points: tuple[Point, ...] = ()
    settings: Settings | None = None
    chunk: tuple[int, ...] = ()
    ndim: int = 0
    dtypes: frozenset[str] = frozenset()
    noise: bool = False
    missing: str = ""
