"""Huffman codes are canonical, complete and end where they should."""

import numpy as np
import pytest

from zarr_neural.errors import DamagedChunkError
from zarr_neural.zoo.autoencoders.huffman import decode, encode

RNG = np.random.default_rng(2)
CASES = {
    "one symbol": np.full(100, 7, "u1"),
    "two symbols": (RNG.random(999) < 0.01).astype("u1"),
    "laplace": RNG.laplace(0, 6, 5000).astype("i1").view("u1"),
    "all symbols": np.arange(256, dtype="u1"),
    "powers": np.repeat(np.arange(12, dtype="u1"), 2 ** np.arange(12)),
}


@pytest.mark.parametrize("name", CASES)
def test_round_trip(name: str) -> None:
    values = CASES[name]
    np.testing.assert_array_equal(decode(encode(values), values.size), values)


def test_the_rate_is_that_of_an_optimal_prefix_code() -> None:
    values = CASES["powers"]  # probabilities are powers of two but for the rarest
    counts = np.bincount(values)
    bits = int((counts * np.array([11, 11, *range(10, 0, -1)])).sum())
    assert len(encode(values)) == 257 + -(-bits // 8)


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:100], lambda data: data[:-1], lambda data: data + b"\0", lambda data: b"\x09" + data[1:]],
    ids=["table", "bits", "more", "lengths"],
)
def test_damage_is_an_error(damage: object) -> None:
    data = encode(CASES["laplace"])
    with pytest.raises(DamagedChunkError):
        decode(damage(data), 5000)  # type: ignore[operator]
