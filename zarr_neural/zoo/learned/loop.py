"""The training loop of the zoo's networks: rate and distortion at a quality drawn for each step, resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_msssim import ms_ssim
from torch import Tensor

from .architectures import LAMBDAS, QUALITIES
from .grey_networks import SHARED
from .scale import set_quality

CHECKPOINT_STEPS = 100
LOG_STEPS = 100
VALIDATION_STEPS = 250
VALIDATED = (2, 5, 8)
"""Qualities that the log shows on validation pictures."""
LEVELLING = 0.4
"""Power of what distortion is worth that a step is divided by, so that steps of high quality do not drown others."""
DENSITY_RATE = 10.0
"""Factor of the learning rate of factorised densities, which have far to go from where they start."""
COLUMNS = ("stage", "step", "loss", "quality", "bits_per_pixel", "psnr_db", "ms_ssim")

Draw = Callable[[int, int, int], NDArray[np.float32]]
"""Step, batch and side to crops (batch, 1, ..., side, side), samples 0..1."""


@dataclass(frozen=True)
class Stage:
    """One metric's part of a training.

    Attributes
    ----------
    metric
        ``mse`` or ``ms-ssim``. For the latter `SHARED` parts stay as they are.
    steps, batch, side
        Of gradient descent; crops a step; pixels.
    rate
        Learning rate at the start; it falls to a twentieth along a cosine.
    window
        Of MS-SSIM, in pixels; crops must have more than 16 times a pixel less.
    """

    metric: str
    steps: int
    batch: int
    side: int
    rate: float
    window: int = 11


def distortion(stage: Stage, found: Tensor, target: Tensor) -> Tensor:
    """Return 255² times the mean squared error, or 1 minus MS-SSIM (of planes, where there are three axes)."""
    if stage.metric == "mse":
        return 255**2 * torch.mean((found - target) ** 2)
    return 1 - _ms_ssim(found, target, stage.window)


def _ms_ssim(found: Tensor, target: Tensor, window: int) -> Tensor:
    planes = [x.transpose(1, 2).flatten(0, 1) if x.ndim == 5 else x for x in (found, target)]
    return ms_ssim(*planes, data_range=1, win_size=window)


def bits_per_pixel(output: dict[str, Any], target: Tensor) -> Tensor:
    """Return what the densities say that the latents cost."""
    nats = sum(-torch.log(likelihood).sum() for likelihood in output["likelihoods"].values())
    return nats / (math.log(2) * target.numel())


def train_stage(
    network: Any,
    stage: Stage,
    draw: Draw,
    validation: Sequence[NDArray[np.float32]],
    seed: int,
    log: Path,
    work: Path,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Train a network in place; a run that was stopped goes on from its last checkpoint in `work`.

    Crops and noise are functions of seed and step, so that a run that was stopped ends where another would have.
    """
    lambdas = LAMBDAS[stage.metric]
    named = [(n, p) for n, p in network.named_parameters() if stage.metric == "mse" or not n.startswith(SHARED)]
    trained = [p for _, p in named]
    groups = [
        {"params": [p for n, p in named if n.startswith("entropy_bottleneck") == density], "factor": factor}
        for density, factor in ((False, 1.0), (True, DENSITY_RATE))
    ]
    optimizer = torch.optim.Adam(groups, lr=stage.rate)
    checkpoint = work / f"{stage.metric}.pt"
    first = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    _forget_after(log, stage.metric, first)
    losses: list[float] = []
    network.train()
    for step in range(first, stage.steps):
        generator = np.random.default_rng([seed, step, 5])
        quality = int(generator.choice(QUALITIES))
        torch.manual_seed(int(generator.integers(2**31)))
        for group in optimizer.param_groups:
            group["lr"] = stage.rate * group["factor"] * _cosine(step / stage.steps)
        set_quality(network, quality)
        target = torch.from_numpy(draw(step, stage.batch, stage.side))
        output = network(target)
        worth = lambdas[quality - 1]
        loss = worth * distortion(stage, output["x_hat"], target) + bits_per_pixel(output, target)
        optimizer.zero_grad()
        (loss * (lambdas[-1] / worth) ** LEVELLING).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        if math.isfinite(value := loss.item()):
            optimizer.step()
        losses.append(value)
        done = step + 1
        if done % LOG_STEPS == 0 or done == stage.steps:
            mean = float(np.nanmean(losses))
            losses.clear()
            _write(log, [f"{stage.metric}\t{done}\t{mean:.4f}\t\t\t\t"])
            progress(f"{stage.metric} step {done} of {stage.steps}, loss {mean:.4f}")
        if done % VALIDATION_STEPS == 0 or done == stage.steps:
            _write(log, validated(network, stage, done, validation, progress))
        if done % CHECKPOINT_STEPS == 0 or done == stage.steps:
            parts = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": done}
            torch.save(parts, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)


def validated(
    network: Any, stage: Stage, step: int, validation: Sequence[NDArray[np.float32]], progress: Callable[[str], None]
) -> list[str]:
    """Return rows of the log: what crops of pictures never trained on cost, estimated, and how they come out."""
    rows = []
    network.eval()
    with torch.no_grad():
        for quality in VALIDATED:
            set_quality(network, quality)
            bits, decibels, likeness = [], [], []
            for crop in validation:
                target = torch.from_numpy(crop)[None]
                output = network(target)
                found = output["x_hat"].clamp(0, 1)
                bits.append(float(bits_per_pixel(output, target)))
                decibels.append(-10 * math.log10(max(float(torch.mean((found - target) ** 2)), 1e-10)))
                likeness.append(float(_ms_ssim(found, target, stage.window)))
            means = [float(np.mean(values)) for values in (bits, decibels, likeness)]
            rows.append(f"{stage.metric}\t{step}\t\t{quality}\t{means[0]:.4f}\t{means[1]:.3f}\t{means[2]:.5f}")
            progress(f"  quality {quality}: {means[0]:.3f} bits a pixel, {means[1]:.2f} dB, MS-SSIM {means[2]:.4f}")
    network.train()
    return rows


def _cosine(part: float) -> float:
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * part))


def _forget_after(log: Path, metric: str, step: int) -> None:
    """Take rows of steps that a stopped run did after its last checkpoint out of the log: they are done again."""
    if log.is_file():
        rows = [row.split("\t") for row in log.read_text().splitlines()]
        kept = [row for row in rows if row[0] != metric or int(row[1]) <= step]
        log.write_text("".join("\t".join(row) + "\n" for row in kept))


def _write(log: Path, rows: list[str]) -> None:
    with log.open("a") as file:
        file.writelines(row + "\n" for row in rows)
