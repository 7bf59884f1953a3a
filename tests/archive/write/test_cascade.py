"""Overviews that grow region by region are those of the whole image, however the regions lie and in whatever order."""

import numpy as np
import pytest

from zarr_neural.archive.layout import grid
from zarr_neural.archive.overviews import Cascade, halve


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize(
    "sides", [((12, 20), (8, 14), (10, 6)), ((16, 16), (8, 8), (4, 4)), ((6, 90), (20, 10), (3, 9))]
)
def test_any_order_of_regions(sides: tuple[tuple[int, int], ...], labels: bool) -> None:
    """Regions of one level may straddle those of the next; each comes out once, when it is whole, and exact."""
    rng = np.random.default_rng(2)
    expected = [rng.integers(0, 60000, (70, 91)).astype("u2")]
    for _ in range(2):
        expected.append(halve(expected[-1], labels=labels))
    cascade = Cascade([level.shape for level in expected], sides, labels)
    found = [np.zeros_like(level) for level in expected]
    times = [np.zeros(level.shape, int) for level in expected]
    regions = list(grid(expected[0].shape, sides[0]))
    todo = [(0, regions[i], expected[0][regions[i]]) for i in rng.permutation(len(regions))]
    while todo:
        number, region, pixels = todo.pop()
        found[number][region] = pixels
        times[number][region] += 1
        todo += [(number + 1, *whole) for whole in cascade.feed(number, region, pixels)]
    for level, other, count in zip(expected, found, times, strict=True):
        np.testing.assert_array_equal(other, level)
        assert (count == 1).all()
