"""Codes become integers, and integers bytes, whatever the codes were."""

import numpy as np
import pytest

from zarr_neural.errors import DamagedChunkError, UnsupportedInputError
from zarr_neural.zoo.autoencoders.codes import CodeCoder, classes_by_spread, statistics_of

RNG = np.random.default_rng(8)
TRAINING = np.maximum(RNG.normal(0, [0.0, 1e-3, 1.0, 50.0, 2.0], (40, 5)), [-9, -9, -9, -999, 0]).astype("f4")
OTHERS = (TRAINING[:7] * 3 + np.array([0.2, 0, 1, -500, 0])).astype("f4")


@pytest.mark.parametrize("step", [1e-5, 0.01, 0.7, 1000.0])
def test_integers_survive(step: float) -> None:
    coder = CodeCoder(statistics_of(TRAINING, np.arange(5, dtype="i4")), step)
    for codes in (TRAINING, OTHERS):
        integers = coder.quantise(codes)
        payload, words = coder.pack(integers)
        np.testing.assert_array_equal(coder.unpack(payload, words, len(codes)), integers)
        assert np.abs(coder.dequantise(integers) - codes).max() <= 0.5 * step + 1e-4


def test_the_rate_is_near_the_entropy() -> None:
    codes = RNG.laplace(0, 1, (400, 64)).astype("f4")
    coder = CodeCoder(statistics_of(codes[:200], np.zeros(64, "i4")), 0.5)
    integers = coder.quantise(codes[200:])
    _, counts = np.unique(integers, return_counts=True)
    entropy = -(counts * np.log2(counts / integers.size)).sum() / 8
    assert entropy < len(coder.pack(integers)[0]) < 1.03 * entropy + 8


def test_elements_that_are_always_zero_cost_next_to_nothing() -> None:
    codes = np.zeros((10, 1000), "f4")
    coder = CodeCoder(statistics_of(codes, np.zeros(1000, "i4")), 0.5)
    assert len(coder.pack(coder.quantise(codes[:1]))[0]) < 8


def test_classes_hold_elements_of_like_spread() -> None:
    sizes = np.repeat([0.0, 1.0, 100.0], 20)
    classes = classes_by_spread((RNG.normal(0, 1, (50, 60)) * sizes).astype("f4"), 3)
    assert [len(set(classes[part : part + 20])) for part in (0, 20, 40)] == [1, 1, 1]
    assert set(classes) == {0, 1, 2}


def test_codes_that_are_no_numbers_are_refused() -> None:
    coder = CodeCoder(statistics_of(TRAINING, np.arange(5, dtype="i4")), 0.5)
    for bad in (np.nan, np.inf, 1e30):
        with pytest.raises(UnsupportedInputError, match="no numbers of steps"):
            coder.quantise(np.full((1, 5), bad, "f4"))


def test_streams_that_end_elsewhere_are_damaged() -> None:
    coder = CodeCoder(statistics_of(TRAINING, np.arange(5, dtype="i4")), 0.5)
    payload, words = coder.pack(coder.quantise(TRAINING))
    for images in (39, 41):
        with pytest.raises(DamagedChunkError):
            coder.unpack(payload, words, images)
