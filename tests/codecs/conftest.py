"""A picture that the tests of codecs share."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    """A smooth scene with photon noise: ``picture(shape, dtype)``, its last two axes an image."""

    def make(shape: tuple[int, ...], dtype: str = "u2") -> np.ndarray:
        random = np.random.default_rng(list(shape))
        grid = np.indices(shape)
        light = 60 + 50 * np.sin(grid[-1] / 11) * np.cos(grid[-2] / 17) + 5 * grid[: len(shape) - 2].sum(0)
        image = random.poisson(np.maximum(light, 1))
        return image.clip(0, 127).astype(dtype) if np.dtype(dtype).itemsize == 1 else (7 * image).astype(dtype)

    return make
