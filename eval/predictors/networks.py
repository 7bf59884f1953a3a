"""FNet, the U-Net of label-free prediction in two and three dimensions, and the discriminator of Pix2Pix."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

CONVOLUTION: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def block(ndim: int, kind: Any, inputs: int, outputs: int, **options: Any) -> nn.Sequential:
    """Return a convolution of a kind with batch normalisation and ReLU behind it."""
    return nn.Sequential(kind(inputs, outputs, bias=False, **options), NORM[ndim](outputs), nn.ReLU(inplace=True))


def twice(ndim: int, inputs: int, outputs: int) -> nn.Sequential:
    """Return two 3-wide convolutions of one resolution."""
    first = block(ndim, CONVOLUTION[ndim], inputs, outputs, kernel_size=3, padding=1)
    return nn.Sequential(first, block(ndim, CONVOLUTION[ndim], outputs, outputs, kernel_size=3, padding=1))


class Level(nn.Module):  # type: ignore[misc] # torch has no types here
    """One level of the U-Net: two convolutions, the level of half the resolution, two convolutions on both."""

    def __init__(self, ndim: int, inputs: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.before = twice(ndim, inputs, outputs)
        self.depth = depth
        if depth:
            self.down = block(ndim, CONVOLUTION[ndim], outputs, outputs, kernel_size=2, stride=2)
            self.below = Level(ndim, outputs, 2 * outputs, depth - 1)
            self.up = block(ndim, TRANSPOSED[ndim], 2 * outputs, outputs, kernel_size=2, stride=2)
            self.after = twice(ndim, 2 * outputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features of the resolution of `x`."""
        fine = self.before(x)
        if not self.depth:
            return fine
        coarse = self.up(self.below(self.down(fine)))
        return self.after(torch.cat([fine, coarse], 1))


class FNet(nn.Module):  # type: ignore[misc]
    """The network of Ounkomol et al. (Nature Methods 15, 2018): planes or volumes of one channel to the same.

    Parameters
    ----------
    ndim : int
        2 or 3.
    width : int
        Channels of the finest level; each coarser level has twice as many. The paper has 32.
    depth : int
        How often resolution is halved. The paper has 4.

    Notes
    -----
    Down-sampling has stride 2 and a kernel of 2, so that cells of ``2 ** depth`` samples never overlap. One output
    sample depends on samples at most ``halo(depth)`` away from its cell, and on nothing beyond.
    """

    def __init__(self, ndim: int, width: int, depth: int) -> None:
        super().__init__()
        self.levels = Level(ndim, 1, width, depth)
        self.last = CONVOLUTION[ndim](width, 1, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the prediction for (N, 1, [Z,] Y, X) samples; sides are multiples of ``2 ** depth``."""
        return self.last(self.levels(x))


class PatchDiscriminator(nn.Module):  # type: ignore[misc]
    """The 70 x 70 PatchGAN of Isola et al. (CVPR 2017): input and target side by side to one logit a patch.

    Parameters
    ----------
    width : int
        Channels of the first layer. The paper has 64.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(2, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for inputs, outputs, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
            layers += [nn.Conv2d(inputs * width, outputs * width, 4, stride, 1, bias=False)]
            layers += [nn.BatchNorm2d(outputs * width), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))

    def forward(self, given: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the logits that `target` is a real one of `given`."""
        return self.layers(torch.cat([given, target], 1))
