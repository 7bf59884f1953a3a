"""The ideal code length of residuals: what training makes small."""

import torch
from torch.nn.functional import hardtanh

from .network import SCALE_MAX, WEIGHT_MAX

KNOTS = 22  # of the curve of shapes over the scale, one an octave from 1/16 grey level up


class Shapes(torch.nn.Module):  # type: ignore[misc]
    """A distribution between normal and logistic for each expert and scale, smooth in both."""

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.mixture = torch.nn.Parameter(torch.zeros(experts, KNOTS))
        self.width = torch.nn.Parameter(torch.zeros(experts, KNOTS))

    def forward(self, log_scale: torch.Tensor, expert: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the part of the logistic and its width, against sigma, at log2 scales -4..16.9 of experts."""
        at = (log_scale.detach() + 4).clamp(0, KNOTS - 1.001)
        knot, part = at.long(), at - at.floor()
        first = expert * KNOTS + knot
        mixture, width = (
            curve.flatten()[first] * (1 - part) + curve.flatten()[first + 1] * part
            for curve in (self.mixture, self.width)
        )
        return torch.sigmoid(2 * mixture), torch.exp2(width.clamp(-2, 4) * 0.5 + 0.5)


def scale_and_error(
    outputs: torch.Tensor, past_sum: torch.Tensor, differences: torch.Tensor, error: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scale index 0..668 and remaining error in grey levels, both (n,).

    Parameters
    ----------
    outputs : Tensor, (n, 9)
    past_sum : Tensor, (n,)
    differences, error : Tensor, (n, 8) and (n,)
        In eighths of a grey level.
    """
    scale = (outputs[..., 0] + past_sum).clamp(0, SCALE_MAX)
    weights = hardtanh(outputs[..., 1:], -WEIGHT_MAX, WEIGHT_MAX) / 256
    return scale, (error - (weights * differences).sum(-1)) / 8


def code_length(scale: torch.Tensor, error: torch.Tensor, shapes: Shapes, expert: torch.Tensor) -> torch.Tensor:
    """Return the bits (n,) that errors cost under the shapes of experts (n,), for samples that are whole grey levels.

    A scale index S stands for a standard deviation of 2^(S/32 - 4) grey levels. Differences of cumulative
    distributions are taken on the lower side, where they keep their precision.
    """
    log_scale = scale / 32 - 4
    part, width = shapes(log_scale, expert)
    sigma, distance = torch.exp2(log_scale), -error.abs()
    upper, lower = (distance + 0.5) / sigma, (distance - 0.5) / sigma
    normal = torch.special.ndtr(upper) - torch.special.ndtr(lower)
    logistic = torch.sigmoid(upper / width) - torch.sigmoid(lower / width)
    return -torch.log2(((1 - part) * normal + part * logistic) * (1 - 1e-4) + 1e-7)
