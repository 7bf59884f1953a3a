"""Pictures that tests make themselves, as cameras would; and the slow encoder of path Y beside this file."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

Picture = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def picture() -> Picture:
    """Smooth blobs under photon and read noise, as uint16: ``picture(height, width, seed, photons, gain)``."""

    def make(height: int, width: int, seed: int = 0, photons: float = 200, gain: float = 2.0) -> np.ndarray:
        random = np.random.default_rng([seed, height, width])
        y, x = np.mgrid[:height, :width]
        light = np.full((height, width), 0.05)
        for _ in range(12):
            size = random.uniform(4, 0.2 * max(height, width) + 5)
            distance = (y - random.uniform(0, height)) ** 2 + (x - random.uniform(0, width)) ** 2
            light += random.uniform(0.1, 1) * np.exp(-distance / (2 * size**2))
        electrons = random.poisson(photons * light)
        return np.clip(100 + gain * electrons + random.normal(0, 3, light.shape), 0, 65535).round().astype(np.uint16)

    return make


@pytest.fixture(scope="session")
def slow_encoder() -> ModuleType:
    """An encoder of path Y that may make any choice that the format allows."""
    path = Path(__file__).with_name("slow_transform_encoder.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
