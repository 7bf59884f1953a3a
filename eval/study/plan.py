"""What a study is asked for, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.study.entry import Entry
from eval.study.errors import StudyError
from eval.study.image import Channel, StudyImage, images_of
from eval.study.valid import Valid, valid_of

TARGETS_DB = (25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0)
Progress = Callable[[str, int, int], None]
"""Called with (what was finished, pieces done, pieces in all)."""


@dataclass(frozen=True)
class Plan:
    """Everything that the user may decide.

    Attributes
    ----------
    images, entries
        What is coded, and with what.
    input, target, segment
        Channels, by label or index: what is coded and predicted from, what predictions are compared with, and the
        fluorescence whose nuclei are counted. The input is the first channel unless one is named.
    target_stores
        Folder of stores of the same names that hold the target; None where it is a channel of the images.
    predictors
        Trained predictors (`eval.predictors`).
    mask
        Label image of the pixels that count; None for "valid" where there is one.
    targets_db
        PSNR that searched codecs are brought to.
    rate
        Bits per pixel that they are brought to for the pictures.
    pictures
        Of so many images, the first ones, pictures are kept.
    chunk
        Sides of the chunks of work stores along the trailing axes.
    most_tiles
        Similarities over at most so many tiles of an image; None for all.
    work, out
        Folders of the work stores and of the results.
    keep
        Whether work stores stay.
    """

    images: list[StudyImage]
    entries: list[Entry]
    work: Path
    out: Path
    input: str | None = None
    target: str | None = None
    target_stores: Path | None = None
    segment: str | None = None
    predictors: list[Any] = field(default_factory=list)
    mask: str | None = None
    targets_db: tuple[float, ...] = TARGETS_DB
    rate: float = 0.5
    pictures: int = 2
    chunk: tuple[int, ...] = (1024, 1024)
    most_tiles: int | None = None
    keep: bool = False


@dataclass(frozen=True)
class Channels:
    """The channels of one image that a plan names, and the pixels that count."""

    input: Channel
    valid: Valid
    target: Channel | None = None
    segment: Channel | None = None


def channels_of(plan: Plan, image: StudyImage) -> Channels:
    """Return the channels of an image.

    Raises
    ------
    StudyError
        One is not there, or the image has no room for what is asked.
    """
    channels = Channels(
        image.channel(0 if plan.input is None else plan.input),
        valid_of(image, plan.mask),
        None if plan.target is None else _beside(plan, image).channel(plan.target),
        None if plan.segment is None else image.channel(plan.segment),
    )
    if plan.predictors and channels.target is None:
        raise StudyError("predictions are compared with a channel: name it with --target")
    shape = channels.input.shape
    if channels.target is not None and channels.target.shape not in (shape, shape[-2:]):
        raise StudyError(
            f"{image.name}: the target {channels.target.name} has shape {channels.target.shape}, the input "
            f"{channels.input.name} has {shape}"
        )
    return channels


def _beside(plan: Plan, image: StudyImage) -> StudyImage:
    """Return the image that holds the target of another one."""
    if plan.target_stores is None:
        return image
    found = {other.name: other for other in images_of(plan.target_stores / image.path.name)}
    if image.name not in found:
        raise StudyError(f"{image.name}: {plan.target_stores.name} has {', '.join(found)} instead")
    return found[image.name]


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be carried out, before anything is coded.

    Raises
    ------
    StudyError
        An image lacks a channel or has other axes than a predictor takes; or there is nothing to measure.
    """
    if not plan.images:
        raise StudyError("name at least one store")
    for image in plan.images:
        found = channels_of(plan, image)
        if found.input.ndim == 2 and min(found.input.shape) < 16:
            raise StudyError(f"{image.name}: {found.input.shape} pixels are too few: expected at least 16 a side")
        for predictor in plan.predictors:
            if predictor.ndim != found.input.ndim:
                raise StudyError(
                    f"{image.name}: {predictor.architecture} takes {predictor.ndim} axes, the channel has shape "
                    f"{found.input.shape}"
                )
