"""Networks at work: loaded once a process, one plane or volume of samples 0..1 to streams and back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zarr_neural.errors import DamagedChunkError, ModelError
from zarr_neural.zoo.one_thread import one_thread
from zarr_neural.zoo.weights import read_weights

from .architectures import VOLUME
from .grey_networks import coding, grey_network, load
from .rgb_networks import rgb_network
from .speedups import speed_up
from .volume_networks import FACTORS, VolumeFactorizedPrior

CACHED = 16
"""Networks that a process keeps."""


class Coder:
    """One network, which runs on one thread (`one_thread`)."""

    def __init__(self, network: Any, factors: tuple[int, ...]) -> None:
        self.network, self.factors = network, factors
        self.streams = 2 if hasattr(network, "gaussian_conditional") else 1

    def compress(self, unit: NDArray[np.float32]) -> list[bytes]:
        """Return the streams of samples (channels, ...), whose sides are multiples that the network divides."""
        with one_thread():
            return [strings[0] for strings in self.network.compress(torch.from_numpy(unit)[None])["strings"]]

    def decompress(self, strings: Sequence[bytes], sides: Sequence[int]) -> NDArray[np.float32]:
        """Return samples (channels, ...) of streams.

        Raises
        ------
        DamagedChunkError
            If the entropy decoder refuses them.
        """
        shape = tuple(side // factor for side, factor in zip(sides, self.factors, strict=True))
        with one_thread():
            try:
                found = self.network.decompress([[string] for string in strings], shape)["x_hat"]
            except RuntimeError as error:
                raise DamagedChunkError(f"the streams of a plane cannot be decoded ({error})") from error
        return np.asarray(found[0].numpy())


@functools.lru_cache(maxsize=CACHED)
def grey_coder(name: str, metric: str, quality: int, path: Path, digest: str) -> Coder:
    """Return the coder of a file of weights trained here; `digest` is what the file was found to have.

    Raises
    ------
    ModelError
        If the file is not one of this architecture.
    """
    network = _trained(path, name, metric, lambda widths: grey_network(name, widths))
    network = speed_up(coding(network, quality))
    return Coder(network, _factors(network))


@functools.lru_cache(maxsize=CACHED)
def volume_coder(metric: str, quality: int, path: Path, digest: str) -> Coder:
    """Return the coder of volumes of a file of weights, as `grey_coder` does that of planes."""
    network = _trained(path, VOLUME, metric, lambda widths: VolumeFactorizedPrior(*widths))
    return Coder(coding(network, quality), FACTORS)


@functools.lru_cache(maxsize=CACHED)
def rgb_coder(name: str, path: Path, digest: str) -> Coder:
    """Return the coder of a file of weights of CompressAI's; `digest` is what the file was found to have."""
    network = speed_up(rgb_network(name, path))
    return Coder(network, _factors(network))


def _factors(network: Any) -> tuple[int, int]:
    """Pixels of each axis to one of the innermost latents."""
    return (64, 64) if hasattr(network, "gaussian_conditional") else (16, 16)


def _trained(path: Path, name: str, metric: str, build: Callable[[tuple[int, ...]], Any]) -> Any:
    """Return the network of a file, for a metric; its widths are read off gains and first layer."""
    arrays, metadata = read_weights(path)
    if metadata.get("architecture") != name:
        raise ModelError(f"{path} holds weights of {metadata.get('architecture')}, expected {name}")
    try:
        m = arrays[f"{metric}/g_a.1.logs"].shape[1]
        first = arrays.get(f"{metric}/g_a.0.0.weight")
        return load(build((m,) if first is None else (first.shape[0], m)), arrays, metric)
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{path} lacks a tensor, or has one of another shape: {error}") from error
