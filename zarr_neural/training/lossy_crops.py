"""Crops of pictures, each with a quantiser step, that the networks of path Y learn from; pictures they never see.

The transform and its features know no offset and no gain of the intensities but the steps themselves, so that crops
keep their own. Real noise is kept; a part of the crops is altered as for path L (`augment`).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .augment import altered
from .data import Picture
from .lossy_gains import step_for

SIDES = (128, 256, 512)
MIN_SIDE = 48
DECIBELS = (24.0, 54.0)  # of the peak signal to noise ratio that a step gives, about
LEAST_WIDTH = 0.5  # grey levels: finer steps would be nearly lossless
VALIDATION_GROUPS = frozenset((
    "brightfield-timelapse", "ExampleFly", "ExampleStraightenWorms", "rat_hippocampal_neuron", "scanR_datatype_issue",
    "two_spots_noisy_uneven_background", "polyp", "large_noisy_nuclei",
))  # fmt: skip
VALIDATION_FILES = ("ch00012", "phase_z09", "O18f00", "c_elegans_em_z0010", "W0002--P001--T00015")


@dataclass(frozen=True)
class Crop:
    """Samples, uint16 from 0 up to `top`, and the step to quantise them with, in the units of the format."""

    kind: str
    samples: NDArray[np.uint16]
    top: int
    step: int


def is_validation(picture: Picture) -> bool:
    """Say whether a picture is held out of training to compare variants: whole groups, or files of the largest ones."""
    return picture.group in VALIDATION_GROUPS or any(part in picture.name for part in VALIDATION_FILES)


def split(pictures: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
    """Return the pictures to train on and those to validate on: none of them held out, the latter all if none is named.

    Raises
    ------
    ValueError
        If no picture is left to train on.
    """
    usable = [p for p in pictures if not p.held_out and min(p.samples.shape) >= MIN_SIDE and np.ptp(p.samples) > 0]
    trained = [p for p in usable if not is_validation(p)]
    if not trained:
        raise ValueError(f"none of {len(pictures)} pictures is left to train on")
    return trained, [p for p in usable if is_validation(p)] or trained


def draw_crop(pictures: Sequence[Picture], seed: int, number: int, plain: float) -> Crop | None:
    """Return crop `number` of the endless sequence of a seed, or None where it came out constant or too small.

    Parameters
    ----------
    pictures : sequence of Picture
        Kinds take turns; within a kind groups and pictures are drawn evenly.
    seed, number : int
    plain : float
        Part of the crops that is only mirrored and turned.
    """
    rng = np.random.default_rng([seed, number, 2])
    groups: dict[str, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        groups[picture.kind][picture.group].append(picture)
    kind = sorted(groups)[number % len(groups)]
    group = sorted(groups[kind])[rng.integers(len(groups[kind]))]
    picture = groups[kind][group][rng.integers(len(groups[kind][group]))]
    side = int(rng.choice(SIDES, p=(0.3, 0.4, 0.3)))
    whole: NDArray[Any] = picture.samples
    if rng.random() >= plain:
        whole = altered(_window(whole, int(2.2 * side), rng), rng)
        kind += "+"
    samples = _window(whole, side, rng)
    samples = np.rot90(samples, int(rng.integers(4)))
    if rng.random() < 0.5:
        samples = samples.T
    # images are coded with a step for all of them: where a crop is dark, it is coarse for the crop
    span = float(np.ptp(whole if rng.random() < 0.5 else samples))
    width = 2 * span / 10 ** (rng.uniform(*DECIBELS) / 20)
    if min(samples.shape) < MIN_SIDE or samples.min() == samples.max():
        return None
    top = int(samples.max())
    return Crop(kind, np.ascontiguousarray(samples, np.uint16), top, step_for(max(width, LEAST_WIDTH), top))


def _window(samples: NDArray[Any], side: int, rng: np.random.Generator) -> NDArray[Any]:
    y, x = (int(rng.integers(max(1, n - side + 1))) for n in samples.shape)
    return samples[y : y + side, x : x + side]


def middle(picture: Picture, side: int) -> Crop:
    """Return the middle of a picture, with a step of one grey level."""
    y, x = (max(0, n - side) // 2 for n in picture.samples.shape)
    samples = np.ascontiguousarray(picture.samples[y : y + side, x : x + side], np.uint16)
    top = max(1, int(samples.max()))
    return Crop(picture.kind, samples, top, step_for(1.0, top))


def rmse_at(decibels: float, samples: NDArray[Any]) -> float:
    """Return the root of the mean squared error that is so many decibels below the range of samples."""
    return float(np.ptp(samples)) / math.pow(10, decibels / 20)
