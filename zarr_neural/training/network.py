"""The float twin of the integer networks: E experts side by side, quantised in the forward pass from the first step.

Every value that a forward pass computes with is a multiple of a power of two below the limits of the numeric contract,
so that 32-bit floats hold it exactly: the exported integers give the same outputs, to the bit. Gradients pass through
the rounding as if it were not there (Bengio, Léonard and Courville, arXiv:1308.3432).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import hardtanh

FEATURES, OUTPUTS, NEAR = 32, 9, 8
SCALE_MAX = 668
WEIGHT_MAX = 127
CENTRE = torch.tensor([128.0] * 8 + [48.0] * 24)  # what is taken from the inputs, which lie in 0..255
UNIT = 32.0  # inputs and activations per unit of the float network
OUTPUT_UNIT = 128.0  # outputs per unit: scale index in 1/32 octave, weights in 1/256
MAX_BIAS = 6e6  # leaves room for the weights and the centre below 2^23


@dataclass(frozen=True)
class Layer:
    """Integers of one layer of E experts: weights (E, outputs, inputs), bias and shift (E, outputs)."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    shift: NDArray[np.uint8]


class _Rounded(torch.autograd.Function):  # type: ignore[misc]
    """Halves up; the gradient passes through."""

    @staticmethod
    def forward(_context: Any, x: torch.Tensor) -> torch.Tensor:
        return (x + 0.5).floor_()

    @staticmethod
    def backward(_context: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


def _through(exact: torch.Tensor, smooth: torch.Tensor) -> torch.Tensor:
    """Return `exact`, with the gradient of `smooth`."""
    return exact.detach() + (smooth - smooth.detach())


class ExpertNetworks(torch.nn.Module):  # type: ignore[misc]
    """Features (n, 32) of 0..255 to outputs (n, 9): the move of the scale index, and eight weights in 1/256.

    Parameters
    ----------
    experts, hidden1, hidden2 : int
        Sizes; hidden layers are multiples of 4.
    seed : int
    centre : Tensor, (32,)
        Whole numbers that are taken from the inputs.
    """

    centre: torch.Tensor

    def __init__(self, experts: int, hidden1: int, hidden2: int, seed: int, centre: torch.Tensor = CENTRE) -> None:
        super().__init__()
        self.register_buffer("centre", centre, persistent=False)
        generator = torch.Generator().manual_seed(seed)
        self.weights, self.biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        sizes = (FEATURES, hidden1, hidden2, OUTPUTS)
        for inputs, outputs in pairwise(sizes):
            common = (torch.rand(1, inputs, outputs, generator=generator) * 2 - 1) / inputs**0.5
            own = torch.randn(experts, inputs, outputs, generator=generator) * 0.02
            gain = 0.1 if outputs == OUTPUTS else 1.0
            self.weights.append(torch.nn.Parameter((common + own) * gain))
            self.biases.append(torch.nn.Parameter(torch.zeros(experts, 1, outputs)))

    def _gain(self, layer: int) -> float:
        return OUTPUT_UNIT / UNIT if layer == 2 else 1.0

    def quantised(self, layer: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return weights (E, inputs, outputs), bias and shift (E, 1, outputs) of a layer, as integers in floats."""
        weight = self.weights[layer].detach() * self._gain(layer)
        bias = self.biases[layer].detach() * self._gain(layer) * UNIT
        largest = weight.abs().amax(1, keepdim=True).clamp_min(1e-9)
        shift = torch.minimum(torch.log2(63.49 / largest), torch.log2(MAX_BIAS / bias.abs().clamp_min(1e-3)))
        shift = shift.floor().clamp(0, 23)
        scale = torch.exp2(shift)
        return (weight * scale).round().clamp(-63, 63), (bias * scale).round().clamp(-MAX_BIAS, MAX_BIAS), shift

    def forward(self, parts: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return what each expert makes of its part of the features (n, 32): outputs (n, 9), as integer engines do."""
        layers = self._exact_layers()
        found = []
        for expert, features in enumerate(parts):
            x = features - self.centre
            for number, (weight, bias) in enumerate(layers):
                x = _Rounded.apply(torch.addmm(bias[expert], x, weight[expert]))
                if number < 2:
                    x = hardtanh(x, 0, 255)  # whose gradient is several times faster than that of clamp
            found.append(x)
        return found

    def together(self, features: torch.Tensor) -> torch.Tensor:
        """Return outputs (E, n, 9) of features (E, n, 32): `forward` for parts of one size, in fewer operations."""
        x = features - self.centre
        for number, (weight, bias) in enumerate(self._exact_layers()):
            x = _Rounded.apply(torch.baddbmm(bias, x, weight))
            if number < 2:
                x = hardtanh(x, 0, 255)
        return x

    def _exact_layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return weights and biases of each layer: values of the integers, gradients of what they were made from."""
        layers = []
        for number in range(3):
            integer_weight, integer_bias, shift = self.quantised(number)
            scale, gain = torch.exp2(-shift), self._gain(number)
            weight = _through(integer_weight * scale, self.weights[number] * gain)
            layers.append((weight, _through(integer_bias * scale, self.biases[number] * (gain * UNIT))))
        return layers

    def layers(self) -> list[Layer]:
        """Return the integers of the three layers; centre and rounding offset are folded into the biases."""
        found = []
        for layer in range(3):
            weight, bias, shift = (t.to(torch.int64).cpu().numpy() for t in self.quantised(layer))
            centre = self.centre.to(torch.int64).cpu().numpy() if layer == 0 else np.zeros(weight.shape[1], np.int64)
            folded = bias[:, 0] - np.einsum("i,eio->eo", centre, weight) + (1 << shift[:, 0] >> 1)
            weights = np.ascontiguousarray(weight.transpose(0, 2, 1)).astype(np.int8)
            found.append(Layer(weights, folded.astype(np.int32), shift[:, 0].astype(np.uint8)))
        return found
