"""CompressAI's architectures for one channel: the same classes with their first and last layer rebuilt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .architectures import GREY_WIDTHS, LAMBDAS, METRICS
from .library import conv, deconv, layers, models
from .scale import GainedBottleneck, Scale, set_quality

CLASSES = {
    "bmshj2018-factorized": models.FactorizedPrior,
    "bmshj2018-hyperprior": models.ScaleHyperprior,
    "mbt2018-mean": models.MeanScaleHyperprior,
    "mbt2018": models.JointAutoregressiveHierarchicalPriors,
    "cheng2020-anchor": models.Cheng2020Anchor,
    "cheng2020-attn": models.Cheng2020Attention,
}
SHARED = ("h_a", "h_s", "context_prediction", "entropy_parameters")
"""Parts that the networks for both metrics have in common: they are trained for mean squared error alone."""
ATTENTION_PLACES = {"g_a": (0, 1, 2, 4, 5, 6, 7), "g_s": (1, 2, 3, 4, 6, 7, 8, 9)}
"""Where the layers of cheng2020-anchor are in cheng2020-attn, which has blocks of attention between them."""
START_GAIN = 8.0
"""Gain at quality 5 before training; at others it goes with the root of what distortion is worth."""


def grey_network(name: str, widths: tuple[int, ...] | None = None) -> Any:
    """Return an untrained network of an architecture for one channel, with gains for eight qualities."""
    widths = widths or GREY_WIDTHS[name]
    network = CLASSES[name](*widths)
    n, m = widths[0], widths[-1]
    if name.startswith("cheng2020"):
        network.g_a[0] = layers.ResidualBlockWithStride(1, n, stride=2)
        network.g_s[-1] = layers.subpel_conv3x3(n, 1, 2)
    else:
        network.g_a[0] = conv(1, n)
        network.g_s[-1] = deconv(n, 1)
    gained(network, m)
    if name == "bmshj2018-factorized":
        network.entropy_bottleneck = GainedBottleneck(m, network.g_a[1])
    return network


def gained(network: Any, channels: int) -> None:
    """Put gains behind the analysis transform of a network, and their inverses before its synthesis transform."""
    worth = torch.tensor(LAMBDAS["mse"])
    start = math.log(START_GAIN) + 0.5 * torch.log(worth / worth[4])
    network.g_a = nn.Sequential(network.g_a, Scale(channels, start))
    network.g_s = nn.Sequential(Scale(channels, -start), network.g_s)


def file_arrays(network: Any, metric: str) -> dict[str, NDArray[np.float16]]:
    """Return what a file keeps of a network trained for a metric: half-precision arrays by their names in the file."""
    return {
        _file_name(name, metric): parameter.detach().half().numpy()
        for name, parameter in network.named_parameters()
        if not name.endswith("quantiles")  # found anew, by bisection
    }


def load(network: Any, arrays: Mapping[str, NDArray[Any]], metric: str) -> Any:
    """Return the network with the parameters of a file, for a metric.

    Raises
    ------
    KeyError, RuntimeError
        If a tensor is missing, or has another shape.
    """
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.endswith("quantiles"):
                parameter.copy_(_tensor(arrays[_file_name(name, metric)]))
    return network


def warm_start(network: Any, arrays: Mapping[str, NDArray[Any]]) -> int:
    """Copy what has name and shape in common from the file of another architecture, for mean squared error.

    Returns
    -------
    int
        How many tensors were copied.
    """
    copied = 0
    known = {_attention_name(name): array for name, array in arrays.items()} if _attends(network) else arrays
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            found = known.get(_file_name(name, METRICS[0]))
            if found is not None and found.shape == tuple(parameter.shape):
                parameter.copy_(_tensor(found))
                copied += 1
    return copied


def coding(network: Any, quality: int) -> Any:
    """Return the network as a coder of one quality: densities folded, tables of frequencies computed."""
    set_quality(network, quality)
    if isinstance(network.entropy_bottleneck, GainedBottleneck):
        network.entropy_bottleneck = network.entropy_bottleneck.folded()
    network.eval().requires_grad_(False)
    network.update(force=True, update_quantiles=True)
    return network


def _file_name(name: str, metric: str) -> str:
    return f"{'shared' if name.startswith(SHARED) else metric}/{name}"


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def _attends(network: Any) -> bool:
    return isinstance(network, models.Cheng2020Attention)


def _attention_name(name: str) -> str:
    """Return what a tensor of cheng2020-anchor is called in cheng2020-attn."""
    parts = name.split(".")
    transform = parts[0].split("/")[-1]
    if transform not in ATTENTION_PLACES or len(parts) < 4:  # gains have three parts
        return name
    parts[2] = str(ATTENTION_PLACES[transform][int(parts[2])])
    return ".".join(parts)
