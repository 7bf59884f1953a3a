"""Pictures made in memory, and a recipe that takes seconds."""

import numpy as np
import pytest
from scipy import ndimage

from zarr_neural.training import Recipe
from zarr_neural.training.data import Picture
from zarr_neural.training.loop import Settings


@pytest.fixture(scope="session")
def pictures() -> list[Picture]:
    """Two kinds of smooth fields with shot noise, and a held-out one that must never be drawn."""
    rng = np.random.default_rng(7)
    found = []
    for number, (kind, gain) in enumerate([("dim", 20), ("bright", 900), ("dim", 20)]):
        field = ndimage.gaussian_filter(rng.random((300, 320)), 6)
        field = gain * (1 + 5 * (field - field.min()) / np.ptp(field))
        samples = rng.poisson(field).astype(np.uint16) if number < 2 else np.full((300, 320), 7, np.uint16)
        found.append(Picture(kind, f"group {number}", f"{kind} {number}", number == 2, samples))
    return found


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Two experts of the smallest size, twelve tiles, sixty steps."""
    settings = Settings(steps=60, batch=512, experts=2, hidden1=8, hidden2=8, seed=3)
    return Recipe(settings, tiles=12, pixels=400, filters=3, bank_tiles=12)
