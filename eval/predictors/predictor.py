"""Prediction over dask arrays: lazy, tile by tile, and the same as that of the whole image.

Tiles overlap by as much as an output sample can see (`Architecture.halo`), and begin on the grid of the network's
cells, so that a tile's inner part equals the prediction of the whole plane but for the rounding of sums: there is no
seam to blend. Blending would be needed with smaller overlaps, and hide their disagreement.
"""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from eval.predictors.architectures import Architecture, architecture_of
from eval.predictors.model_file import Description, read_model
from eval.predictors.normalisation import to_unit

TILE_SIDES = {2: (768, 768), 3: (64, 192, 192)}
"""Largest tile, without its overlap, unless the caller names one: some hundred megabytes of features at width 16."""

_networks: dict[str, Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Predictor:
    """A trained network, as its configuration alone: weights are read once by every process that predicts.

    Attributes
    ----------
    path
        Of the model file; every process that computes must find it there.
    id
        SHA-256 of the file.
    description
        What it says of itself.
    """

    path: str
    id: str
    description: Description

    @property
    def architecture(self) -> str:
        """``fnet2d``, ``pix2pix`` or ``fnet3d``."""
        return self.description.architecture

    @property
    def input_name(self) -> str:
        """Name of the input channel."""
        return self.description.input_name

    @property
    def target_name(self) -> str:
        """Name of the predicted channel."""
        return self.description.target_name

    @property
    def trained_on(self) -> str:
        """``raw``, or the words of the codec that the inputs of the training went through."""
        return self.description.trained_on

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups that it was trained on."""
        return self.description.groups

    @property
    def ndim(self) -> int:
        """2 for planes, 3 for volumes."""
        return architecture_of(self.architecture).ndim

    def predict(self, image: da.Array, low: float, high: float, tile: int | tuple[int, ...] | None = None) -> da.Array:
        """Return the prediction for an image, lazily.

        Parameters
        ----------
        image : (Y, X) or (Z, Y, X) dask array
            Raw or decoded samples; of `ndim` axes.
        low, high : float
            What `normalisation` says of the raw image.
        tile : int or tuple of int, optional
            Largest side of a tile in samples, for all axes or for each; rounded to whole cells, at least one overlap.

        Returns
        -------
        float32 dask array of the same shape
            0 is the background of the target, 1 its bright parts. Of a volume, the mean over Z predicts the target.

        Raises
        ------
        ValueError
            If the image has other axes, or `high` does not exceed `low`.
        """
        architecture = architecture_of(self.architecture)
        image = da.asarray(image)
        if image.ndim != architecture.ndim or 0 in image.shape:
            axes = "(Z, Y, X)" if architecture.ndim == 3 else "(Y, X)"
            raise ValueError(f"{self.architecture} predicts images with axes {axes}, found shape {image.shape}")
        if not high > low:
            raise ValueError(f"high must exceed low, found low = {low}, high = {high}")
        sides = TILE_SIDES[architecture.ndim] if tile is None else tile
        sides = (sides,) * architecture.ndim if isinstance(sides, int) else sides
        chunks = tuple(tile_sides(n, side, architecture) for n, side in zip(image.shape, sides, strict=True))
        halo = {axis: architecture.halo if len(sides) > 1 else 0 for axis, sides in enumerate(chunks)}
        tiles = da.overlap.overlap(image.rechunk(chunks), halo, boundary="none", allow_rechunk=False)
        return da.map_blocks(
            predict_tile, tiles, predictor=self, low=low, high=high, chunks=chunks, dtype=np.float32,
            meta=np.empty((0,) * image.ndim, np.float32), name=None,
        )  # fmt: skip


def tile_sides(size: int, largest: int, architecture: Architecture) -> tuple[int, ...]:
    """Return sides of tiles that fill an axis: equal multiples of a cell, but for the last.

    No tile but a single one is smaller than the overlap.

    Examples
    --------
    >>> tile_sides(1000, 400, architecture_of("fnet2d"))
    (336, 336, 328)
    """
    cell, halo = architecture.cell, architecture.halo
    number = -(-size // max(largest, halo))
    side = max(halo, -(-size // (number * cell)) * cell)
    sides = [side] * (size // side) + ([size % side] if size % side else [])
    if len(sides) > 1 and sides[-1] < halo:
        last = sides.pop()
        sides[-1] += last
    return tuple(sides)


def predict_tile(
    samples: NDArray[Any], predictor: Predictor, low: float, high: float, block_info: Any = None
) -> NDArray[np.float32]:
    """Return the prediction for the inner part of a tile with its overlaps."""
    here, halo = block_info[0], architecture_of(predictor.architecture).halo
    predicted = predict_whole(predictor, samples, low, high)
    inner = tuple(
        slice(halo if place else 0, -halo if place + 1 < number else None)
        for place, number in zip(here["chunk-location"], here["num-chunks"], strict=True)
    )
    return np.ascontiguousarray(predicted[inner])


def predict_whole(predictor: Predictor, samples: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Return the prediction for an array in memory, in one piece, on one thread."""
    torch = importlib.import_module("torch")  # needed where prediction runs, not where it is planned
    torch.set_num_threads(1)  # tasks of the scheduler are what runs in parallel
    cell = architecture_of(predictor.architecture).cell
    given = np.pad(to_unit(samples, low, high), [(0, -side % cell) for side in samples.shape], mode="edge")
    with torch.inference_mode():
        predicted = network_of(predictor)(torch.from_numpy(given)[None, None])[0, 0].numpy()
    return np.asarray(predicted[tuple(slice(0, side) for side in samples.shape)])


def network_of(predictor: Predictor) -> Any:
    """Return the network of a predictor, read once in this process.

    Raises
    ------
    ValueError
        If the file is not the one that the predictor was loaded from.
    """
    with _lock:
        if predictor.id not in _networks:
            torch = importlib.import_module("torch")
            networks = importlib.import_module("eval.predictors.networks")
            found, weights, description = read_model(Path(predictor.path))
            if found != predictor.id:
                raise ValueError(f"the model {predictor.path} has SHA-256 {found}, expected {predictor.id}")
            architecture = architecture_of(description.architecture)
            network = networks.FNet(architecture.ndim, description.width, architecture.depth)
            state = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
            counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
            missing, unexpected = network.load_state_dict(state, strict=False)
            if set(missing) - counters or unexpected:
                raise ValueError(f"{predictor.path} is not of {description.architecture}, width {description.width}")
            _networks[predictor.id] = network.eval()
        return _networks[predictor.id]


def load(path: str | Path) -> Predictor:
    """Return the predictor of a model file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no model of label-free prediction.
    """
    identity, _, description = read_model(Path(path))
    architecture_of(description.architecture)
    return Predictor(str(Path(path).resolve()), identity, description)
