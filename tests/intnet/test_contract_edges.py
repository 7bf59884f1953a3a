"""The numeric contract at its edges, held by the Python check and by the engine alike: forged models pass neither."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.errors import ModelError
from zarr_neural.intnet.known_answer import known_arrays, known_transform_arrays
from zarr_neural.intnet.lossy_arrays import native_arrays
from zarr_neural.models import validate, validate_lossy

Arrays = dict[str, np.ndarray]
KINDS: dict[str, tuple[Callable[[], Arrays], Callable[[Arrays], None], Callable[[Arrays], Any]]] = {
    "lossless": (known_arrays, validate, lambda arrays: _native.make_model(*arrays.values())),
    "lossy": (
        known_transform_arrays,
        validate_lossy,
        lambda arrays: _native.make_lossy_model(*native_arrays(arrays)),
    ),
}
LARGEST_SUM = 2**23 - 1


def with_sum(arrays: Arrays, layer: str, largest: int, sign: int) -> None:
    """Give the last channel of a layer weights and a bias whose largest sum is the one given."""
    weights = arrays["w" + layer][-1, -1, -1, -1]
    weights[:] = 63
    arrays["b" + layer][-1, -1, -1, -1] = sign * (largest - 255 * 63 * weights.size)


def accepted(kind: str, change: Callable[[Arrays], None]) -> tuple[bool, bool]:
    """Whether the Python check takes the known model of a kind after a change, and whether the engine does."""
    make, check, build = KINDS[kind]
    arrays = make()
    change(arrays)
    answers = []
    for take in (check, build):
        try:
            take(arrays)
            answers.append(True)
        except (ModelError, ValueError):
            answers.append(False)
    return answers[0], answers[1]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("layer", ["1", "2", "3"])
@pytest.mark.parametrize("kind", KINDS)
def test_sums_stay_below_two_to_the_23(kind: str, layer: str, sign: int) -> None:
    """A sum of 2^23 - 1 is taken and one of 2^23 refused, in every layer, for biases of both signs."""
    assert accepted(kind, lambda arrays: with_sum(arrays, layer, LARGEST_SUM, sign)) == (True, True)
    assert accepted(kind, lambda arrays: with_sum(arrays, layer, LARGEST_SUM + 1, sign)) == (False, False)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("s1", 23, 24), ("s2", 23, 32), ("s3", 23, 255),
        ("w1", 63, 64), ("w2", -63, -64), ("w3", -63, -128),
        ("b1", 0, -(2**31)), ("b2", 0, 2**31 - 1), ("b3", 0, 2**23),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_shifts_weights_and_biases(kind: str, name: str, good: int, bad: int) -> None:
    """Shifts reach 23 and weights 63 in magnitude; a bias alone may not reach the limit of sums either."""

    def put(value: int) -> Callable[[Arrays], None]:
        return lambda arrays: arrays[name].reshape(-1).__setitem__(-1, value)

    assert accepted(kind, put(good)) == (True, True)
    assert accepted(kind, put(bad)) == (False, False)


@pytest.mark.parametrize(
    ("kind", "name", "good", "bad"),
    [
        ("lossless", "bank", 511, 512), ("lossless", "bank", -511, -512),
        ("lossy", "gains", 2047, 2048), ("lossy", "gains", -2048, -2049),
    ],
)  # fmt: skip
def test_filters_and_gains(kind: str, name: str, good: int, bad: int) -> None:
    """Coefficients of the bank and gains have their ranges in the engine too."""
    for value, answer in ((good, True), (bad, False)):
        assert accepted(kind, lambda arrays, v=value: arrays[name].reshape(-1).__setitem__(-1, v)) == (answer, answer)
