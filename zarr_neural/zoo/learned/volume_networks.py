"""bmshj2018-factorized for volumes: the same transforms with 3D convolutions and 3D normalisation, one channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (what torch's users call it)
from torch import Tensor, nn

from .grey_networks import gained
from .library import layers, models
from .scale import GainedBottleneck

VOLUME_WIDTHS = (16, 48)
"""Channels inside, and latent channels."""
KERNEL = (3, 5, 5)
STRIDES = ((1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2))
"""Z is halved twice, Y and X four times: stacks have few slices, far apart."""
FACTORS = (4, 16, 16)
"""Voxels of an axis to one latent; sides are padded to multiples of them."""


class GDN3d(layers.GDN):  # type: ignore[misc] # CompressAI is not seen by mypy
    """Generalised divisive normalisation of volumes: CompressAI's layer, whose weights are one matrix, in 3D."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (batch, channels, Z, Y, X), normalised by the power of its channels."""
        channels = x.shape[1]
        gamma = self.gamma_reparam(self.gamma).reshape(channels, channels, 1, 1, 1)
        norm = F.conv3d(x**2, gamma, self.beta_reparam(self.beta))
        return x * (torch.sqrt(norm) if self.inverse else torch.rsqrt(norm))


class VolumeFactorizedPrior(models.FactorizedPrior):  # type: ignore[misc]
    """The factorised prior of Ballé et al. with 3D transforms; its streams are those of the density's own coder."""

    def __init__(self, n: int, m: int) -> None:
        super().__init__(n, m)
        widths = (1, n, n, n, m)
        self.g_a = _transform(widths, STRIDES, inverse=False)
        self.g_s = _transform(widths[::-1], STRIDES[::-1], inverse=True)
        gained(self, m)
        self.entropy_bottleneck = GainedBottleneck(m, self.g_a[1])

    def compress(self, x: Tensor) -> dict[str, Any]:
        """Return streams and shape of the latents of (batch, 1, Z, Y, X): CompressAI's looks at two axes alone."""
        y = self.g_a(x)
        return {"strings": [self.entropy_bottleneck.compress(y)], "shape": y.size()[2:]}


def _transform(widths: Sequence[int], strides: Sequence[tuple[int, ...]], *, inverse: bool) -> nn.Sequential:
    """Convolutions, transposed ones if `inverse`, with a normalisation after each but the last."""
    parts: list[nn.Module] = []
    padding = tuple(side // 2 for side in KERNEL)
    for number, (before, after, stride) in enumerate(zip(widths[:-1], widths[1:], strides, strict=True)):
        if inverse:
            more = tuple(step - 1 for step in stride)
            parts.append(nn.ConvTranspose3d(before, after, KERNEL, stride, padding, more))
        else:
            parts.append(nn.Conv3d(before, after, KERNEL, stride, padding))
        if number < len(strides) - 1:
            parts.append(GDN3d(after, inverse=inverse))
    return nn.Sequential(*parts)
