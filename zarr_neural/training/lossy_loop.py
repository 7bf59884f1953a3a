"""Training the 48 networks and the tables of path Y together, round by round: seeded, resumable."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from .lossy_coefficients import NETWORKS, Coefficients
from .lossy_loss import ROW_UNITS, LearntTables, MeanLoss
from .lossy_tables import MAGNITUDES, QUANTISERS, ROWS, TABLES, symbol_of, table_of
from .network import FEATURES, OUTPUTS, ExpertNetworks

CENTRE = torch.full((FEATURES,), 24.0)  # the log magnitude of one step
FIRST_ROW = 16
WARM_UP = 0.1  # part of all steps
REPORT = 250  # steps
PART = 1 << 16


@dataclass(frozen=True)
class Settings:
    """Sizes and schedule of the networks.

    Attributes
    ----------
    hidden1, hidden2 : int
    batch : int
        Coefficients of each network in a step.
    rate : float
        Learning rate at its peak.
    mean_weight : float
        What the loss of the means counts for, against bits.
    seed : int
    """

    hidden1: int = 32
    hidden2: int = 16
    batch: int = 512
    rate: float = 6e-3
    mean_weight: float = 1.0
    seed: int = 0


class LossyTrainer:
    """The state of a training: `begin` a round, `run` it to the end or to a step, save and load it in between.

    Parameters
    ----------
    settings : Settings
    steps : int
        Of all rounds together.
    device : str
        Where the floats live.
    """

    def __init__(self, settings: Settings, steps: int, device: str = "cpu") -> None:
        self.settings, self.device = settings, device
        self.networks = ExpertNetworks(NETWORKS, settings.hidden1, settings.hidden2, settings.seed, CENTRE)
        with torch.no_grad():
            self.networks.biases[2][..., 0] = FIRST_ROW / 16  # an output unit is 128, 16 rows
        self.networks.to(device)
        self.tables, self.mean_loss = LearntTables().to(device), MeanLoss().to(device)
        self.parameters = [*self.networks.parameters(), *self.tables.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, settings.rate)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, settings.rate, total_steps=steps, pct_start=WARM_UP
        )
        self.round, self.step, self.steps = -1, 0, 0

    def begin(self, number: int, data: Coefficients, validation: Coefficients, steps: int) -> None:
        """Take up the data of a round; all that has been learnt stays as it is."""
        self.round, self.step, self.steps = number, 0, steps
        self.data, self.validation = data, validation
        self.bounds = data.bounds()
        missing = np.flatnonzero(np.diff(self.bounds) == 0)
        if missing.size:
            raise ValueError(f"no coefficient was found for the networks {missing.tolist()}: draw more crops")
        share = np.sqrt(np.diff(self.bounds) / len(data.index))
        self.share = torch.from_numpy(share / share.sum()).float().to(self.device)
        self.rng = np.random.default_rng([self.settings.seed, number])
        self.running = (math.nan, math.nan)

    def run(self, until: int | None = None, report: Callable[[int, float, float, float], None] | None = None) -> None:
        """Train to a step of the round, or to its end.

        `report(step, training bits, validation bits, loss of the means)` is called now and then.
        """
        until = min(self.steps, until or self.steps)
        while self.step < until:
            found = self._one_step()
            old = found if self.step == 0 else self.running
            self.running = (0.99 * old[0] + 0.01 * found[0], 0.99 * old[1] + 0.01 * found[1])
            self.step += 1
            if report is not None and (self.step % REPORT == 0 or self.step == self.steps):
                report(self.step, self.running[0], self.bits(self.validation), self.running[1])

    def _one_step(self) -> tuple[float, float]:
        batch = self.settings.batch
        within = self.rng.random((NETWORKS, batch)) * np.diff(self.bounds)[:, None]
        where = (self.bounds[:-1, None] + within.astype(np.int64)).ravel()
        features, neighbours, target, index, quantiser = self._tensors(self.data.take(where))
        outputs = self.networks.together(features.view(NETWORKS, batch, FEATURES)).view(-1, OUTPUTS)
        bits = self.tables(outputs[:, 0], quantiser, index).view(NETWORKS, batch).mean(1)
        means = self.mean_loss(outputs, neighbours, target).view(NETWORKS, batch).mean(1)
        loss = (self.share * (bits + self.settings.mean_weight * means)).sum()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        weight = self.share**2 / (self.share**2).sum()
        return float((weight * bits.detach()).sum()), float((weight * means.detach()).sum())

    def _tensors(self, part: Coefficients) -> tuple[torch.Tensor, ...]:
        arrays = (part.features, part.neighbours, part.target, part.index, part.quantiser)
        features, neighbours, target, index, quantiser = (torch.from_numpy(a).to(self.device) for a in arrays)
        return features.float(), neighbours.float(), target, index.long(), quantiser.long()

    def outputs(self, data: Coefficients) -> Iterator[tuple[Coefficients, torch.Tensor]]:
        """Yield parts of the data, and the outputs (n, 9) of their networks."""
        bounds = data.bounds()
        for network in range(NETWORKS):
            for start in range(bounds[network], bounds[network + 1], PART):
                part = data.take(slice(start, min(start + PART, bounds[network + 1])))
                features = torch.from_numpy(part.features).float().to(self.device)
                parts = [features[:0]] * NETWORKS
                parts[network] = features
                with torch.no_grad():
                    yield part, self.networks(parts)[network]

    def bits(self, data: Coefficients) -> float:
        """Return the mean bits of coefficients under tables between two rows: what training makes small."""
        total = 0.0
        for part, outputs in self.outputs(data):
            with torch.no_grad():
                quantiser, index = (torch.from_numpy(a).long().to(self.device) for a in (part.quantiser, part.index))
                total += float(self.tables(outputs[:, 0], quantiser, index).double().sum())
        return total / max(1, len(data.index))

    def counts(self, data: Coefficients) -> NDArray[np.float64]:
        """Return how often (2, 48, 62) each magnitude has met each table, rows being rounded as the decoder does."""
        found = np.zeros(QUANTISERS * TABLES * MAGNITUDES)
        for part, outputs in self.outputs(data):
            row = np.clip((outputs[:, 0].cpu().numpy().astype(np.int64) + ROW_UNITS // 2) // ROW_UNITS, 0, ROWS - 1)
            table, raw_bits = table_of(row)
            magnitude = np.minimum(symbol_of(part.index.astype(np.int64), raw_bits), MAGNITUDES - 1)
            place = (part.quantiser.astype(np.int64) * TABLES + table) * MAGNITUDES + magnitude
            found += np.bincount(place, minlength=found.size)
        return found.reshape(QUANTISERS, TABLES, MAGNITUDES)

    def save(self, path: Path) -> None:
        """Write all that `load` needs to go on as if nothing had happened."""
        state = {
            "settings": json.dumps([asdict(self.settings), self.round, self.steps]),
            "networks": self.networks.state_dict(),
            "tables": self.tables.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "position": [self.step, *self.running],
        }
        temporary = path.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(path)

    def restore(self, path: Path) -> None:
        """Take from what `save` wrote all that goes from one round to the next."""
        state = torch.load(path, weights_only=True, map_location=self.device)
        for name in ("networks", "tables", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(state[name])

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote, in a round that has been begun.

        Raises
        ------
        ValueError
            If the checkpoint comes from other settings or another round.
        """
        state = torch.load(path, weights_only=True, map_location=self.device)
        if state["settings"] != (mine := json.dumps([asdict(self.settings), self.round, self.steps])):
            raise ValueError(f"the checkpoint {path} has settings {state['settings']}, expected {mine}")
        self.restore(path)
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.step, *running = state["position"]
        self.running = (running[0], running[1])
