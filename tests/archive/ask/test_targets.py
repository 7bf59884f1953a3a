"""From decibels and ratios to one rmse for each channel, before anything is written."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import fidelity_from
from zarr_neural.archive.ask import targets
from zarr_neural.archive.ask.targets import channel_groups, channel_peaks, find_rmse, sample_chunks
from zarr_neural.archive.layout import levels
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ConfigurationError, UnsupportedInputError

Writer = Callable[..., tuple[Path, np.ndarray]]


@pytest.mark.parametrize("scale", [1, 1000])
@pytest.mark.parametrize("wanted", [2.1, 5, 19, 80])
@pytest.mark.parametrize(
    "ratio_of",
    [
        lambda r: 16 / max(0.05, 8 - math.log2(r)),  # bits fall by one an octave
        lambda r: 1 + r**0.7,
        lambda r: 2 + (r > 3) * (r - 3) ** 2,  # nothing is gained at first
        lambda r: 2 * 1.06 ** round(math.log(1 + r) * 13),  # in steps of six percent
    ],
    ids=["line", "power", "late", "steps"],
)
def test_the_rmse_of_a_ratio_is_found(ratio_of: Callable[[float], float], wanted: float, scale: float) -> None:
    """The ratio that comes out is the wanted one or up to 5 % more (a step of the curve more), in a few trials."""
    trials = []

    def tried(rmse: float) -> float:
        trials.append(rmse)
        return ratio_of(rmse / scale)

    found, ratio = find_rmse(tried, wanted, (0.01 * scale, 2.0), (1000 * scale, ratio_of(1000)))
    assert ratio == ratio_of(found / scale)
    assert wanted <= ratio <= wanted * 1.05 * 1.07
    assert len(trials) <= 16


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "tile": (64, 64)}], ids=["plain", "tiles"])
def test_peaks_are_the_range_of_each_channel(options: dict[str, Any], write_ome: Writer) -> None:
    """Between the percentiles 0.05 and 99.95, the whole image over: one hot and one dead pixel do not set it."""
    pixels = np.random.default_rng(3).integers(100, 200, (3, 2, 4, 130, 170)).astype("uint16")
    pixels[2, 1, 3, 129, 169] = 60_000
    pixels[0, 0, 0, 0, 0] = 7
    path, _ = write_ome("TCZYX", pixels.shape, pixels=pixels, **options)
    with open_images(path) as (image,):
        level = levels(image.shape, 2)[0]
        assert channel_peaks(image, level, 2) == [99, 99]


def test_the_whole_image_is_never_in_memory(write_ome: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Peaks are read in regions of the size that conversion works on."""
    path, _ = write_ome("ZYX", (9, 300, 200))
    monkeypatch.setattr("zarr_neural.archive.layout.REGION_NBYTES", 64 * 200 * 2)
    with open_images(path) as (image,):
        sizes = []
        read = type(image).read
        monkeypatch.setattr(type(image), "read", lambda *a: sizes.append((b := read(*a)).nbytes) or b)  # type: ignore[func-returns-value]
        channel_peaks(image, levels(image.shape, 2, chunks=(64, 64))[0], 2)
    assert sum(sizes) == 9 * 300 * 200 * 2
    assert max(sizes) <= 64 * 200 * 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_mean_error_are_refused(bad: float, tmp_path: Path) -> None:
    """NaN and infinities have no range."""
    pixels = np.ones((60, 70), "float32")
    pixels[5, 6] = bad
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with open_images(tmp_path / "a.tif") as (image,), pytest.raises(UnsupportedInputError, match="NaN or infinite"):
        channel_peaks(image, levels(image.shape, 4)[0], 1)


def test_samples_are_spread_and_padded(write_ome: Writer) -> None:
    """Eight different chunks of the channel, as the codec will see them; their bytes are those inside the image."""
    path, pixels = write_ome("TCZYX", (2, 3, 5, 130, 170))
    with open_images(path) as (image,):
        level = levels(image.shape, 2, chunks=(64, 64))[0]
        for group in channel_groups(image, level):
            found = list(sample_chunks(image, level, group))
            assert len(found) == 8
            assert len({chunk.tobytes() for chunk, _ in found}) == 8
            for chunk, nbytes in found:
                assert chunk.shape == (1, 1, 1, 64, 64)
                rows, columns = (1 + int(np.flatnonzero(chunk[0, 0, 0].any(axis)).max()) for axis in (1, 0))
                assert nbytes == 2 * rows * columns
                plane = chunk[0, 0, 0, :rows, :columns]
                where = [
                    (t, z, y, x)
                    for t in range(2) for z in range(5) for y in range(0, 130, 64) for x in range(0, 170, 64)
                    if np.array_equal(pixels[t, group.start, z, y : y + rows, x : x + columns], plane)
                ]  # fmt: skip
                assert where


def test_a_ratio_that_cannot_be_met_is_told(write_ome: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ratio jumps the larger one is taken, and said."""
    path, _ = write_ome("YX", (64, 64))
    monkeypatch.setattr(targets, "find_rmse", lambda *a: (3.0, 27.3))
    with open_images(path) as (image,):
        found, notes = targets.resolve(image, fidelity_from(ratio=5.0), levels(image.shape, 2)[0], 1)
    assert [target.rmse for target in found] == [3.0]
    assert notes == ("channel 0: a ratio of 5 cannot be met closely: it is 27.3 on the chunks that were tried",)


def test_samples_are_small(write_ome: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large chunks fewer are taken, and a single one is taken whole."""
    path, pixels = write_ome("ZYX", (9, 100, 100))
    with open_images(path) as (image,):
        monkeypatch.setattr("zarr_neural.archive.ask.targets.SAMPLE_NBYTES", 3 * 2 * 100 * 100)
        assert len(list(sample_chunks(image, levels(image.shape, 2)[0], range(1)))) == 3
        ((chunk, nbytes),) = sample_chunks(image, levels(image.shape, 2, chunks=(9, 100, 100))[0], range(1))
        np.testing.assert_array_equal(chunk, pixels)
        assert nbytes == pixels.nbytes


@pytest.mark.parametrize(
    ("cut", "groups"),
    [
        ({}, [[0], [1], [2]]),
        ({"chunks": (2, 64, 64)}, [[0, 1], [2]]),
        ({"chunks": (64, 64), "shards": True}, [[0, 1, 2]]),
        ({"chunks": (64, 64), "shards": True, "apart": 0}, [[0], [1], [2]]),
        ({"chunks": (64, 64), "shards": (2, 128, 128), "apart": 0}, [[0, 1], [2]]),
    ],
    ids=str,
)
def test_channels_that_are_written_together_are_resolved_together(
    cut: dict[str, Any], groups: list[list[int]], write_ome: Writer
) -> None:
    """A chunk or shard is written with one codec; shards that are chosen here keep to one channel where asked."""
    path, _ = write_ome("CYX", (3, 130, 170))
    with open_images(path) as (image,):
        assert [list(group) for group in channel_groups(image, levels(image.shape, 2, **cut)[0])] == groups


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"psnr": 24.9}, "psnr must be a finite number of at least 25 dB, not 24.9"),
        ({"psnr": math.inf}, "psnr must be .* not inf"),
        ({"psnr": math.nan}, "psnr must be .* not nan"),
        ({"ratio": 1.0}, "ratio must be a finite number above 1, not 1"),
        ({"ratio": math.nan}, "ratio must be .* not nan"),
        ({"rmse": 0.0}, "rmse must be a finite number above 0, not 0"),
        ({"rmse": 1.0, "psnr": 40.0}, "not rmse and psnr"),
        ({"max_error": 1, "noise": 1.0}, "not max_error and noise"),
        ({"lossless": True, "ratio": 4.0}, "not lossless and ratio"),
        ({"max_error": 1, "rmse": 1.0, "ratio": 4.0}, "not max_error and rmse and ratio"),
        ({"psnr": 40.0, "max_error": -1}, "max_error must be .* not -1"),
        ({"lossless": True, "preset": "dense"}, "applies only to rmse, psnr, ratio and noise"),
        ({"max_error": 3, "preset": "fast"}, "applies only to rmse, psnr, ratio and noise"),
        ({"preset": "dense"}, "applies only to rmse, psnr, ratio and noise"),
        ({"psnr": 40.0, "preset": "best"}, "no preset 'best'"),
    ],
    ids=str,
)
def test_what_cannot_be_promised_is_refused(arguments: dict[str, Any], says: str) -> None:
    """Values out of range and contradictions are refused before any image is opened."""
    with pytest.raises(ConfigurationError, match=says):
        fidelity_from(**arguments)
