"""The float twin and the integers that it is exported as give the same outputs and the same loss."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from zarr_neural.training import Recipe
from zarr_neural.training.data import Picture
from zarr_neural.training.distributions import log_magnitude, table_costs, unit_tails
from zarr_neural.training.export import freeze
from zarr_neural.training.filters import fit_bank
from zarr_neural.training.loop import Trainer
from zarr_neural.training.loss import Shapes, code_length, scale_and_error
from zarr_neural.training.lossless import _blank
from zarr_neural.training.network import ExpertNetworks, Layer
from zarr_neural.training.pixels import Tile, collect_pixels, draw_tile


def apply_layers(layers: Sequence[Layer], features: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the outputs (E, n, 9) of integer layers for features (n, 32), in int64."""
    x = np.broadcast_to(features.astype(np.int64), (len(layers[0].weights), *features.shape))
    for number, layer in enumerate(layers):
        x = np.einsum("eni,eoi->eno", x, layer.weights.astype(np.int64)) + layer.bias[:, None]
        x = x >> layer.shift[:, None].astype(np.int64)
        if number < 2:
            x = np.clip(x, 0, 255)
    return x


@pytest.fixture(scope="module")
def trainer(pictures: list[Picture], recipe: Recipe) -> Trainer:
    """A run that has come to its end."""
    drawn = [draw_tile(pictures, 5, number) for number in range(recipe.tiles)]
    tiles: list[Tile] = [tile for tile in drawn if tile is not None]
    bank = fit_bank([tile.samples for tile in tiles], 3)
    run = Trainer(collect_pixels(tiles, _blank(bank, unit_tails()), 400, 5)[0], recipe.settings, 0)
    run.run()
    return run


def test_integers_equal_the_float_twin() -> None:
    """Every output of the integer layers is that of the float network, for weights small and large."""
    rng = np.random.default_rng(0)
    features = rng.integers(0, 256, (500, 32)).astype(np.uint8)
    for seed, gain in enumerate([0.01, 1, 1, 5, 40]):
        networks = ExpertNetworks(3, 24, 16, seed)
        with torch.no_grad():
            for parameter in networks.parameters():
                parameter.mul_(gain).add_(
                    torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)) * 0.1
                )
            expected = torch.stack(networks([torch.from_numpy(features).float()] * 3)).numpy()
        found = apply_layers(networks.layers(), features)
        np.testing.assert_array_equal(found, expected)


def test_exported_integers_have_the_loss_of_training(trainer: Trainer) -> None:
    """The frozen network codes a batch within half a per cent of the bits that training saw."""
    frozen = freeze(trainer, unit_tails())
    pixels = trainer.validation
    with torch.no_grad():
        trained = trainer.bits(pixels).mean(1).numpy()
        integers = [torch.from_numpy(a).float() for a in (pixels.past_sum, pixels.differences, pixels.error)]
        exported = np.zeros((2, 2))  # by integers, and by expert whose shapes they are coded with
        for number, layer in enumerate(apply_layers(frozen.layers, pixels.features)):
            scale, error = scale_and_error(torch.from_numpy(layer).float(), *integers)
            for expert in range(2):
                exported[number, expert] = code_length(scale, error, trainer.shapes, torch.tensor(expert)).mean()
    orders = [[exported[0, 0], exported[1, 1]], [exported[1, 0], exported[0, 1]]]
    assert min(np.abs(np.array(order) / trained - 1).max() for order in orders) < 0.005


def test_training_helps(trainer: Trainer) -> None:
    """The trained network codes better than one that has learnt nothing."""
    blank = Trainer(trainer.train, trainer.settings, 0)
    before, after = (run.tile_bits(trainer.train).min(1).sum() for run in (blank, trainer))
    assert after < 0.99 * before


def test_code_length_sums_to_one() -> None:
    """The lengths of all residuals of a scale are those of a probability distribution."""
    shapes = Shapes(1)
    for scale in (0, 40, 128, 256):
        residuals = torch.arange(-3000, 3001).float() + 0.3
        with torch.no_grad():
            bits = code_length(torch.full((6001,), float(scale)), residuals, shapes, torch.tensor(0))
        total = float(torch.exp2(-bits).sum())
        assert total == pytest.approx(1, abs=2e-3)


def test_table_costs_are_code_lengths() -> None:
    """Costs grow with the error, and the normal shape of the right row costs its entropy."""
    costs = table_costs(unit_tails())
    assert (np.diff(costs[:, :, 8:], axis=2) > -0.2).all()
    sigma = 10.0
    errors = np.rint(8 * np.random.default_rng(0).normal(0, sigma, 100_000)).astype(int)
    row = round(4 * (np.log2(sigma) + 4))
    found = costs[0, row, log_magnitude(errors)].mean()
    assert found == pytest.approx(0.5 * np.log2(2 * np.pi * np.e * sigma**2), abs=0.05)
