"""Training one network: masked loss, averaged weights, best of the choosing groups, resumable."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812 # the name that torch's own documentation uses

from eval.predictors.architectures import Architecture, architecture_of
from eval.predictors.crops import Field, draw_crops
from eval.predictors.model_file import read_model
from eval.predictors.networks import FNet, PatchDiscriminator

WARM_UP = 0.05  # part of all steps
AVERAGING = 0.99
L1_WEIGHT = 100.0  # of Isola et al.


@dataclass(frozen=True)
class Settings:
    """Sizes and schedule of a training.

    Attributes
    ----------
    architecture
        A name in `ARCHITECTURES`.
    width
        Channels of the finest level.
    steps
        Of the whole schedule: the rate falls to 0 at its end.
    rate
        Learning rate at its peak.
    batch, crop
        Crops of a step and their side; 0 for those of the architecture.
    seed
        Of weights and crops.
    """

    architecture: str
    width: int = 16
    steps: int = 1000
    rate: float = 1e-3
    batch: int = 0
    crop: int = 0
    seed: int = 0


class Trainer:
    """The state of a training.

    Parameters
    ----------
    settings : Settings
    fields : sequence of Field
        What crops are drawn from; inputs of one dimensionality, stacks of one number of planes.
    """

    def __init__(self, settings: Settings, fields: Sequence[Field]) -> None:
        self.settings, self.fields = settings, fields
        self.architecture: Architecture = architecture_of(settings.architecture)
        torch.manual_seed(settings.seed)
        self.rng = np.random.default_rng(settings.seed)
        self.network = FNet(self.architecture.ndim, settings.width, self.architecture.depth)
        self.averaged = FNet(self.architecture.ndim, settings.width, self.architecture.depth)
        self.layout = torch.channels_last if self.architecture.ndim == 2 else torch.channels_last_3d  # a quarter faster
        self.network.to(memory_format=self.layout)
        self.averaged.load_state_dict(self.network.state_dict())
        self.averaged.eval()
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.rate)
        self.discriminator: nn.Module | None = None
        if self.architecture.adversarial:
            self.discriminator = PatchDiscriminator(settings.width)
            self.rival = torch.optim.Adam(self.discriminator.parameters(), 2e-4, betas=(0.5, 0.999))
        self.step = 0
        self.seconds = 0.0
        self.best: tuple[float, int, dict[str, torch.Tensor]] = (-math.inf, 0, {})
        depths = {field.given.shape[0] for field in fields} if self.architecture.ndim == 3 else {0}
        if len(depths) > 1:
            raise ValueError(f"stacks of one training have one number of planes, found {sorted(depths)}")
        self.planes = depths.pop()

    @property
    def sides(self) -> tuple[int, ...]:
        """Sides of a crop; a stack is taken whole, filled up to whole cells."""
        side = self.settings.crop or self.architecture.crop[-1]
        cell = self.architecture.cell
        return (side, side) if not self.planes else (-(-self.planes // cell) * cell, side, side)

    def run(self, until: int, report: Callable[[int, dict[str, float]], None]) -> None:
        """Train to a step; `report(step, mean losses)` is called now and then, `Architecture.reports` times in all."""
        every = -(-self.settings.steps // self.architecture.reports)
        losses: list[dict[str, float]] = []
        while self.step < until:
            start = time.process_time()
            losses.append(self.one_step())
            self.step += 1
            self.seconds += time.process_time() - start
            if self.step % every == 0 or self.step == self.settings.steps:
                report(self.step, {name: float(np.mean([each[name] for each in losses])) for name in losses[0]})
                losses = []

    def one_step(self) -> dict[str, float]:
        """Take one step of the network, and of its rival where it has one; return the losses."""
        self._set_rate()
        batch = self.settings.batch or self.architecture.batch
        given, target, mask = map(torch.from_numpy, draw_crops(self.fields, batch, self.sides, self.rng))
        self.network.train()
        predicted = project(self.network(given.to(memory_format=self.layout)), self.planes)
        losses: dict[str, float] = {}
        if self.discriminator is None:
            loss = ((predicted - target) ** 2 * mask).sum() / mask.sum().clamp(min=1)
            losses["loss"] = float(loss.detach())
        else:
            self.discriminator.train()
            losses["discriminator"] = self._rival_step(given, target * mask, (predicted * mask).detach())
            distance = ((predicted - target).abs() * mask).sum() / mask.sum().clamp(min=1)
            logits = self.discriminator(given, predicted * mask)
            deceit = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
            loss = L1_WEIGHT * distance + deceit
            losses |= {"loss": float(distance.detach()), "adversarial": float(deceit.detach())}
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self._average()
        return losses

    def _rival_step(self, given: torch.Tensor, target: torch.Tensor, predicted: torch.Tensor) -> float:
        assert self.discriminator is not None
        real, fake = self.discriminator(given, target), self.discriminator(given, predicted)
        loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
        loss = (loss + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))) / 2
        self.rival.zero_grad()
        loss.backward()
        self.rival.step()
        return float(loss.detach())

    def _set_rate(self) -> None:
        part = self.step / self.settings.steps
        factor = part / WARM_UP if part < WARM_UP else (1 + math.cos(math.pi * (part - WARM_UP) / (1 - WARM_UP))) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate * max(factor, 1e-3)

    def _average(self) -> None:
        keep = min(AVERAGING, (1 + self.step) / (10 + self.step))
        latest = self.network.state_dict()  # without gradients, as that of `averaged`
        for name, value in self.averaged.state_dict().items():
            if value.dtype.is_floating_point:
                value.mul_(keep).add_(latest[name], alpha=1 - keep)
            else:
                value.copy_(latest[name])

    def keep_if_best(self, score: float) -> None:
        """Keep the averaged weights if they score higher than any before."""
        if score > self.best[0]:
            self.best = (score, self.step, {k: v.clone() for k, v in self.averaged.state_dict().items()})

    def start_from(self, path: Path) -> None:
        """Take the weights of a model file for the first ones.

        Raises
        ------
        ValueError
            If it is of another network or width.
        """
        _, weights, description = read_model(path)
        state = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
        own = {name: tuple(value.shape) for name, value in self.network.state_dict().items() if value.ndim}
        if own != {name: tuple(value.shape) for name, value in state.items()}:
            raise ValueError(
                f"{path.name} is a {description.architecture} of width {description.width}, "
                f"expected the network of {self.architecture.name} of width {self.settings.width}"
            )
        self.network.load_state_dict(state, strict=False)
        self.averaged.load_state_dict(state, strict=False)

    def save(self, path: Path) -> None:
        """Write everything that `load` needs to go on."""
        state = {
            "settings": json.dumps(asdict(self.settings)),
            "step": self.step,
            "seconds": self.seconds,
            "rng": json.dumps(self.rng.bit_generator.state),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
        }
        if self.discriminator is not None:
            state |= {"discriminator": self.discriminator.state_dict(), "rival": self.rival.state_dict()}
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Go on where `save` stopped.

        Raises
        ------
        ValueError
            If the checkpoint is of other settings.
        """
        state = torch.load(path, weights_only=True)
        if json.loads(state["settings"]) != asdict(self.settings):
            raise ValueError(
                f"the checkpoint {path} is of other settings: {state['settings']}; remove it or repeat them"
            )
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(state["discriminator"])
            self.rival.load_state_dict(state["rival"])


def project(predicted: torch.Tensor, planes: int) -> torch.Tensor:
    """Return planes as they are, and of volumes (N, 1, Z, Y, X) the mean of the first `planes` planes."""
    return predicted[:, :, :planes].mean(2) if planes else predicted


def arrays_of(weights: dict[str, torch.Tensor]) -> dict[str, NDArray[Any]]:
    """Return weights as float32 arrays; counters of batch normalisation are left out."""
    return {name: value.numpy().astype(np.float32) for name, value in weights.items() if value.dtype.is_floating_point}
