"""Training one auto-encoder: recipe in, model and curve out. Weights that lie there from the same recipe are taken."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate, mse_loss

from eval.autoencoders.losses import custom_iou, ms_ssim
from zarr_neural.zoo.autoencoders.codes import Statistics, classes_by_spread, statistics_of
from zarr_neural.zoo.autoencoders.model import Model, load, save
from zarr_neural.zoo.autoencoders.networks import Autoencoder, TwoStages, build
from zarr_neural.zoo.weights import read_weights, sha256

Images = NDArray[np.uint8]
Draw = Callable[[np.random.Generator, int], Images]
"""From a generator and a number to so many training images (N, side, side)."""
COLLAPSED = 0.9
"""Of the variance of training images over each other: a network with more error than that has learnt nothing."""
LEAST_STEPS = 40
"""Of a training that is judged by that."""
POINTS = 6
"""Of the curve."""


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes
    ----------
    name
        What results call it.
    network
        Its description, for `build`.
    loss
        One of `LOSSES`.
    rate
        Of Adam. Where a network trained for squared error learns nothing, a tenth of it is tried, twice at most.
    steps, batch, seed
        Of the training.
    adversarial
        Weight of the discriminator's part of the loss; 0 for none.
    integer_codes
        Whether the decoder sees rounded codes in training, gradients passing through.
    first
        Name of the network whose rest this one codes; empty for none.
    """

    name: str
    network: dict[str, Any]
    loss: str
    rate: float
    steps: int
    batch: int
    seed: int = 1
    adversarial: float = 0.0
    integer_codes: bool = False
    first: str = ""


@dataclass(frozen=True)
class Trained:
    """A trained network, and how it came about.

    Attributes
    ----------
    recipe
        What was asked.
    path, digest
        Its file and SHA-256.
    model
        The network.
    parameters
        How many numbers were trained.
    rate
        Of Adam as taken in the end.
    curve
        Rows (attempt, rate, step, seconds, training loss, MSE of training images, MSE of validation images).
    """

    recipe: Recipe
    path: Path
    digest: str
    model: Model
    parameters: int
    rate: float
    curve: list[tuple[float, ...]] = field(default_factory=list)


CURVE_FIELDS = ("attempt", "rate", "step", "seconds", "loss", "training_mse", "validation_mse")

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mse_loss,
    "1 - ms-ssim": lambda x, y: 1 - ms_ssim(x, y),
    "0.5 mse + 0.5 (1 - ms-ssim)": lambda x, y: 0.5 * mse_loss(y, x) + 0.5 * (1 - ms_ssim(x, y)),
    "1 - iou": lambda x, y: 1 - custom_iou(x, y),
}
"""What is minimised, by name; original first."""


def train(
    recipe: Recipe,
    draw: Draw,
    training: Images,
    validation: Images,
    folder: Path,
    say: Callable[[str], None],
    first: Trained | None = None,
) -> Trained:
    """Return a trained network; one that lies in `folder` from the same recipe and images is taken as it is.

    Parameters
    ----------
    draw
        Gives batches.
    training, validation
        Images that errors are measured on; the statistics of codes are those of the training images.
    folder
        Where weights are written.
    say
        Told of progress.
    first
        The network whose rest is coded.
    """
    path = folder / f"{recipe.name}.safetensors"
    key = hashlib.sha256(json.dumps([asdict(recipe), first.digest if first else ""]).encode() + training.tobytes())
    if path.is_file() and (known := read_weights(path)[1]).get("recipe") == key.hexdigest():
        digest, model = load(str(path))
        curve = [tuple(row) for row in json.loads(known["curve"])]
        return Trained(recipe, path, digest, model, int(known["parameters"]), float(known["rate"]), curve)
    torch.set_num_threads(1)
    curve = []
    for attempt in range(3):
        rate = recipe.rate / 10**attempt
        torch.manual_seed(recipe.seed)
        network = build(recipe.network)
        if first is not None:
            network = TwoStages(first.model.network, network)
        rows = _fit(recipe, network, rate, draw, training, validation, say)
        curve += [(float(attempt), rate, *row) for row in rows]
        if not _collapsed(recipe, rows[-1][3], training):
            break
        say(f"{recipe.name} learnt nothing at a rate of {rate:g}")
    network.eval().requires_grad_(False)
    parameters = sum(p.numel() for p in _trained_part(network, first).parameters())
    description = recipe.network
    if first is not None:
        description = {"family": "two_stages", "first": first.recipe.network, "second": recipe.network}
    words = {
        "recipe": key.hexdigest(),
        "asked": json.dumps(asdict(recipe)),
        "parameters": str(parameters),
        "rate": repr(rate),
        "curve": json.dumps(curve),
    }
    model = Model(network, _statistics(network, training), words)
    save(path, description, model)
    return Trained(recipe, path, sha256(path), model, parameters, rate, curve)


def _trained_part(network: Autoencoder, first: Trained | None) -> nn.Module:
    return network.decoder if first is not None else network


def _collapsed(recipe: Recipe, error: float, training: Images) -> bool:
    """Return whether a training for squared error long enough to be judged is hardly better than the mean image."""
    variance = float(np.mean(np.var(training.astype(np.float64) / 255, axis=0)))
    return recipe.loss == "mse" and recipe.steps >= LEAST_STEPS and not error < COLLAPSED * variance


def _statistics(network: Autoencoder, images: Images) -> Statistics:
    blank = np.zeros(int(np.prod(network.code_shape)), np.int32)
    codes = Model(network, Statistics(blank, np.zeros((1, 1), np.float32)), {}).encode(images)
    if len(network.code_shape) == 3:
        classes = np.repeat(np.arange(network.code_shape[0]), codes.shape[1] // network.code_shape[0])
        return statistics_of(codes, classes.astype(np.int32))
    return statistics_of(codes, classes_by_spread(codes))


def _tensor(images: Images) -> Tensor:
    return torch.from_numpy(images.astype(np.float32) / np.float32(255))[:, None]


def mean_squared_error(network: Autoencoder, images: Images) -> float:
    """Return the mean squared error over images, white being 1, of decoded images clipped to 0..1."""
    network.eval()
    errors = []
    with torch.inference_mode():
        for start in range(0, len(images), 8):
            x = _tensor(images[start : start + 8])
            errors.append(mse_loss(network(x).clamp(0, 1), x).item() * len(x))
    return float(sum(errors) / len(images))


class _Discriminator(nn.Module):  # type: ignore[misc]
    """Says for every patch whether it is real, given the image and its code (as in pix2pix and HiFiC)."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1 + code, 16, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, 1, 3, padding=1),
        )

    def forward(self, image: Tensor, code: Tensor) -> Tensor:
        """Return logits of patches."""
        return self.layers(torch.cat((image, interpolate(code, image.shape[-2:])), 1))


def _fit(
    recipe: Recipe,
    network: Autoencoder,
    rate: float,
    draw: Draw,
    training: Images,
    validation: Images,
    say: Callable[[str], None],
) -> list[tuple[float, ...]]:
    """Train in place and return rows of the curve."""
    rng = np.random.default_rng(recipe.seed)
    second = recipe.first != ""
    trained = network.decoder if second else network
    if second:
        network.encoder.requires_grad_(False)
    optimiser = torch.optim.Adam(trained.parameters(), rate)
    critic = _Discriminator(network.code_shape[0]) if recipe.adversarial else None
    critic_optimiser = torch.optim.Adam(critic.parameters(), rate) if critic is not None else None
    distance = LOSSES[recipe.loss]
    rows: list[tuple[float, ...]] = []
    start, running = time.process_time(), 0.0
    for step in range(1, recipe.steps + 1):
        network.train()
        if second:
            network.encoder.eval()
        x = _tensor(draw(rng, recipe.batch))
        if second:
            with torch.no_grad():
                x = x - network.encoder(x)
        code = trained.encode(x)
        seen = code + (torch.round(code) - code).detach() if recipe.integer_codes else code
        y = trained.decode(seen)
        loss = distance(x, y)
        total = loss
        if critic is not None and critic_optimiser is not None:
            fake = critic(y, code.detach())
            total = loss + recipe.adversarial * binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimiser.step()
        if critic is not None and critic_optimiser is not None:
            critic_optimiser.zero_grad()
            real, fake = critic(x, code.detach()), critic(y.detach(), code.detach())
            verdict = binary_cross_entropy_with_logits(real, torch.ones_like(real))
            verdict = verdict + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
            verdict.backward()
            critic_optimiser.step()
        running += loss.item()
        every = max(1, recipe.steps // POINTS)
        if step % every == 0 or step == recipe.steps:
            errors = mean_squared_error(network, training), mean_squared_error(network, validation)
            count = every if step % every == 0 else step % every
            rows.append((float(step), round(time.process_time() - start, 1), running / count, *errors))
            say(f"{recipe.name} {step}/{recipe.steps}: loss {running / count:.5f}, MSE {errors[0]:.5f} {errors[1]:.5f}")
            running = 0.0
            if 4 * step >= recipe.steps and _collapsed(recipe, errors[0], training):
                break
    return rows


def write_curves(path: Path, head: Sequence[str], trained: Sequence[Trained]) -> None:
    """Write the curves of all networks as TSV."""
    lines = [f"# {line}" for line in head] + ["\t".join(("model", *CURVE_FIELDS))]
    lines += ["\t".join((one.recipe.name, *(f"{value:.6g}" for value in row))) for one in trained for row in one.curve]
    path.write_text("\n".join(lines) + "\n")
