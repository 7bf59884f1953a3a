"""What is known of a channel before it is coded: range, mean, deviation, and the chunks that cannot be read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from eval.study.image import Channel, Damage, Region
from eval.study.sums import Moments, Sums, added, moments, sums_of
from eval.study.valid import Valid


@dataclass(frozen=True)
class ScannedBlock:
    """Of one block: ends over all pixels, sums over the valid ones (of the image with itself), damaged chunks."""

    ends: tuple[float, float]
    sums: Sums
    damaged: tuple[Damage, ...]


@dataclass(frozen=True)
class Scan:
    """Of a whole channel.

    Attributes
    ----------
    channel, valid
        The channel, whose damaged chunks now read as its smallest value, and the pixels that count.
    low, high
        Smallest and largest value of all pixels that can be read: what codecs are told.
    valid_low, valid_high
        The same of the pixels that count: their difference is the data range of PSNR and SSIM.
    moments
        Mean and standard deviation of the pixels that count.
    pixels
        Pixels of the channel that can be read.
    """

    channel: Channel
    valid: Valid
    low: float
    high: float
    valid_low: float
    valid_high: float
    moments: Moments
    pixels: int

    @property
    def data_range(self) -> float:
        """Largest minus smallest value that counts."""
        return self.valid_high - self.valid_low


def scan_block(channel: Channel, valid: Valid, bounds: Region) -> ScannedBlock:
    """Return what is in one region; chunks that raise when they are read are told of and do not count."""
    damaged: tuple[Damage, ...] = ()
    try:
        block = channel.read(bounds)
    except Exception:
        damaged = tuple(_damaged(channel, bounds))
        channel, valid = replace(channel, damaged=damaged), valid.without(damaged)
        block = channel[bounds]
    counts = None if valid.everywhere else valid[bounds]
    readable = np.ones(block.shape, bool) if not damaged else Valid(channel.image, "", damaged)[bounds]
    values = block[readable]
    ends = (float(values.min()), float(values.max())) if values.size else (math.inf, -math.inf)
    return ScannedBlock(ends, sums_of(block, block, counts), damaged)


def _damaged(channel: Channel, bounds: Region) -> list[Damage]:
    found = []
    for place, key in channel.chunks_in(bounds):
        try:
            channel.read(tuple(slice(low, high) for low, high in place))
        except Exception as error:
            found.append(Damage(key, place, f"{type(error).__name__}: {error}"))
    return found


def scanned(channel: Channel, valid: Valid, blocks: list[ScannedBlock]) -> Scan:
    """Return what is known of a channel from all its blocks."""
    damaged = tuple({damage.region: damage for block in blocks for damage in block.damaged}.values())
    low = min(block.ends[0] for block in blocks)
    high = max(block.ends[1] for block in blocks)
    sums = added(block.sums for block in blocks)
    lost = sum(math.prod(stop - start for start, stop in damage.region) for damage in damaged)
    return Scan(
        replace(channel, damaged=damaged, fill=low if math.isfinite(low) else 0.0),
        valid.without(damaged),
        low,
        high,
        float(sums.x_ends[0]),
        float(sums.x_ends[1]),
        moments(sums.count, sums.x, sums.xx),
        math.prod(channel.shape) - lost,
    )
