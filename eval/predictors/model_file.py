"""Model files of label-free prediction: float32 weights as safetensors, and what the weights are as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ModelError
from zarr_neural.models.safetensors import read_safetensors
from zarr_neural.zoo.weights import write_weights

FORMAT = "eval.label_free.v1"
MEMBER = "label_free"
"""Of the metadata of a safetensors file."""


@dataclass(frozen=True)
class Description:
    """What a model file says of itself.

    Attributes
    ----------
    architecture, width
        Of the network.
    input_name, target_name
        Channels.
    trained_on
        ``raw``, or the words of the codec that inputs went through.
    groups, choosing, held_out
        Groups that it was trained on, that its best step was chosen by, and that it never saw.
    split
        In words how training and tests are kept apart.
    output
        What a predicted sample of 0 and of 1 stand for, and for volumes how they relate to the target plane.
    steps, best_step, seed
        Of the training.
    command
        That trains it again.
    """

    architecture: str
    width: int
    input_name: str
    target_name: str
    trained_on: str
    groups: tuple[str, ...]
    choosing: tuple[str, ...]
    held_out: tuple[str, ...]
    split: str
    output: str
    steps: int
    best_step: int
    seed: int
    command: str


def write_model(path: Path, weights: Mapping[str, NDArray[Any]], description: Description) -> str:
    """Write a model file and return its SHA-256; equal content gives equal bytes."""
    text = json.dumps({"format": FORMAT, **asdict(description)}, sort_keys=True)
    return write_weights(path, weights, {MEMBER: text})


def read_model(path: Path) -> tuple[str, dict[str, NDArray[np.float32]], Description]:
    """Return the SHA-256, the weights and the description of a model file.

    Raises
    ------
    ValueError
        If the file is no model of label-free prediction.
    """
    data = path.read_bytes()
    try:
        weights, metadata = read_safetensors(data, {"F32": "<f4"})
        members = json.loads(metadata[MEMBER])
    except (ModelError, ValueError, KeyError) as error:
        raise ValueError(f"{path.name} is no model of label-free prediction: {error}") from error
    wanted = {"format", *(field.name for field in fields(Description))}
    if set(members) != wanted or members.pop("format") != FORMAT:
        raise ValueError(f"{path.name}: expected format {FORMAT} with {sorted(wanted)}, found {sorted(members)}")
    members = {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}
    return hashlib.sha256(data).hexdigest(), weights, Description(**members)
