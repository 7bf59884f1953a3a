"""A trained auto-encoder: weights and statistics of its codes, loaded once a process, the same on every thread."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zarr_neural.errors import ModelError
from zarr_neural.fork import ForkSafeLock
from zarr_neural.zoo.autoencoders.codes import QUANTILES, Statistics
from zarr_neural.zoo.autoencoders.networks import Autoencoder, build
from zarr_neural.zoo.one_thread import one_thread
from zarr_neural.zoo.weights import locate, read_weights, sha256, write_weights

FORMAT = "zarr_neural.autoencoder.1"
MOST_LOADED = 4
_loaded: OrderedDict[str, Model] = OrderedDict()
_lock = ForkSafeLock()


@dataclass(frozen=True)
class Model:
    """A network that is only evaluated, one image at a time on one thread: sums then have one order.

    Attributes
    ----------
    network : Autoencoder
    statistics : Statistics
        Of the codes of its training images.
    metadata : dict of str
        What its file says of how it came to be.
    """

    network: Autoencoder
    statistics: Statistics
    metadata: dict[str, str]

    @property
    def side(self) -> int:
        """Side of the images in pixels."""
        return self.network.side

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return codes (N, elements) of images (N, side, side)."""
        with one_thread():
            codes = [self.network.encode(_scaled(image))[0].flatten().numpy() for image in images]
        return np.stack(codes)

    def decode(self, codes: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return images (N, side, side) of codes (N, elements), rounded to grey levels."""
        images = []
        with one_thread():
            for code in codes:
                given = torch.from_numpy(np.array(code)).reshape(1, *self.network.code_shape)
                images.append(self.network.decode(given)[0, 0].numpy())
        levels = np.nan_to_num(np.stack(images), nan=0.0)
        return np.asarray(np.rint(np.clip(levels, 0, 1) * np.float32(255)), np.uint8)


def _scaled(image: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float32) / np.float32(255))[None, None]


def save(path: Path, description: dict[str, Any], model: Model) -> str:
    """Write a trained network, which `build` makes of `description`, and return the SHA-256 of the file."""
    arrays = {f"network.{name}": value.numpy() for name, value in model.network.state_dict().items()}
    arrays = {name: array.astype(np.int32 if array.dtype == np.int64 else np.float32) for name, array in arrays.items()}
    arrays["code.classes"] = model.statistics.classes
    arrays["code.quantiles"] = model.statistics.quantiles
    words = {"format": FORMAT, "network": json.dumps(description, sort_keys=True)}
    return write_weights(path, arrays, {**model.metadata, **words})


def load(weights: str) -> tuple[str, Model]:
    """Return the SHA-256 and the model of weights, named by SHA-256 or path; read once a process.

    Raises
    ------
    ModelNotFoundError
        Listing the places searched.
    ModelError
        If the file is damaged or holds no auto-encoder.
    """
    path = locate(weights)
    digest = sha256(path)
    with _lock:
        if digest not in _loaded:
            _loaded[digest] = _read(path)
            while len(_loaded) > MOST_LOADED:
                _loaded.popitem(last=False)
        _loaded.move_to_end(digest)
        return digest, _loaded[digest]


def _read(path: Path) -> Model:
    arrays, metadata = read_weights(path)
    if metadata.get("format") != FORMAT:
        raise ModelError(f"{path} is of the format {metadata.get('format')!r}, expected {FORMAT!r}")
    try:
        network = build(json.loads(metadata["network"]))
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path} does not describe its network: {error}") from error
    classes, quantiles = arrays.pop("code.classes", None), arrays.pop("code.quantiles", None)
    elements = int(np.prod(network.code_shape))
    if classes is None or quantiles is None or classes.shape != (elements,):
        raise ModelError(f"{path} says nothing of the {elements} elements of its codes")
    if quantiles.shape != (int(classes.max()) + 1, QUANTILES + 1) or classes.min() < 0 or np.diff(quantiles).min() < 0:
        raise ModelError(f"{path} holds impossible statistics of codes: shape {quantiles.shape}")
    state = {name.removeprefix("network."): torch.from_numpy(array.copy()) for name, array in arrays.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"{path} does not hold the weights of its network: {error}") from error
    return Model(network.eval().requires_grad_(False), Statistics(classes, quantiles), metadata)
