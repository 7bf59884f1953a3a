"""What results rest on, for their notes and for the journal: command, versions, groups, and the hashes of models."""

from __future__ import annotations

import platform
import shlex
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from eval.study.entry import Entry, Given
from eval.study.errors import StudyError
from eval.study.image import StudyImage
from eval.study.journal import Journal
from eval.study.plan import Plan

LIBRARIES = ("zarr-neural", "zarr", "numcodecs", "imagecodecs", "numpy", "scikit-image", "dask")
ANY = Given(0, 1000, 1000)
"""An image's range; what a codec is made of does not depend on it."""


def identity(plan: Plan) -> dict[str, Any]:
    """Return what the rows of a plan depend on beside their keys."""
    return {
        "images": [store_identity(image) for image in plan.images],
        "input": plan.input,
        "target": plan.target,
        "target_stores": None if plan.target_stores is None else plan.target_stores.name,
        "segment": plan.segment,
        "mask": plan.mask,
        "chunk": list(plan.chunk),
        "ssim_tiles": plan.most_tiles,
        "zarr_neural": version("zarr-neural"),
    }


def store_identity(image: StudyImage) -> list[Any]:
    """Return what tells an image from another of the same name."""
    return [image.name, image.component, list(image.shape), image.dtype.name]


def made_of(entry: Entry) -> list[str]:
    """Return the models of a codec by their hashes, those of every point where they differ; none without models."""
    found: list[str] = []
    for setting in [point.setting for point in entry.points] or [entry.settings.at(0.5) if entry.settings else 0.0]:
        codec = entry.make(setting, ANY)
        models = codec.get_config().get("models")
        if models:
            found += models
        elif hasattr(codec, "weights"):
            found.append(str(codec.identity))
    return list(dict.fromkeys(found))


def check_codecs(journal: Journal, entries: Sequence[Entry]) -> None:
    """Note what codecs are made of in a journal, and refuse one that has other models than the journal's rows.

    Raises
    ------
    StudyError
        A codec has other models now.
    """
    for entry in entries:
        key, now = ("codec", entry.name), made_of(entry)
        known = journal.get(key)
        if known is None:
            journal.add(key, now)
        elif known != now:
            raise StudyError(
                f"{entry.name} has the models {now}, the journal was begun with {known}: choose another --out"
            )


def command_of(context: typer.Context) -> str:
    """Return the command as it was given, files and folders by their names alone."""
    words = ["python", "-m", "eval", str(context.info_name)]
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[str(parameter.name)]
        option = [parameter.opts[0]] if parameter.param_type_name == "option" else []
        if value is True:
            words += option
            continue
        for one in value if isinstance(value, list) else [value]:
            words += [*option, one.name if isinstance(one, Path) else str(one)]
    return shlex.join(words)


def notes(plan: Plan, missing: Sequence[Entry], command: str) -> list[str]:
    """Return what a reader of the results must know: command, versions, groups, models, what was left out."""
    groups = Counter(image.group for image in plan.images)
    models = {entry.name: made_of(entry) for entry in plan.entries}
    return [
        f"command: {command}",
        "versions: " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        f"python {platform.python_version()}, {platform.machine()}",
        "groups (images): " + ", ".join(f"{name} ({count})" for name, count in groups.items()),
        f"chunks: equal parts of about {' x '.join(map(str, plan.chunk))}; target PSNR: "
        + ", ".join(f"{target:g}" for target in plan.targets_db),
        *(f"models of {name}: {', '.join(hashes)}" for name, hashes in models.items() if hashes),
        *(
            f"predictor {predictor.id}: {predictor.architecture}, trained on {predictor.trained_on}, "
            f"{predictor.description.split}, groups {', '.join(predictor.groups)}"
            for predictor in plan.predictors
        ),
        *(f"left out: {entry.name}: {entry.missing}" for entry in missing),
    ]


def not_held_out(plan: Plan) -> list[str]:
    """Return a sentence for each predictor that was trained on a group that is studied."""
    groups = {image.group for image in plan.images}
    found = []
    for predictor in plan.predictors:
        known = sorted(groups & {*predictor.groups, *predictor.description.choosing})
        if known:
            found.append(
                f"Model {predictor.id[:12]} was trained on the groups {', '.join(known)}, which are studied here "
                f"({predictor.description.split}): only what that leaves out is new to it."
            )
    return found
