"""Where the transforms with convolutions of 5 x 5 pixels start: as wavelet packets, which code well untrained.

From random weights a network needs a million steps to become better than a wavelet. Orthogonal filters fit into the
kernels: Daubechies' of four taps where five pixels are halved, Haar's where three slices are. Each layer splits the
bands of the layer before and keeps those of lowest frequency; the other channels start at random, with weights of zero
behind them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

ROOT = math.sqrt(3)
LOW = tuple(x / (4 * math.sqrt(2)) for x in (1 + ROOT, 3 + ROOT, 3 - ROOT, 1 - ROOT))
HALF = math.sqrt(0.5)
FILTERS = {
    (5, 2): ((0.0, *LOW), (0.0, LOW[3], -LOW[2], LOW[1], -LOW[0])),
    (3, 2): ((0.0, HALF, HALF), (0.0, HALF, -HALF)),
    (3, 1): ((0.0, 1.0, 0.0),),
}
"""Low and high filter of an axis by the length and the stride of its kernel; one filter where it is not halved."""
NEARLY_LINEAR = 1e-3
"""Diagonal of the weights of GDN at the start."""
GAIN = 27.0
"""Of orthonormal coefficients at quality 5: their quantisation then costs what the quality asks for."""
QUIET = 0.1
"""Factor of the random weights of channels that carry no band."""

Band = tuple[int, ...]
"""Frequency of a band along each axis, in units of the bandwidth."""


def split(bands: list[Band], filters: Sequence[int], most: int) -> tuple[list[Band], list[tuple[int, Band]]]:
    """Return the bands of the next layer, at most `most` of the lowest, and the parent and the filters of each.

    A band that is itself a high half came out mirrored: its halves change places.

    Parameters
    ----------
    bands : list of Band
    filters : sequence of int
        How many filters each axis has: two where it is halved, otherwise one.
    most : int

    Examples
    --------
    >>> split([(0, 0)], (1, 2), 4)
    ([(0, 0), (0, 1)], [(0, (0, 0)), (0, (0, 1))])
    """
    found = []
    for parent, band in enumerate(bands):
        for chosen in itertools.product(*(range(count) for count in filters)):
            axes = zip(band, chosen, filters, strict=True)
            finer = tuple(2 * f + (high ^ (f & 1)) if count == 2 else f for f, high, count in axes)
            found.append((sum(f * f for f in finer), finer, (parent, chosen)))
    found.sort()
    return [band for _, band, _ in found[:most]], [origin for _, _, origin in found[:most]]


def start_as_wavelets(network: Any) -> bool:
    """Give transforms of convolutions 5 pixels wide, with gains behind them, their start; say if they are such."""
    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    analysis, synthesis = (
        [layer for layer in transform if isinstance(layer, kinds) and layer.kernel_size[-1] == 5]
        for transform in (network.g_a[0], network.g_s[1])
    )
    if not analysis:
        return False
    bands: list[Band] = [(0,) * len(analysis[0].kernel_size)]
    with torch.no_grad():
        for forward, back in zip(analysis, reversed(synthesis), strict=True):
            filters = [FILTERS[size] for size in zip(forward.kernel_size, forward.stride, strict=True)]
            before = len(bands)
            bands, origins = split(bands, [len(pair) for pair in filters], forward.out_channels)
            for layer in (forward, back):
                layer.weight *= QUIET
                layer.bias.zero_()
            forward.weight[: len(bands)] = 0
            back.weight[:, :before] = 0
            for number, (parent, chosen) in enumerate(origins):
                taps = _kernel([pair[high] for pair, high in zip(filters, chosen, strict=True)])
                forward.weight[number, parent] = taps
                back.weight[number, parent] = taps
        for normalisation in (*network.g_a[0], *network.g_s[1]):
            if hasattr(normalisation, "gamma_reparam"):
                eye = torch.eye(normalisation.gamma.shape[0])
                normalisation.gamma.copy_(normalisation.gamma_reparam.init(NEARLY_LINEAR * eye))
        for scale, sign in ((network.g_a[1], 1), (network.g_s[0], -1)):
            scale.logs += sign * math.log(GAIN) - scale.logs[4].mean()
    return True


def _kernel(taps: Sequence[Sequence[float]]) -> Tensor:
    """Return the outer product of the filters of all axes."""
    return reduce(lambda a, b: a[..., None] * b, (torch.tensor(axis) for axis in taps))
