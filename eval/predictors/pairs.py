"""Pairs of input and target read from ``pairs.csv``, with what is padding, and which part a pair may be used for."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.images import read_planes
from eval.predictors.normalisation import target_scale, to_unit

Image = NDArray[Any]
Region = tuple[slice, slice]

HELD_OUT_GROUPS = ("jan_404", "feb_402", "june25_503", "nkratio_505", "april28")
"""Groups that no network ever sees: results are reported on them, and nothing is chosen by them."""
CHOOSING_GROUPS = ("jan_504", "june25_400")
"""Training groups that are set aside to choose the best weights of a run."""
TARGET_LIMITS = (-0.25, 2.0)
"""Normalised targets end here: debris is not worth more than nuclei."""
GAP = 48
"""Samples left out between the parts of a single field that is split in space."""


@dataclass(frozen=True)
class Pair:
    """One field of view, input and target of the same plane.

    Attributes
    ----------
    name, group
        File name of the input, and the group that is never split between training and tests.
    raw
        (Y, X) or (Z, Y, X), as read.
    target
        (Y, X), as read.
    valid
        (Y, X) bool: no padding in input or target.
    input_name
        Of the input channel.
    training, choosing, testing
        Regions of the plane for each purpose; None for none.
    """

    name: str
    group: str
    raw: Image
    target: Image
    valid: Image
    input_name: str = ""
    training: Region | None = None
    choosing: Region | None = None
    testing: Region | None = None

    def normalised_target(self) -> Image:
        """Return the target as float32, its background 0 and its bright parts 1."""
        low, high = target_scale(self.target, self.valid)
        return np.asarray(np.clip((self.target - low) / (high - low), *TARGET_LIMITS), np.float32)

    def normalised_input(self, image: Image, low: float, high: float) -> Image:
        """Return the raw or a decoded input on the scale of networks; `low, high` are those of the raw one."""
        if image.shape != self.raw.shape:
            raise ValueError(f"{self.name}: the decoded image has shape {image.shape}, the raw one {self.raw.shape}")
        return to_unit(image, low, high)


def valid_samples(*planes: Image) -> Image:
    """Return where no plane is padded: all but the outer rows and columns of zeros that registered images have.

    Examples
    --------
    >>> valid_samples(np.array([[0, 0, 0], [0, 5, 0], [0, 7, 3]])).astype(int)
    array([[0, 0, 0],
           [0, 1, 1],
           [0, 1, 1]])
    """
    valid = np.ones(planes[0].shape, bool)
    for plane in planes:
        rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
        if not rows.size:
            return np.zeros_like(valid)
        inside = np.zeros_like(valid)
        inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        valid &= inside
    return valid


def read_pairs(
    data: Path,
    target_name: str,
    ndim: int = 2,
    held_out: Collection[str] = HELD_OUT_GROUPS,
    choosing: Collection[str] = CHOOSING_GROUPS,
) -> list[Pair]:
    """Return every pair with a target of that name, split by group.

    Where all pairs are of one group, its field is split in space instead: the right quarter is for tests, the lower
    part of the rest for choosing, `GAP` samples lie between.

    Parameters
    ----------
    data : Path
        The folder that holds ``pairs.csv`` and the files it names.
    target_name : str
    ndim : int
        For 3 the input is the stack of all files that differ from the named one in its last number alone.
    held_out, choosing : collection of str
        Groups kept for tests and for choosing weights.

    Raises
    ------
    ValueError
        If no pair has that target, a channel is not in its file, images of a pair differ in size, or no group is
        left for training.
    """
    table = data / "pairs.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [row for row in rows if row["target_name"] == target_name]
    if not wanted:
        names = sorted({row["target_name"] for row in rows})
        raise ValueError(f"no pair in {table} has the target {target_name!r}; there are: {', '.join(names)}")
    single = len({row["group"] for row in wanted}) == 1
    found = []
    for row in wanted:
        raw = read_input(data, row, ndim)
        target = channel(data / row["target"], int(row["target_channel"]))
        if raw.shape[-2:] != target.shape:
            raise ValueError(
                f"{row['input']} has planes of {raw.shape[-2:]} samples, its target {row['target']} of {target.shape}"
            )
        parts: dict[str, Region] = split_in_space(target.shape) if single else {}
        if not single:
            part = "testing" if row["group"] in held_out else "choosing" if row["group"] in choosing else "training"
            parts[part] = (slice(0, target.shape[0]), slice(0, target.shape[1]))
        planes = [target, *raw] if ndim == 3 else [target, raw]
        valid = valid_samples(*planes)
        found.append(Pair(Path(row["input"]).name, row["group"], raw, target, valid, channel_name(data, row), **parts))
    if not any(pair.training for pair in found):
        raise ValueError(
            f"no group is left for training; all of {sorted({pair.group for pair in found})} are set aside"
        )
    return found


def split_in_space(shape: Sequence[int]) -> dict[str, Region]:
    """Return the regions of one field: training top left, choosing below it, tests in the right quarter.

    Examples
    --------
    >>> split_in_space((1024, 1024))["testing"]
    (slice(0, 1024, None), slice(768, 1024, None))
    """
    height, width = shape
    right, lower = 3 * width // 4, 3 * height // 4
    left = slice(0, right - GAP)
    return {
        "training": (slice(0, lower - GAP), left),
        "choosing": (slice(lower, height), left),
        "testing": (slice(0, height), slice(right, width)),
    }


def channel(path: Path, index: int) -> Image:
    """Return one plane of a file.

    Raises
    ------
    ValueError
        If the file has no such plane.
    """
    planes = read_planes(path)
    if not 0 <= index < len(planes):
        raise ValueError(f"{path.name} has {len(planes)} channels, no channel {index}")
    return planes[index]


def channel_name(data: Path, row: dict[str, str]) -> str:
    """Return the name of the input channel: as the JSON beside the file has it, or the name of the file."""
    described = (data / row["input"]).with_suffix(".json")
    if described.exists():
        return str(json.loads(described.read_text())["channels"][int(row["input_channel"])])
    return re.sub(r"_?[zt]?\d*$", "", Path(row["input"]).stem) or Path(row["input"]).stem


def read_input(data: Path, row: dict[str, str], ndim: int) -> Image:
    """Return the input of a row of the table: one plane, or the stack that the plane belongs to."""
    path, index = data / row["input"], int(row["input_channel"])
    if ndim == 2:
        return channel(path, index)
    stem, number = re.fullmatch(r"(.*?)(\d*)", path.stem).groups()  # type: ignore[union-attr] # matches every name
    if not number:
        raise ValueError(f"{path.name} has no number at its end, so that it is no plane of a stack")
    files = [each for each in path.parent.iterdir() if re.fullmatch(rf"{re.escape(stem)}\d+{path.suffix}", each.name)]
    planes = [channel(each, index) for each in sorted(files, key=lambda each: int(each.stem.removeprefix(stem)))]
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1:
        raise ValueError(f"the planes of the stack of {path.name} differ in size: {sorted(shapes)}")
    return np.stack(planes)
