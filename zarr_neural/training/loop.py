"""Training the experts of one level class and phase: seeded, resumable, one thread.

Experts are assigned to tiles, as the encoder does it: the one that has coded a tile best so far learns from its pixels,
but for a few that go to any expert (hard expectation-maximisation).
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .loss import Shapes, code_length, scale_and_error
from .network import ExpertNetworks
from .pixels import Pixels

OTHERS = 0.06  # part of the pixels that goes to any expert
ASSIGN = 4  # steps between two looks at which expert codes a tile best
MEMORY = 0.99  # of a tile's mean cost, per pixel looked at
VALIDATION = 16  # one tile in so many is kept out of training
REPORT = 500  # steps


@dataclass(frozen=True)
class Settings:
    """Sizes and schedule of one training run."""

    steps: int = 5000
    batch: int = 4096
    experts: int = 4
    hidden1: int = 24
    hidden2: int = 16
    rate: float = 5e-3
    seed: int = 0


class Trainer:
    """The state of a run: build it, `run` it to the end or to a step, save and load it in between.

    Parameters
    ----------
    pixels : Pixels
    settings : Settings
    kind : int
        3 * class + phase; makes the seeds of the nine runs differ.
    """

    def __init__(self, pixels: Pixels, settings: Settings, kind: int) -> None:
        self.settings, self.kind = settings, kind
        validation = pixels.tile % VALIDATION == VALIDATION - 1
        if validation.all() or not validation.any():
            validation = np.arange(len(pixels.tile)) % VALIDATION == VALIDATION - 1
        self.train, self.validation = pixels.take(~validation), pixels.take(validation)
        balance = self.train.balance[self.train.tile]
        self.sets = [np.flatnonzero(balance == number) for number in np.unique(balance)]
        self.rng = np.random.default_rng([settings.seed, kind])
        self.networks = ExpertNetworks(settings.experts, settings.hidden1, settings.hidden2, settings.seed + kind)
        self.shapes = Shapes(settings.experts)
        self.parameters = [*self.networks.parameters(), *self.shapes.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, settings.rate)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimiser, settings.rate, settings.steps)
        tiles = len(pixels.balance)
        self.cost = np.zeros((tiles, settings.experts))
        self.weight = np.zeros(tiles)
        self.mean = np.zeros(tiles)
        self.first = self.rng.integers(0, settings.experts, tiles)
        self.chosen = self.first
        self.step, self.running = 0, 0.0

    def run(self, until: int | None = None, report: Callable[[int, float, float], None] = lambda *_: None) -> None:
        """Train to a step, or to the end; `report(step, training bits, validation bits)` is called now and then."""
        until = min(self.settings.steps, until or self.settings.steps)
        while self.step < until:
            bits = self._one_step()
            self.running = bits if self.step == 0 else 0.99 * self.running + 0.01 * bits
            self.step += 1
            if self.step % REPORT == 0 or self.step == self.settings.steps:
                report(self.step, self.running, self.validation_bits())

    def _one_step(self) -> float:
        each = max(1, self.settings.batch // len(self.sets))
        where = np.concatenate([members[self.rng.integers(0, len(members), each)] for members in self.sets])
        pixels = self.train.take(where)
        if self.step % ASSIGN == 0:
            self._assign(pixels)
        random = self.rng.integers(0, self.settings.experts, len(where))
        chosen = np.where(self.rng.random(len(where)) < OTHERS, random, self.chosen[pixels.tile])
        order = np.argsort(chosen, kind="stable")
        pixels, chosen = pixels.take(order), chosen[order]
        sizes = np.bincount(chosen, minlength=self.settings.experts).tolist()
        outputs = torch.cat(self.networks(torch.from_numpy(pixels.features).float().split(sizes)))
        bits = self._bits(pixels, outputs, torch.from_numpy(chosen))
        # a bit saved counts by the part of its tile's bits that it is
        share = torch.from_numpy(1 / (self.mean[pixels.tile] + 1)).float()
        loss = (share * bits).sum() / share.sum()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.schedule.step()
        return float(bits.detach().mean())

    def _assign(self, pixels: Pixels) -> None:
        """Let the pixels say which expert codes their tiles best, and in how many bits a pixel."""
        number = np.bincount(pixels.tile, minlength=len(self.weight)).astype(float)
        fade = MEMORY**number
        self.cost = self.cost * fade[:, None] + self.tile_bits(pixels)
        self.weight = self.weight * fade + number
        early = (self.weight == 0) | (self.step < min(500, self.settings.steps // 10))
        self.chosen = np.where(early, self.first, self.cost.argmin(1))
        self.mean = self.cost[np.arange(len(self.cost)), self.chosen] / np.maximum(self.weight, 1e-9)

    def _bits(self, pixels: Pixels, outputs: torch.Tensor, expert: torch.Tensor) -> torch.Tensor:
        integers = (torch.from_numpy(a).float() for a in (pixels.past_sum, pixels.differences, pixels.error))
        return code_length(*scale_and_error(outputs, *integers), self.shapes, expert)

    def bits(self, pixels: Pixels) -> torch.Tensor:
        """Return the bits (E, n) that pixels cost under each expert."""
        features = torch.from_numpy(pixels.features).float()
        each = self.networks([features] * self.settings.experts)
        return torch.stack([self._bits(pixels, x, torch.tensor(expert)) for expert, x in enumerate(each)])

    def tile_bits(self, pixels: Pixels) -> NDArray[np.float64]:
        """Return the summed bits (tiles, E) of pixels."""
        total = np.zeros_like(self.cost)
        for start in range(0, len(pixels.tile), 65536):
            part = pixels.take(np.arange(start, min(start + 65536, len(pixels.tile))))
            with torch.no_grad():
                seen = self.bits(part).numpy().astype(float)
            total += np.stack([np.bincount(part.tile, row, len(total)) for row in seen], 1)
        return total

    def validation_bits(self) -> float:
        """Return the mean bits of a validation pixel, each tile under its best expert, balanced by set."""
        total = self.tile_bits(self.validation).min(1)
        number = np.bincount(self.validation.tile, minlength=len(total))
        balance = self.validation.balance
        means = [total[s].sum() / number[s].sum() for n in np.unique(balance) if number[s := balance == n].sum()]
        return float(np.mean(means))

    def save(self, path: Path) -> None:
        """Write all that `load` needs to go on as if nothing had happened."""
        state = {
            "settings": json.dumps([asdict(self.settings), self.kind]),
            "networks": self.networks.state_dict(),
            "shapes": self.shapes.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "arrays": [torch.from_numpy(a) for a in (self.cost, self.weight, self.mean, self.first, self.chosen)],
            "position": [self.step, self.running],
        }
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote.

        Raises
        ------
        ValueError
            If the checkpoint comes from a run with other settings.
        """
        state = torch.load(path, weights_only=True)
        if state["settings"] != (mine := json.dumps([asdict(self.settings), self.kind])):
            raise ValueError(f"the checkpoint {path} has settings {state['settings']}, expected {mine}")
        for name in ("networks", "shapes", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.rng.bit_generator.state = json.loads(state["rng"])
        arrays = [tensor.numpy() for tensor in state["arrays"]]
        self.cost, self.weight, self.mean, self.first, self.chosen = arrays
        self.step, self.running = state["position"]
