"""Losses in torch: multi-scale similarity, and the intersection over union of the study of radiographs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

from eval.metrics import scales_for
from eval.metrics.ms_ssim import WEIGHTS
from eval.metrics.ssim import WINDOW

SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
LEAST = 1e-4
"""Means at or below zero have no gradient: they count as this."""


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean over images (N, 1, Y, X) from 0 to 1 of what `eval.metrics.ms_ssim` measures, in float32.

    Examples
    --------
    >>> image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    >>> round(ms_ssim(image, image).item(), 4)
    1.0
    """
    count = max(1, scales_for(tuple(a.shape[-2:])))
    powers = torch.tensor(WEIGHTS[:count]) * (sum(WEIGHTS) / sum(WEIGHTS[:count]))
    result = torch.ones(a.shape[0])
    for scale, power in enumerate(powers):
        luminance, structure = _terms(a, b)
        terms = luminance * structure if scale == count - 1 else structure
        result = result * terms.mean((1, 2, 3)).clamp_min(LEAST) ** power
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    return result.mean()


def _terms(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    places = torch.arange(WINDOW, dtype=torch.float32) - WINDOW // 2
    line = torch.exp(-(places**2) / (2 * SIGMA**2))
    line = line / line.sum()
    stack = torch.cat((a, b, a * a, b * b, a * b), 1)
    stack = conv2d(stack, line.reshape(1, 1, -1, 1).repeat(5, 1, 1, 1), groups=5)
    stack = conv2d(stack, line.reshape(1, 1, 1, -1).repeat(5, 1, 1, 1), groups=5)
    mean_a, mean_b, square_a, square_b, product = stack.split(1, 1)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance, (2 * (product - mean_a * mean_b) + C2) / (variances + C2)


def custom_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean over images of x.x' / (x.x + x'.x' - x.x'), equation 2 of the study.

    Examples
    --------
    >>> custom_iou(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item()
    1.0
    """
    a, b = a.flatten(1), b.flatten(1)
    both = (a * b).sum(1)
    return (both / ((a * a).sum(1) + (b * b).sum(1) - both).clamp_min(1e-12)).mean()
