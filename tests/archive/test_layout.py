"""How arrays are cut."""

import math

import numpy as np
import pytest

from zarr_neural.archive.layout import Level, check_aligned, chunk_shape, grid, levels, region_shape
from zarr_neural.archive.overviews import halve
from zarr_neural.errors import ArchiveError, ConfigurationError


@pytest.mark.parametrize(
    ("size", "side"), [(1, 1), (512, 512), (1080, 1080), (1536, 768), (2048, 1024), (2160, 1080), (5000, 1000)]
)
def test_chunks_cut_evenly(size: int, side: int) -> None:
    """The default chunk leaves no thin strip at the edge."""
    assert chunk_shape((2, 3, size, size)) == (1, 1, side, side)


def test_chunks_can_be_set() -> None:
    """Numbers are the trailing axes, clipped to the image; too many or senseless ones are refused."""
    assert chunk_shape((5, 300, 400), (256, 512)) == (1, 256, 400)
    assert chunk_shape((5, 300, 400), (2, 256, 256)) == (2, 256, 256)
    for wrong in ((1, 1, 1, 64), (0, 64)):
        with pytest.raises(ConfigurationError):
            chunk_shape((5, 300, 400), wrong)


def test_shards_hold_whole_chunks() -> None:
    """A shard is a whole number of chunks, chosen or set."""
    for shards in (True, (1, 700, 700), (4, 64, 64)):
        for level in levels((9, 1500, 2300), 2, chunks=(1, 256, 256), shards=shards):
            assert level.shards is not None
            assert all(s % c == 0 for s, c in zip(level.shards, level.chunks, strict=True))


def test_the_pyramid_ends_small() -> None:
    """Levels halve, rounded up, until y and x are at most 256; leading axes stay."""
    assert [level.shape for level in levels((3, 1025, 700), 2)] == [
        (3, 1025, 700),
        (3, 513, 350),
        (3, 257, 175),
        (3, 129, 88),
    ]
    assert len(levels((256, 256), 1)) == 1


@pytest.mark.parametrize("shape", [(7, 100, 130), (2, 3, 64, 64), (1, 1)])
def test_regions_cover_every_pixel_once_and_are_aligned(shape: tuple[int, ...]) -> None:
    """Regions are whole blocks, they cover the array, and they never overlap."""
    level = Level("0", shape, chunk_shape(shape, (48, 32)), None)
    seen = np.zeros(shape, int)
    for region in grid(shape, region_shape(level, 2)):
        check_aligned(region, shape, level.block)
        seen[region] += 1
        blocks = list(grid(shape, level.block, region))
        assert sum(math.prod(s.stop - s.start for s in block) for block in blocks) == seen[region].size
    assert (seen == 1).all()


@pytest.mark.parametrize("part", [slice(1, 64), slice(0, 63), slice(64, 100), slice(64, 200), slice(64, 64)])
def test_unaligned_regions_are_refused(part: slice) -> None:
    """A write that would cut a chunk in two is refused: it would code a part of it twice."""
    with pytest.raises(ArchiveError, match="blocks of 64"):
        check_aligned((slice(0, 1), part), (1, 130), (1, 64))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "float32"])
@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (1, 1), (2, 3, 3)])
def test_halving_takes_the_mean(dtype: str, shape: tuple[int, ...]) -> None:
    """An overview pixel is the mean of its 2 x 2 pixels, edges repeated, in the same dtype."""
    rng = np.random.default_rng(0)
    block = (
        rng.uniform(0, 1, shape).astype(dtype)
        if dtype[0] == "f"
        else rng.integers(-100 if dtype[0] == "i" else 0, 100, shape).astype(dtype)
    )
    padded = np.pad(block, [(0, 0)] * (len(shape) - 2) + [(0, s % 2) for s in shape[-2:]], mode="edge").astype(float)
    mean = (padded[..., ::2, ::2] + padded[..., 1::2, ::2] + padded[..., ::2, 1::2] + padded[..., 1::2, 1::2]) / 4
    half = halve(block, labels=False)
    assert half.dtype == block.dtype
    np.testing.assert_allclose(half, mean if dtype[0] == "f" else np.floor(mean + 0.5), rtol=1e-6)


def test_halving_labels_makes_no_new_label() -> None:
    """Label overviews hold labels that exist."""
    block = np.random.default_rng(0).choice([0, 7, 900], (9, 9)).astype("uint16")
    np.testing.assert_array_equal(halve(block, labels=True), block[::2, ::2])
