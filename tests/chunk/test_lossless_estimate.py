import numpy as np
import pytest

from zarr_neural import models
from zarr_neural.chunk import quantise
from zarr_neural.chunk.lossless_estimate import entropy_bits, least_nbytes
from zarr_neural.chunk.plane import encode_plane

RNG = np.random.default_rng(7)
Y, X = np.mgrid[:160, :192]
PLANES = {
    "noise": RNG.integers(0, 200, (160, 192)).astype(np.uint8),
    "smooth with noise": (900 + 300 * np.sin(Y / 19) * np.cos(X / 23) + RNG.normal(0, 6, Y.shape)).astype(np.uint16),
    "every fourth level": (4 * RNG.poisson(9 + Y / 20)).astype(np.uint16),
    "a few bright pixels": np.where(RNG.random(Y.shape) < 0.03, RNG.integers(3, 90, Y.shape), 0).astype(np.uint8),
    "a drawing": ((Y // 20 + X // 30) % 3 * 80).astype(np.uint8),
    "a fine pattern": ((Y * X) % 7 * 30).astype(np.uint8),
    "noise in one corner": np.where((Y < 40) & (X < 40), RNG.integers(0, 250, Y.shape), 5).astype(np.int16),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANES)
def test_lossless_coding_needs_more_than_the_estimate(name: str) -> None:
    """What is passed over for its estimated size would not have been smaller."""
    plane = PLANES[name]
    record, _ = encode_plane(models.load_lossless(models.default_lossless()), quantise.Identity(), plane)
    assert least_nbytes(plane[np.newaxis]) < len(record)


def test_the_estimate_grows_with_noise() -> None:
    """An estimate that is always 0 would pass the test above."""
    bits = [entropy_bits(RNG.normal(900, sigma, (2, 128, 128)).astype(np.uint16)) for sigma in (2, 8, 32)]
    assert np.diff(bits) == pytest.approx([2, 2], abs=0.3)


@pytest.mark.parametrize("shape", [(1, 1, 9), (1, 9, 1), (3, 1, 1), (200, 2, 2), (1, 2, 3)])
def test_tiny_planes_have_an_estimate(shape: tuple[int, ...]) -> None:
    """Planes too small to predict anything are always worth a try."""
    assert 0 <= least_nbytes(RNG.integers(0, 9, shape).astype(np.uint8)) <= np.prod(shape)
