"""The code length of indices under tables that learn, and the loss of the means."""

import math

import numpy as np
import torch
from torch.nn.functional import smooth_l1_loss

from .lossy_tables import FIRST_REPEATED, GOLOMB_ORDER, MAGNITUDES, MAX_HALF, ROWS, prior, row_scales

ROW_UNITS = 8  # first outputs per row
WEIGHT_MAX = 127
QUARTERS = 4  # values per step
LEAST_SCALE = 0.7  # steps: below, an error of the mean no longer counts for more


class LearntTables(torch.nn.Module):  # type: ignore[misc]
    """Probabilities of magnitudes by quantiser and table, which all networks share."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.from_numpy(np.log(prior())).float())

    def probabilities(self) -> torch.Tensor:
        """Return probabilities (2, 48, 62)."""
        return torch.softmax(self.logits, -1)

    def forward(self, first: torch.Tensor, quantiser: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """Return the bits that indices cost, as a mixture of the two rows next to where a first output points.

        Parameters
        ----------
        first : Tensor of float32
            First outputs of the networks, in eighths of a row.
        quantiser, index : Tensor of int64
            Of the same shape.
        """
        position = (first / ROW_UNITS).clamp(0, ROWS - 1)
        lower = position.detach().floor().clamp(max=ROWS - 2)
        part = position - lower
        logarithms = torch.log_softmax(self.logits, -1).flatten() / math.log(2)
        row = lower.long()
        near, far = (self._bits(logarithms, r, quantiser, index) for r in (row, row + 1))
        return -torch.log2((1 - part) * torch.exp2(-near) + part * torch.exp2(-far) + 1e-30)

    @staticmethod
    def _bits(
        logarithms: torch.Tensor, row: torch.Tensor, quantiser: torch.Tensor, index: torch.Tensor
    ) -> torch.Tensor:
        raw_bits = (row - FIRST_REPEATED).clamp(min=0) >> 2
        kept = ((index >> (raw_bits + 1)) << 1) + (index & 1)
        magnitude = torch.where(raw_bits > 0, kept, index).abs()
        place = (quantiser * (FIRST_REPEATED + 4) + row - 4 * raw_bits) * MAGNITUDES
        table = logarithms[place + magnitude.clamp(max=MAX_HALF + 1)]
        excess = ((magnitude - MAX_HALF - 1).clamp(min=0) >> 1).float()
        octave = torch.log2(excess / 2**GOLOMB_ORDER + 1).floor()
        # an escape states its sign as a raw bit, and odd from even by its symbol
        escape = torch.where(magnitude > MAX_HALF, 2 * octave + 2 + GOLOMB_ORDER, 0.0)
        return raw_bits + escape + (magnitude > 0).float() - table


class MeanLoss(torch.nn.Module):  # type: ignore[misc]
    """Huber loss of what the mean leaves of the coefficients, in scales of the row."""

    scales: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scales", torch.from_numpy(row_scales()).float().clamp_min(LEAST_SCALE))

    def forward(self, outputs: torch.Tensor, neighbours: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each coefficient.

        Parameters
        ----------
        outputs : Tensor, (..., 9)
        neighbours : Tensor, (..., 8)
            In quarters of a step.
        target : Tensor, (...)
            In steps.
        """
        row = (outputs[..., 0].detach() / ROW_UNITS).round().clamp(0, ROWS - 1).long()
        weights = torch.nn.functional.hardtanh(outputs[..., 1:], -WEIGHT_MAX, WEIGHT_MAX) / 256
        mean = (weights * neighbours).sum(-1) / QUARTERS
        error = (target - mean) / self.scales[row]
        return smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
