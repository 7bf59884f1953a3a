"""CompressAI's own networks, for colour pictures, from its published files of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from zarr_neural.errors import ModelError

from .grey_networks import CLASSES
from .library import load_pretrained


def rgb_network(name: str, path: Path) -> Any:
    """Return a network as a coder, with the weights of a file.

    Raises
    ------
    ModelError
        If the file holds no weights of this architecture.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network = CLASSES[name].from_state_dict(load_pretrained(state.get("state_dict", state)))
    except Exception as error:  # torch raises errors of many kinds for files that are not its own
        raise ModelError(f"{path} holds no weights of {name}: {error}") from error
    network.eval().requires_grad_(False)
    network.update()
    return network
