"""The transform of path Y, number by number, as its specification says it."""

import numpy as np
import pytest

from zarr_neural.intnet.reference_transform import (
    POWER,
    band_step,
    dequantise,
    dequantise_band,
    describe_band,
    fraction_bits,
    join,
    places,
    step_back,
    to_samples,
    wrapped,
)


def test_powers_are_the_powers_of_two() -> None:
    """power[i] is 2^(10 + i/64), rounded."""
    assert list(POWER) == [round(2 ** (10 + i / 64)) for i in range(64)]


@pytest.mark.parametrize("n", [2, 3, 4, 7, 8, 33])
def test_join_by_hand(n: int) -> None:
    """Lines of any length, one number at a time, as the specification writes the four steps."""
    random = np.random.default_rng(n)
    s, d = (random.integers(-100_000, 100_000, m).tolist() for m in (n - n // 2, n // 2))
    joined = join(np.array(s)[:, None], np.array(d)[:, None])[:, 0]

    def detail(i: int) -> int:
        return d[min(max(i, 0), len(d) - 1)]

    def smooth(i: int) -> int:
        return s[min(i, len(s) - 1)]

    for i in range(len(s)):
        s[i] -= (227 * (detail(i - 1) + detail(i)) + 256) >> 9
    for i in range(len(d)):
        d[i] -= (113 * (smooth(i) + smooth(i + 1)) + 64) >> 7
    for i in range(len(s)):
        s[i] += (217 * (detail(i - 1) + detail(i)) + 2048) >> 12
    for i in range(len(d)):
        d[i] += (203 * (smooth(i) + smooth(i + 1)) + 64) >> 7
    assert joined[0::2].tolist() == s
    assert joined[1::2].tolist() == d


def test_a_line_without_detail_is_its_smooth_part() -> None:
    """One row has nothing to join."""
    np.testing.assert_array_equal(join(np.array([[5, 6]]), np.zeros((0, 2), np.int64)), [[5, 6]])


def test_a_constant_stays_nearly_constant() -> None:
    """Without detail, a flat grid gives a flat one: the coarse grid's scale is the plane's."""
    for shape in ((2, 2), (64, 63)):
        half = [(n - n // 2, n // 2) for n in shape]
        bands = [np.zeros(part, np.int64) for part in ((half[0][0], half[1][1]), (half[0][1], half[1][0]))]
        bands.append(np.zeros((half[0][1], half[1][1]), np.int64))
        grid = step_back(np.full((half[0][0], half[1][0]), 100_000), bands)
        assert grid.shape == shape
        assert np.abs(grid - 100_000).max() < 500


def test_wrapped() -> None:
    """Numbers keep their value modulo 2^32."""
    numbers = [0, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32 + 5, 3 * 2**40 - 7]
    assert wrapped(np.array(numbers)).tolist() == [0, -1, 2**31 - 1, -(2**31), -(2**31), 2**31 - 1, 5, -7]


def test_samples_round_and_stay_in_range() -> None:
    """Fractional bits are as many as leave room for the range; samples are rounded and clamped."""
    assert [fraction_bits(top) for top in (1, 255, 2047, 2048, 4095, 4096, 65535)] == [8, 8, 8, 7, 7, 6, 3]
    assert to_samples(np.array([-128, -129, 127, 128, 10**6, -(10**6)]), 255).tolist() == [128, 127, 128, 129, 255, 0]
    assert to_samples(np.array([0]), 1).tolist() == [1]
    assert to_samples(np.array([2**31 - 1]), 255).tolist() == [0]  # wraps


def test_steps_of_bands() -> None:
    """Gains lie between the vectors of the quality and its successor; levels beyond ten share the tenth."""
    gains = np.arange(60).reshape(2, 10, 3) * 10 - 300
    assert band_step(gains, 1, 0, 1000, 0) == 700
    assert band_step(gains, 2, 1, 1000, 0) == 740
    assert band_step(gains, 10, 2, 1000, 0) == band_step(gains, 24, 2, 1000, 0) == 990
    assert band_step(gains, 1, 0, 1000, 16) == band_step(gains, 1, 0, 1000, 255) == 1000
    assert band_step(gains, 1, 0, 1000, 5) == 1000 + ((-300 * 11 + 0 * 5 + 8) >> 4)
    assert band_step(gains, 1, 0, 0, 0) == 0
    assert band_step(gains, 10, 2, 2047, 255) == 2047


def test_dequantising() -> None:
    """A value is 2^(step/64 - 6) units, a quarter of the step; from octave 16 on the product is shifted left."""
    values = np.array([0, 1, -1, 7, 1000, -(2**20) + 1])
    for step in range(0, 2048, 77):
        exact = values * 2.0 ** (step / 64 - 6)
        found = dequantise(values, step)
        if step < 16 * 64:
            assert np.abs(found - exact).max() <= 0.5 + np.abs(exact).max() * 0.0006
        else:
            expected = [(int(v) * POWER[step & 63] << ((step >> 6) - 16)) for v in values]
            assert found.tolist() == wrapped(np.array(expected)).tolist()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (2, 2), (3, 3), (5, 4)], ids=str)
def test_edges_of_bands_have_finer_steps(shape: tuple[int, int]) -> None:
    """The first and the last row and column have half an octave less, but never less than nothing."""
    values = np.arange(1, 1 + np.prod(shape)).reshape(shape) * 1000
    for step in (0, 20, 32, 33, 700, 2047):
        found = dequantise_band(values, step)
        for (i, j), value in np.ndenumerate(values):
            inside = 0 < i < shape[0] - 1 and 0 < j < shape[1] - 1
            assert found[i, j] == dequantise(value, step if inside else max(step - 32, 0))
    assert dequantise_band(np.zeros((0, 3), np.int64), 100).shape == (0, 3)


def test_features_name_their_places() -> None:
    """Each feature reads the place that the specification's table says; here every place has a number of its own."""
    shapes = ((8, 6), (7, 6), (7, 6))
    known = [np.arange(np.prod(shape)).reshape(shape) + 50 * band for band, shape in enumerate(shapes)]
    parents = [np.arange(12).reshape(4, 3) + 200 + 12 * band for band in range(3)]

    def at(grid: np.ndarray, i: int, j: int) -> int:
        return int(grid[i, j]) if 0 <= i < grid.shape[0] and 0 <= j < grid.shape[1] else 0

    def plus(grid: np.ndarray, i: int, j: int) -> list[int]:
        return [at(grid, i - 1, j), at(grid, i, j - 1), at(grid, i, j + 1), at(grid, i + 1, j)]

    def corners(grid: np.ndarray, i: int, j: int) -> list[int]:
        return [at(grid, i + a, j + b) for a in (-1, 1) for b in (-1, 1)]

    def mean(grid: np.ndarray, i: int, j: int) -> int:
        return (41 * sum(at(grid, i + a, j + b) for a in range(-2, 3) for b in range(-2, 3))) >> 10

    for band in range(3):
        own, p = known[band], parents[band]
        x, y = (parents[other] for other in range(3) if other != band)
        for phase in range(4):
            features = describe_band(known, parents, band, phase)
            rows, columns = places(own.shape, phase)
            spots = [(int(i), int(j)) for i in rows[:, 0] for j in columns]
            assert features.shape == (32, len(spots))
            for n, (i, j) in enumerate(spots):
                a, b = i // 2, j // 2
                hl = [at(known[0], i, j), *plus(known[0], i, j)]
                lh = [at(known[1], i, j), *plus(known[1], i, j)]
                groups = {
                    0: corners(p, a, b) + plus(x, a, b) + [plus(y, a, b)[0], plus(y, a, b)[3]],
                    1: hl + corners(p, a, b) + [plus(y, a, b)[0]],
                    2: hl + lh,
                }
                expected = plus(own, i, j) + corners(own, i, j) + groups[band]
                expected += [at(p, a, b), *plus(p, a, b), at(x, a, b), at(y, a, b)]
                expected += [mean(own[::2, ::2], a, b), mean(own[1::2, 1::2], a, b)]
                expected += [mean(known[0][::2, ::2], a, b) if band > 0 else 0]
                expected += [mean(known[1][::2, ::2], a, b) if band > 1 else 0]
                expected += [mean(grid, a, b) for grid in (p, x, y)]
                assert features[:, n].tolist() == expected


def test_below_the_coarsest_level_there_is_nothing() -> None:
    """Features that read parents are 0 where there are none."""
    known = [np.full((2, 1), 9), np.full((1, 2), 9), np.full((1, 1), 9)]
    for band in range(3):
        features = describe_band(known, [np.zeros((0, 0), np.int64)] * 3, band, 0)
        assert not features[18:25].any()
        assert not features[29:].any()
