"""The networks: dense, convolutional, with a dense bottleneck, in two stages, and the generator of a GAN."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from zarr_neural.errors import ModelError


class Autoencoder(nn.Module):  # type: ignore[misc]
    """A network of an encoder and a decoder.

    Attributes
    ----------
    side : int
        Side of the images, (N, 1, side, side) float32 from 0 to 1.
    code_shape : tuple of int
        Of one image: (elements,) or (channels, Y, X).
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, side: int, code_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.side, self.code_shape = side, code_shape

    def encode(self, images: Tensor) -> Tensor:
        """Return the codes (N, *code_shape) of images."""
        return self.encoder(images)

    def decode(self, codes: Tensor) -> Tensor:
        """Return images, not clipped."""
        return self.decoder(codes)

    def forward(self, images: Tensor) -> Tensor:
        """Return what the codes of images decode to."""
        return self.decode(self.encode(images))


class TwoStages(Autoencoder):
    """A second network that codes what the first one leaves; the code is that of the first, then of the second."""

    def __init__(self, first: Autoencoder, second: Autoencoder) -> None:
        lengths = [math.prod(stage.code_shape) for stage in (first, second)]
        super().__init__(first, second, first.side, (sum(lengths),))
        self._lengths = lengths

    def encode(self, images: Tensor) -> Tensor:
        """Return both codes of images, one behind the other."""
        code = self.encoder.encode(images)
        rest = images - self.encoder.decode(code)
        return torch.cat((code.flatten(1), self.decoder.encode(rest).flatten(1)), 1)

    def decode(self, codes: Tensor) -> Tensor:
        """Return the sum of what both codes decode to."""
        parts = torch.split(codes, self._lengths, 1)
        stages = (self.encoder, self.decoder)
        first, second = (
            stage.decode(part.reshape(-1, *stage.code_shape)) for stage, part in zip(stages, parts, strict=True)
        )
        return first + second


def dense(side: int, widths: Sequence[int], slope: float = 0.0) -> Autoencoder:
    """Return the auto-encoder of dense layers alone.

    Parameters
    ----------
    side : int
    widths : sequence of int
        Of the layers of the encoder, the last is the code; the decoder mirrors them. Side 256 and (1024, 512, 128) have
        the 135,466,112 parameters of the study of radiographs.
    slope : float
        Of the rectifier below zero, behind every layer but the last of the decoder.
    """
    sizes = [side * side, *widths]
    encoder: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes):
        encoder += [nn.Linear(inputs, outputs), nn.LeakyReLU(slope)]
    decoder: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes[::-1]):
        decoder += [nn.Linear(inputs, outputs), nn.LeakyReLU(slope)]
    decoder[-1] = nn.Unflatten(1, (1, side, side))
    return Autoencoder(nn.Sequential(*encoder), nn.Sequential(*decoder), side, (widths[-1],))


def convolutional(side: int, channels: Sequence[int]) -> Autoencoder:
    """Return the auto-encoder of pairs of convolution and pooling, and of upsampling and convolution.

    Parameters
    ----------
    side : int
    channels : sequence of int
        One for each pair; the last is the code's. Rectifiers everywhere but behind the last layer.
    """
    encoder: list[nn.Module] = []
    for inputs, outputs in pairwise([1, *channels]):
        encoder += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    decoder: list[nn.Module] = []
    for inputs, outputs in pairwise([*channels[::-1], channels[0]]):
        decoder += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)]
    decoder.append(nn.Conv2d(channels[0], 1, 3, padding=1))
    small = side >> len(channels)
    return Autoencoder(nn.Sequential(*encoder), nn.Sequential(*decoder), side, (channels[-1], small, small))


def bottleneck(side: int, channels: Sequence[int], code: int, bounded: bool = False) -> Autoencoder:
    """Return the CNN of the study of radiographs: convolutions with pooling, and a code between dense layers.

    Batch normalisation stands before every rectifier. Only numbers of parameters are published; from their differences
    follow 1024 features on both sides of the code, which side 256 and six channels, the last of 64, give.

    Parameters
    ----------
    side : int
    channels : sequence of int
        One for each convolution.
    code : int
        Elements of the code.
    bounded : bool
        Whether a sigmoid ends the decoder: for images, not for what a first stage left.
    """
    small = side >> len(channels)
    features = channels[-1] * small * small
    encoder: list[nn.Module] = []
    for inputs, outputs in pairwise([1, *channels]):
        encoder += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        encoder.append(nn.MaxPool2d(2))
    encoder += [nn.Flatten(), nn.Linear(features, code)]
    decoder: list[nn.Module] = [nn.Linear(code, features), nn.LeakyReLU(0.2)]
    decoder.append(nn.Unflatten(1, (channels[-1], small, small)))
    for inputs, outputs in pairwise([*channels[::-1], channels[0]]):
        decoder += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        decoder.append(nn.Upsample(scale_factor=2))
    decoder.append(nn.Conv2d(channels[0], 1, 3, padding=1))
    if bounded:
        decoder.append(nn.Sigmoid())
    return Autoencoder(nn.Sequential(*encoder), nn.Sequential(*decoder), side, (code,))


class _Residual(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels, affine=True),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def generative(side: int, channels: Sequence[int], code: int, blocks: int) -> Autoencoder:
    """Return encoder and generator of a conditional GAN: strided convolutions, residual blocks, upsampling.

    After Agustsson et al. (ICCV 2019) and, narrower, Mentzer et al. (HiFiC, NeurIPS 2020); the discriminator takes part
    in training alone.

    Parameters
    ----------
    side : int
    channels : sequence of int
        One for each halving of the side.
    code : int
        Channels of the code.
    blocks : int
        Residual blocks of the generator.
    """
    small = side >> len(channels)
    encoder: list[nn.Module] = []
    for inputs, outputs in pairwise([1, *channels]):
        encoder += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU()]
    encoder.append(nn.Conv2d(channels[-1], code, 3, padding=1))
    decoder: list[nn.Module] = [nn.Conv2d(code, channels[-1], 3, padding=1)]
    decoder += [_Residual(channels[-1]) for _ in range(blocks)]
    for inputs, outputs in pairwise([*channels[::-1], channels[0]]):
        decoder += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
    decoder.append(nn.Conv2d(channels[0], 1, 3, padding=1))
    return Autoencoder(nn.Sequential(*encoder), nn.Sequential(*decoder), side, (code, small, small))


def two_stages(first: dict[str, Any], second: dict[str, Any]) -> Autoencoder:
    """Return two networks, given as for `build`, of which the second codes what the first leaves."""
    return TwoStages(build(first), build(second))


FAMILIES: dict[str, Callable[..., Autoencoder]] = {
    "dense": dense,
    "convolutional": convolutional,
    "bottleneck": bottleneck,
    "generative": generative,
    "two_stages": two_stages,
}
"""What networks are built by, by the name in their description."""


def build(description: dict[str, Any]) -> Autoencoder:
    """Return an untrained network.

    Parameters
    ----------
    description : dict
        ``family``, one of `FAMILIES`, and its arguments.

    Raises
    ------
    ModelError
        If there is no such family, or it takes other arguments.
    """
    arguments = dict(description)
    family = arguments.pop("family", None)
    if family not in FAMILIES:
        raise ModelError(f"there is no family of auto-encoders {family!r}, only {', '.join(FAMILIES)}")
    try:
        return FAMILIES[family](**arguments)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
        raise ModelError(f"auto-encoders of the family {family} are not described by {arguments}: {error}") from error
