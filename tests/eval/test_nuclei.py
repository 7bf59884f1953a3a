"""Nuclei are found where they are, and label images are compared object by object."""

import numpy as np
import pytest
from scipy import ndimage

from eval.predictors import compare_labels, segment_nuclei


def nuclei(seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Sixteen ellipses of different brightness, some of which touch, blurred, on a background with shot noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    truth = np.zeros((256, 256), int)
    light = np.full((256, 256), 100.0)
    for number in range(16):
        cy, cx = (
            36 + 60 * (number // 4),
            36 + 60 * (number % 4) - (34 if number % 2 else 0),
        )
        inside = ((y - cy) / (12 + number % 5)) ** 2 + ((x - cx) / (15 - number % 4)) ** 2 < 1
        truth[inside & (truth == 0)] = number + 1
        light += inside * rng.uniform(400, 1200)
    return rng.poisson(ndimage.gaussian_filter(light, 1.5)).astype(np.uint16), truth


def test_finds_known_nuclei() -> None:
    """Ellipses of known places and sizes are found one by one."""
    plane, truth = nuclei()
    found = segment_nuclei(plane)
    likeness = compare_labels(truth, found)
    assert found.dtype == np.int32
    assert likeness["dice"] > 0.88
    assert likeness["f1"] > 0.9
    assert likeness["count_ratio"] == pytest.approx(1, abs=0.07)


def test_gain_and_offset_do_not_matter() -> None:
    """The same nuclei are found at another brightness."""
    plane, _ = nuclei()
    likeness = compare_labels(segment_nuclei(plane), segment_nuclei(plane.astype(np.float32) * 7 + 1000))
    assert likeness == {"dice": 1.0, "f1": 1.0, "count_ratio": 1.0}


def test_damage_lowers_the_likeness() -> None:
    """What blurs nuclei into one another costs objects first."""
    plane, _ = nuclei()
    sharp = segment_nuclei(plane)
    blurred = compare_labels(sharp, segment_nuclei(ndimage.gaussian_filter(plane.astype(float), 9)))
    assert blurred["f1"] < 0.8
    assert blurred["dice"] < 0.95


def test_nothing_to_find() -> None:
    """A constant plane has no nuclei."""
    assert not segment_nuclei(np.full((50, 60), 9, np.uint8)).any()
    with pytest.raises(ValueError, match="found shape"):
        segment_nuclei(np.zeros((2, 3, 4)))


def test_compares_one_to_one() -> None:
    """Objects match once, at an intersection over union of 0.5 or more."""
    reference = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3, 3]])
    split = np.array([[1, 1, 4, 4, 0, 2, 2, 0, 0, 3]])
    found = compare_labels(reference, split)
    assert found["dice"] == pytest.approx(2 * 7 / (8 + 7))
    assert found["f1"] == pytest.approx(2 * 3 / (3 + 4))
    assert found["count_ratio"] == pytest.approx(4 / 3)
    empty = np.zeros((1, 10), int)
    assert compare_labels(empty, empty)["f1"] == 1
    assert np.isnan(compare_labels(empty, split)["count_ratio"])
    assert compare_labels(reference, empty) == {"dice": 0.0, "f1": 0.0, "count_ratio": 0.0}
    with pytest.raises(ValueError, match="labels have shape"):
        compare_labels(reference, empty[:, :5])
