"""A sheet for the eye: crops of original and decoded images at one rate, and their differences amplified."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from eval.images import Image, spread
from eval.lossy_codecs import ANCHORS
from eval.lossy_ours import NAME as OURS
from eval.matched import OnePlane, Search
from eval.subjects import Subject
from zarr_neural.zoo.classical import LossyCodec

SIDE = 160
"""Side of a crop, in pixels."""
MOST_IMAGES = 6
RATE_DB = 37.0
"""The rate is that at which JPEG 2000 has this PSNR: loss that an eye can find."""
LEAST_RATE = 0.15
"""Bits per pixel that a picture has at least: below, some codecs have no setting."""
INK = "#222222"


@dataclass(frozen=True)
class Decoded:
    """One codec's picture of an image at the common rate."""

    codec: str
    image: Image
    bits_per_pixel: float
    psnr_db: float


def shown_codecs(codecs: Sequence[LossyCodec]) -> list[LossyCodec]:
    """Return the codecs of the sheet: ours, then the anchors; where ours is missing, one more of the others."""
    there = [codec for codec in codecs if not codec.missing]
    own = [codec for codec in there if codec.name.startswith(OURS)]
    anchors = [codec for name in ANCHORS for codec in there if codec.name == name]
    others = [codec for codec in there if codec not in own and codec not in anchors]
    return own + anchors if own else anchors + others[:1]


def at_common_rate(subject: Subject, codecs: Sequence[LossyCodec]) -> list[Decoded]:
    """Return what the codecs make of an image at the rate at which the first anchor has 37 dB, or 0.15 bits/px."""
    planes = {
        codec.name: OnePlane(codec, subject.image, subject.data_range)
        for codec in codecs
        if not codec.why_not(subject.image)
    }
    searches = {name: Search(plane.codec.settings, plane.measure) for name, plane in planes.items()}
    reference = searches.get(ANCHORS[0]) or next(iter(searches.values()))
    nearest = min(reference.nearest(RATE_DB), key=lambda trial: abs(trial.psnr_db - RATE_DB))
    nbytes = max(float(nearest.nbytes), LEAST_RATE * subject.image.size / 8)
    result = []
    for name, search in searches.items():
        trial = search.at_rate(nbytes)
        rate = 8 * trial.nbytes / subject.image.size
        result.append(Decoded(name, planes[name].decoded(trial.setting), rate, trial.psnr_db))
    return result


def busiest(image: Image) -> tuple[slice, slice]:
    """Return the crop with the most structure: where means over 4 x 4 pixels vary most about their neighbours."""
    rows, columns = (max(1, side // 4) for side in image.shape)
    coarse = image[: 4 * rows, : 4 * columns].astype(np.float64)
    coarse = coarse.reshape(rows, -1, columns, coarse.shape[1] // columns).mean(axis=(1, 3))
    low, high = np.percentile(coarse, (1, 99))
    coarse = np.clip(coarse, low, high)
    best, found = -1.0, (0, 0)
    for y in range(0, max(1, image.shape[0] - SIDE + 1), SIDE // 4):
        for x in range(0, max(1, image.shape[1] - SIDE + 1), SIDE // 4):
            part = coarse[y // 4 : (y + SIDE) // 4, x // 4 : (x + SIDE) // 4]
            steps = float(np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean())
            if steps > best:
                best, found = steps, (y, x)
    y, x = found
    return slice(y, y + SIDE), slice(x, x + SIDE)


def draw_row(axes: Sequence[Axes], subject: Subject, pictures: Sequence[Decoded]) -> None:
    """Draw the original, what each codec made of it, and the differences at one gain."""
    crop = busiest(subject.image)
    original = subject.image[crop].astype(np.float64)
    low, high = np.percentile(original, (0.2, 99.8))
    window = max(high - low, 1.0)
    differences = [picture.image[crop] - original for picture in pictures]
    largest = max(float(np.percentile(np.abs(difference), 99.5)) for difference in differences)
    gain = _nice(0.5 * window / max(largest, 1e-9))
    bits = 8 * subject.image.itemsize
    axes[0].set_title(f"{subject.set}: original", fontsize=10, color=INK)
    axes[0].set_xlabel(f"{bits} bit; black {low:.0f}, white {high:.0f}", fontsize=8)
    axes[0].imshow(original, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    count = (len(axes) - 1) // 2
    for axis, picture in zip(axes[1 : 1 + count], pictures, strict=False):
        axis.imshow(picture.image[crop], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axis.set_title(picture.codec, fontsize=10, color=INK)
        axis.set_xlabel(f"{picture.bits_per_pixel:.3f} bits/px, {picture.psnr_db:.2f} dB", fontsize=8)
    for axis, picture, difference in zip(axes[1 + count :], pictures, differences, strict=False):
        axis.imshow(gain * difference, cmap="gray", vmin=-window / 2, vmax=window / 2, interpolation="nearest")
        axis.set_title(f"{picture.codec} − original", fontsize=10, color=INK)
        axis.set_xlabel(f"difference × {gain:g}, grey is 0", fontsize=8)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        if not axis.images:
            axis.set_visible(False)


def _nice(value: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, ... that is not above `value`."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(step * power for step in (5, 2, 1) if step * power <= value * (1 + 1e-9))


def draw_sheet(subjects: Sequence[Subject], codecs: Sequence[LossyCodec], path: Path) -> None:
    """Draw the sheet: one image of each set, at most six sets, a row each; held-out ones where there are any."""
    fair = [subject for subject in subjects if not subject.seen] or subjects
    first = list({subject.set: subject for subject in fair}.values())
    chosen = [first[i] for i in spread(len(first), MOST_IMAGES)]
    columns = shown_codecs(codecs)
    width = 1 + 2 * len(columns)
    figure = matplotlib.figure.Figure(figsize=(2.25 * width, 2.75 * len(chosen) + 0.7), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"The same bits for every codec, those of JPEG 2000 at {RATE_DB:g} dB but at least {LEAST_RATE:g} per pixel. "
        f"{SIDE} × {SIDE} pixels where the image is busiest; bits per pixel and PSNR are of the whole image.",
        fontsize=11,
        color=INK,
    )
    axes = figure.subplots(len(chosen), width, squeeze=False)
    for row, subject in zip(axes, chosen, strict=True):
        draw_row(row, subject, at_common_rate(subject, columns))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
