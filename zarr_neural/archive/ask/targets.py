"""A PSNR or a ratio becomes one rmse for each channel of an image, before anything is written.

All chunks of a channel are then alike, whatever each of them holds. Channels that share chunks (or shards) share one
rmse: it is the one that the strictest of them needs for a PSNR, and the one of all of them together for a ratio.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.ask.request import WORST_PSNR, Request, make_codec
from zarr_neural.archive.check.spread import RANGE, Part, percentiles, spread
from zarr_neural.archive.layout import Level, Region, grid, region_shape
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.chunk.fidelity import LEAST_RMSE
from zarr_neural.errors import ArchiveError, UnsupportedInputError

BEST_PSNR = 90.0
SAMPLE_CHUNKS = 8
SAMPLE_NBYTES = 64 * 2**20
RATIO_TOLERANCE = 1.05
NOTED_RATIO = 1.1
_TRIALS = 16


@dataclass(frozen=True)
class Target:
    """The rmse of one channel, None where it is stored losslessly; and what it was worked out from.

    `peak` is the range of the channel, between its percentiles 0.05 and 99.95 (None for an rmse that was asked for as
    such, and for a channel that is nearly all of one value), `sampled_ratio` what a sample of its chunks was
    compressed to.
    """

    rmse: float | None
    peak: float | None = None
    sampled_ratio: float | None = None


def resolve(
    image: SourceImage, asked: Request, level: Level, threads: int
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Return a target for every channel, and notes on what had to be decided.

    Parameters
    ----------
    image : SourceImage
        Read in full for a PSNR or ratio, region by region.
    asked : Request
        Of method "rmse", "psnr" or "ratio".
    level : Level
        The full resolution.
    threads : int
        That read and code side by side.

    Raises
    ------
    ArchiveError
        The image cannot be read, or the ratio is not reached at 25 dB.
    UnsupportedInputError
        The pixels are no integers of 8 or 16 bits and no floating point of 32 or 64 bits, or are not finite.
    """
    make_codec(asked.as_rmse(1.0), 3).configuration.check_dtype(image.dtype)
    if asked.method == "rmse":
        return (Target(asked.value),) * image.channels, ()
    peaks = channel_peaks(image, level, threads)
    targets: list[Target] = []
    notes = []
    for group in channel_groups(image, level):
        sparse = [channel for channel in group if peaks[channel] is None]
        some = [peak for channel in group if (peak := peaks[channel])]  # a constant channel loses nothing
        rmse: float | None
        ratio: float | None
        if sparse or not some:
            rmse, ratio = None, None
        elif asked.method == "psnr":
            rmse, ratio = min(some) / 10 ** ((asked.value or 0) / 20), None
        else:
            rmse, ratio = _rmse_of_ratio(image, asked, level, group, min(some), threads)
        rmse = None if rmse is None else _rounded_down(rmse)
        if rmse is not None and image.dtype.kind != "f" and rmse < LEAST_RMSE:
            rmse = None
        if rmse is not None and ratio is not None and ratio > (asked.value or 0) * NOTED_RATIO:
            notes.append(
                f"{_named(image, group)}: a ratio of {asked.value:g} cannot be met closely: it is {ratio:.3g} on the "
                "chunks that were tried"
            )
        if sparse:
            notes.append(
                f"{_named(image, group)}: stored losslessly because nearly all pixels have the same value, which "
                "leaves no range that a mean error could be measured against"
            )
        elif rmse is None:
            wanted = f"a PSNR of {asked.value:g} dB" if asked.method == "psnr" else f"a ratio of {asked.value:g}"
            notes.append(f"{_named(image, group)}: stored losslessly, which already gives {wanted}")
        elif len(group) > 1:
            notes.append(f"{_named(image, group)} share chunks or shards, so they get the same rmse")
        targets += [Target(rmse, peaks[channel], ratio) for channel in group]
    return tuple(targets), tuple(notes)


def channel_groups(image: SourceImage, level: Level) -> Iterator[range]:
    """Yield the channels that are written together, in one chunk or shard."""
    side = level.block[image.axes.index("c")] if "c" in image.axes else 1
    for first in range(0, image.channels, side):
        yield range(first, min(first + side, image.channels))


def channel_peaks(image: SourceImage, level: Level, threads: int) -> list[float | None]:
    """Return the range of every channel between the percentiles 0.05 and 99.95, reading the image once, in regions.

    It is 0 for a constant channel, and None where nearly all pixels, but not all, have one value: a few beads on a
    black ground, which a range set by the brightest of them would wipe out.

    Raises
    ------
    UnsupportedInputError
        A value is NaN or infinite.
    """
    axis = image.channel_axis
    shape = region_shape(level, image.dtype.itemsize, image.interleaved, image.samples)
    lowest, highest = [math.inf] * image.channels, [-math.inf] * image.channels
    spreads: list[list[Part]] = [[] for _ in range(image.channels)]

    def ends(region: Region) -> list[tuple[int, float, float, Part]]:
        pixels = image.read(region)
        first, parts = (0, [pixels]) if axis is None else (region[axis].start, list(np.moveaxis(pixels, axis, 0)))
        return [(first + i, float(part.min()), float(part.max()), spread(part)) for i, part in enumerate(parts)]

    regions = grid(image.shape, shape)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(itertools.islice(regions, 2 * threads)):
            for channel, low, high, part in itertools.chain.from_iterable(pool.map(ends, some)):
                if not math.isfinite(high - low):
                    raise UnsupportedInputError(
                        f"{image.path.name}: {image.channel_names[channel]} holds NaN or infinite values, for which "
                        "no mean error can be promised: convert it losslessly"
                    )
                lowest[channel], highest[channel] = min(lowest[channel], low), max(highest[channel], high)
                spreads[channel].append(part)
    ranges = [dark_bright[1] - dark_bright[0] for dark_bright in (percentiles(parts, RANGE) for parts in spreads)]
    return [found or (None if high > low else 0.0) for found, low, high in zip(ranges, lowest, highest, strict=True)]


def sample_chunks(image: SourceImage, level: Level, group: range) -> Iterator[tuple[npt.NDArray[Any], int]]:
    """Yield up to 8 chunks of some channels, spread over the image, and the bytes of the pixels in each.

    Parameters
    ----------
    image : SourceImage
        The image.
    level : Level
        Its full resolution.
    group : range
        Channels, whole chunks of them.

    Yields
    ------
    ndarray
        Of the chunk shape; what lies outside the image is zero, as in the store.
    int
        Bytes of what lies inside.
    """
    sizes = [len(group) if axis == "c" else size for axis, size in zip(image.axes, image.shape, strict=True)]
    counts = [math.ceil(size / side) for size, side in zip(sizes, level.chunks, strict=True)]
    total, nbytes = math.prod(counts), math.prod(level.chunks) * image.dtype.itemsize
    wanted = min(total, SAMPLE_CHUNKS, max(1, SAMPLE_NBYTES // nbytes))
    for number in range(wanted):  # one from each of as many parts, not at the same place in all
        place = int((number + (0.5 + number * 0.618034) % 1) * total / wanted)
        region = []
        for axis, index, side, size in zip(
            image.axes, np.unravel_index(place, counts), level.chunks, sizes, strict=True
        ):
            first = group.start if axis == "c" else 0
            region.append(slice(first + int(index) * side, first + min((int(index) + 1) * side, size)))
        pixels = image.read(tuple(region))
        margin = [(0, side - size) for side, size in zip(level.chunks, pixels.shape, strict=True)]
        yield np.pad(pixels, margin), pixels.nbytes


def _rmse_of_ratio(
    image: SourceImage, asked: Request, level: Level, group: range, peak: float, threads: int
) -> tuple[float | None, float]:
    """The rmse (None: lossless) at which a sample of the chunks has the ratio that is asked for, and its ratio."""
    wanted = asked.value or 1.0
    chunks, sizes = zip(*sample_chunks(image, level, group), strict=True)
    with ThreadPoolExecutor(threads) as pool:

        def ratio_of(fidelity: Request) -> float:
            configuration = make_codec(fidelity, 3).configuration
            encoded = pool.map(lambda chunk: len(configuration.encode(chunk, False)), chunks)
            return sum(sizes) / sum(encoded)

        exact = ratio_of(Request())
        if exact >= wanted:
            return None, exact
        worst = peak / 10 ** (WORST_PSNR / 20)
        reached = ratio_of(asked.as_rmse(worst))
        if reached < wanted:
            raise ArchiveError(
                f"{image.path.name}: {_named(image, group)}: a ratio of {wanted:g} is out of reach: at the lowest "
                f"quality that is tried, a PSNR of {WORST_PSNR:g} dB (rmse {worst:.3g}), it is {reached:.3g}; lower it"
            )
        best = peak / 10 ** (BEST_PSNR / 20) if image.dtype.kind == "f" else max(LEAST_RMSE, min(0.1, worst / 2))
        return find_rmse(lambda rmse: ratio_of(asked.as_rmse(rmse)), wanted, (best, exact), (worst, reached))


def find_rmse(
    ratio_of: Callable[[float], float], wanted: float, best: tuple[float, float], worst: tuple[float, float]
) -> tuple[float, float]:
    """Return an rmse whose ratio is the wanted one or up to 5 % more, and that ratio.

    Parameters
    ----------
    ratio_of : callable
        The ratio at an rmse; grows with it, on the whole.
    wanted : float
        Between the ratios of the two ends.
    best, worst : (float, float)
        Rmse and ratio of the two ends. Bits are about linear in the logarithm of the error, so that a straight line
        through them finds the place within a few trials; where it is not, the ends come closer by a tenth each time.
    """
    (x0, y0), (x1, y1) = (math.log(best[0]), 1 / best[1]), (math.log(worst[0]), 1 / worst[1])
    goal = 1 / (wanted * math.sqrt(RATIO_TOLERANCE))
    for _ in range(_TRIALS):
        if wanted * y1 >= 1 / RATIO_TOLERANCE or x1 - x0 < 1e-3:
            break
        share = (y0 - goal) / (y0 - y1) if y0 > y1 else 0.5
        x = x0 + min(max(share, 0.1), 0.9) * (x1 - x0)
        y = 1 / ratio_of(math.exp(x))
        if wanted * y <= 1:
            x1, y1 = x, y
        else:
            x0, y0 = x, y
    return math.exp(x1), 1 / y1


def _rounded_down(rmse: float) -> float:
    """Six digits, which metadata and people can read; never more than before."""
    return float(Context(prec=6, rounding=ROUND_DOWN).create_decimal(repr(rmse)))


def _named(image: SourceImage, group: range) -> str:
    return " and ".join(image.channel_names[channel] for channel in group)
