"""Gains of the latent channels, one row a quality: how one network serves all qualities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .library import EntropyBottleneck


class Scale(nn.Module):  # type: ignore[misc] # torch is not seen by mypy
    """Multiplies each channel by its gain at the current quality: finer quantisation for higher quality.

    The gains are trained (Cui et al., "Asymmetric Gained Deep Image Compression With Continuous Rate Adaptation",
    CVPR 2021, equation 3); there the networks between are those of the architecture, unchanged.

    Parameters
    ----------
    channels : int
    start : (qualities,) Tensor
        Logarithms of the gains before training.
    """

    def __init__(self, channels: int, start: Tensor) -> None:
        super().__init__()
        self.logs = nn.Parameter(start[:, None].repeat(1, channels))
        self.quality = start.numel()

    @property
    def gains(self) -> Tensor:
        """Gains of the channels at the current quality."""
        return torch.exp(self.logs[self.quality - 1])

    def forward(self, x: Tensor) -> Tensor:
        """Return x, (batch, channels, ...), times the gains."""
        return x * self.gains.view(1, -1, *[1] * (x.ndim - 2))


class GainedBottleneck(EntropyBottleneck):  # type: ignore[misc]
    """CompressAI's factorised density of latents before their gain: one density for all qualities.

    `folded` returns the same density as a plain `EntropyBottleneck` for the current quality, which can code.
    """

    def __init__(self, channels: int, scale: Scale, init_scale: float = 3) -> None:
        super().__init__(channels, init_scale=init_scale)
        self._scale = (scale,)  # not a module of this one: its parameters belong to the transform

    def _likelihood(self, inputs: Tensor, stop_gradient: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        gains = self._scale[0].gains.view(-1, 1, 1)
        lower = self._logits_cumulative((inputs - 0.5) / gains, stop_gradient=stop_gradient)
        upper = self._logits_cumulative((inputs + 0.5) / gains, stop_gradient=stop_gradient)
        return torch.sigmoid(upper) - torch.sigmoid(lower), lower, upper

    def folded(self) -> Any:
        """Return the density of latents after their gain: the gain divides the first matrix of the cumulative."""
        plain = EntropyBottleneck(self.channels, init_scale=self.init_scale)
        ours = dict(self.named_parameters())
        with torch.no_grad():
            for name, parameter in plain.named_parameters():
                parameter.copy_(ours[name])
            first = nn.functional.softplus(plain._matrix0) / self._scale[0].gains.view(-1, 1, 1)
            plain._matrix0.copy_(first + torch.log(-torch.expm1(-first)))
        return plain


def set_quality(network: Any, quality: int) -> None:
    """Let every `Scale` of a network work at a quality, counted from 1."""
    for module in network.modules():
        if isinstance(module, Scale):
            module.quality = quality
