"""Settings that meet an error, or a rate, on a sample of the chunks of a channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.images import spread
from eval.matched import Search
from eval.metrics import psnr_db
from eval.study.entry import Entry, Given, Point
from eval.study.image import Channel, Region
from eval.study.sums import added, sums_of
from eval.study.valid import Valid
from zarr_neural.archive.layout import grid
from zarr_neural.chunk import estimate_noise

SAMPLE_CHUNKS = 8
SAMPLE_PIXELS = 4 * 2**20
"""A sample has at most so many chunks and, beyond its first chunk, pixels."""


@dataclass(frozen=True)
class Sample:
    """Some chunks of a channel, and which of their pixels count (None for all)."""

    chunks: tuple[NDArray[Any], ...]
    valid: tuple[NDArray[np.bool_] | None, ...]

    @property
    def pixels(self) -> int:
        """How many there are."""
        return sum(chunk.size for chunk in self.chunks)


def sample_regions(shape: Sequence[int], chunk: Sequence[int]) -> list[Region]:
    """Return the regions of at most 8 whole chunks, evenly spread; all of a small image."""
    regions = list(grid(shape, chunk))
    room = max(1, min(SAMPLE_CHUNKS, SAMPLE_PIXELS // max(1, math.prod(chunk))))
    return [regions[number] for number in spread(len(regions), room)]


def sample_of(channel: Channel, valid: Valid, chunk: Sequence[int]) -> Sample:
    """Read the sample of a channel."""
    regions = sample_regions(channel.shape, chunk)
    masks = tuple(None if valid.everywhere else valid[region] for region in regions)
    return Sample(tuple(channel[region] for region in regions), masks)


def with_noise(given: Given, sample: Sample) -> Given:
    """Return what codecs are told with the noise of the camera, measured on the sample; floats have none."""
    planes = [plane for chunk in sample.chunks for plane in chunk.reshape(-1, *chunk.shape[-2:])]
    return replace(given, noise=estimate_noise(planes)) if planes[0].dtype.kind in "iu" else given


def search_sample(entry: Entry, given: Given, sample: Sample) -> Search:
    """Return the search of `eval.matched` over a sample: all its chunks are coded for each setting that is tried."""
    assert entry.settings is not None

    def measure(setting: float) -> tuple[int, float]:
        codec = entry.make(setting, given)
        streams = [codec.encode(chunk) for chunk in sample.chunks]
        decoded = [
            np.asarray(codec.decode(stream)).reshape(-1).view(chunk.dtype).reshape(chunk.shape)
            for stream, chunk in zip(streams, sample.chunks, strict=True)
        ]
        sums = added(map(sums_of, sample.chunks, decoded, sample.valid))
        error = math.sqrt(sums.dd / max(1, sums.count))
        return sum(map(len, streams)), psnr_db(error, given.data_range)

    return Search(entry.settings, measure)


def points_for(
    entry: Entry, given: Given, sample: Sample, targets_db: Sequence[float], rates: Sequence[float]
) -> list[Point]:
    """Return a point for each target PSNR and each rate in bits per pixel, none of them twice.

    A target that no setting meets within 0.1 dB gives the nearest setting that loses anything; one beyond what the
    codec reaches gives the end of its range.
    """
    search = search_sample(entry, given, sample)
    found = []
    for target in targets_db:
        near = search.nearest(target)
        lossy = [trial for trial in near if not trial.lossless] or near
        best = min(lossy, key=lambda trial: abs(trial.psnr_db - target))
        found.append(Point(f"{target:g} dB", best.setting))
    for rate in rates:
        trial = search.at_rate(rate * sample.pixels / 8)
        found.append(Point(f"{rate:g} bpp", trial.setting))
    kept: dict[tuple[float, bool], Point] = {}
    for point in found:
        kept.setdefault((point.setting, point.label.endswith("bpp")), point)
    return list(kept.values())
