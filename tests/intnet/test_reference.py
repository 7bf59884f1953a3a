"""The reference networks give the features that native code trains on, and stay inside their ranges."""

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.intnet.known_answer import known_arrays, known_plane
from zarr_neural.intnet.reference import Layer, Network, describe, infer, log_magnitude, predict

PIXELS = 500


def random_pixels(seed: int, top: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise curve, neighbours and past errors of pixels that have nothing to do with one another."""
    random = np.random.default_rng(seed)
    reach = np.where(random.random(PIXELS) < 0.5, 3, top)
    neighbours = np.clip(random.integers(0, top + 1, PIXELS) + random.integers(-reach, reach + 1, (16, PIXELS)), 0, top)
    return random.integers(0, 256, 84), neighbours, random.integers(0, 168, (8, PIXELS))


def test_log_magnitude_is_that_of_the_definition() -> None:
    """Log magnitudes are 8 per octave, linear inside, floored, for every number up to 2^20."""
    a = np.arange(1 << 20)
    octaves = [int(x).bit_length() - 1 for x in a[1:]]
    expected = [8 + 8 * o + ((8 * (int(x) - (1 << o))) >> o) for x, o in zip(a[1:], octaves, strict=True)]
    np.testing.assert_array_equal(log_magnitude(a), [0, *expected])


@pytest.mark.parametrize("top", [1, 255, 4095, 65535])
def test_features_and_outputs_stay_in_range(top: int) -> None:
    """Features are 0..255, predictions and means 0..8*top, scales 0..668, for any neighbours and coefficients."""
    random = np.random.default_rng(top)
    arrays = {name: array.astype(np.int64) for name, array in known_arrays().items()}
    for seed in range(20):
        curve, neighbours, past = random_pixels(seed, top)
        linear = random.integers(-511, 512, 16)
        predicted = predict(linear, neighbours, top)
        features = describe(curve, neighbours, past, predicted, top)
        assert features.shape == (32, PIXELS)
        at = seed % 3, seed % 3, seed % 2
        network = Network(*(Layer(*(arrays[f"{kind}{i}"][at] for kind in "wbs")) for i in (1, 2, 3)))
        scale, mean = infer(network, features, neighbours, past, predicted, top)
        for values, most in ((features, 255), (predicted, 8 * top), (scale, 668), (mean, 8 * top)):
            assert values.min() >= 0
            assert values.max() <= most


def test_features_are_those_that_native_code_trains_on() -> None:
    """Differences, past sums and the features made from them alone are what the extension hands to training."""
    top = 4095
    pixels = _native.training_pixels(_native.make_model(*known_arrays().values()), known_plane(90, 80, top), top)
    features = pixels["features"].astype(np.int64)
    difference = pixels["differences"].astype(np.int64).T
    magnitude = log_magnitude(np.abs(difference))
    np.testing.assert_array_equal(features[:, :8].T, 128 + np.sign(difference) * np.minimum(magnitude, 127))
    np.testing.assert_array_equal(features[:, 8:16].T, magnitude)
    np.testing.assert_array_equal(features[:, 20:24].sum(axis=1), pixels["past_sum"])
    assert set(np.unique(pixels["phase_class"])) <= set(range(9))


def test_a_network_without_weights_trusts_the_past() -> None:
    """With all weights zero, the scale is the sum of the four nearest past errors and the mean is the prediction."""
    curve, neighbours, past = random_pixels(1, 255)
    layers = [
        Layer(np.zeros((outputs, inputs), np.int64), np.zeros(outputs, np.int64), np.zeros(outputs, np.int64))
        for outputs, inputs in ((8, 32), (4, 8), (9, 4))
    ]
    predicted = predict(np.array([64] * 4 + [0] * 12), neighbours, 255)
    features = describe(curve, neighbours, past, predicted, 255)
    scale, mean = infer(Network(*layers), features, neighbours, past, predicted, 255)
    np.testing.assert_array_equal(scale, np.minimum(past[:4].sum(axis=0), 668))
    np.testing.assert_array_equal(mean, predicted)
