"""Two lazy arrays compared block by block on the workers: sums first, then similarities with what the sums tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import dask
import dask.array as da
from distributed import Client

from eval.images import spread
from eval.metrics import psnr_db
from eval.study.structure import Ranges, Structure, averaged, structure_of
from eval.study.sums import Moments, Sums, added, correlation, moments, sums_of


@dataclass(frozen=True)
class Comparison:
    """Figures of a pair (x, y), x being the reference.

    Attributes
    ----------
    sums
        Over the pixels that count.
    x, y
        Mean and deviation of each.
    data_range
        Range that `psnr_db`, `ssim` and `ms_ssim` are against.
    mse, psnr_db, correlation, ssim, ms_ssim
        In the units of the arrays.
    mse_z, psnr_z_db, ssim_z
        Each z-scored by itself, against the range of y in its deviations.
    tiles, tiles_measured
        How many blocks there are, and in how many of them similarities were measured.
    """

    sums: Sums
    x: Moments
    y: Moments
    data_range: float
    mse: float
    psnr_db: float
    correlation: float
    ssim: float
    ms_ssim: float
    mse_z: float
    psnr_z_db: float
    ssim_z: float
    tiles: int
    tiles_measured: int


def blocks(array: da.Array | None, count: int) -> list[object]:
    """Return the blocks of an array as tasks, last axis fastest; so many times None for no array."""
    return [None] * count if array is None else list(array.to_delayed().ravel())


def summed(client: Client, x: da.Array, y: da.Array, valid: da.Array | None) -> Sums:
    """Return the sums over two arrays of one shape that are cut alike, over the pixels that count."""
    xs = blocks(x, 0)
    trios = zip(xs, blocks(y, len(xs)), blocks(valid, len(xs)), strict=True)
    return added(client.gather(client.compute([dask.delayed(sums_of, pure=False)(*trio) for trio in trios])))


def compare(
    client: Client,
    x: da.Array,
    y: da.Array,
    valid: da.Array | None,
    data_range: Callable[[Sums], float] | float,
    *,
    several: bool = True,
    most_tiles: int | None = None,
) -> Comparison:
    """Return the figures of two arrays of one shape, whose blocks are read and compared one by one.

    Parameters
    ----------
    client
        Of the workers.
    x, y
        Reference and the other, cut alike.
    valid
        Pixels that count, cut alike; None for all.
    data_range
        Range of PSNR and of the similarities, or how it follows from the sums.
    several
        Whether MS-SSIM is wanted.
    most_tiles
        Similarities of at most so many blocks, evenly spread; None for all.
    """
    xs = blocks(x, 0)
    ys, masks = blocks(y, len(xs)), blocks(valid, len(xs))
    sums = summed(client, x, y, valid)
    wide = data_range(sums) if callable(data_range) else data_range
    of_x, of_y = moments(sums.count, sums.x, sums.xx), moments(sums.count, sums.y, sums.yy)
    z_range = (sums.y_ends[1] - sums.y_ends[0]) / of_y.deviation if of_y.deviation > 0 else 0.0
    ranges = Ranges(wide, of_x, of_y, z_range, several)
    some = spread(len(xs), most_tiles)
    tasks = [dask.delayed(structure_of, pure=False)(xs[i], ys[i], masks[i], ranges) for i in some]
    likeness: Structure = averaged(client.gather(client.compute(tasks)))
    mse = sums.dd / sums.count if sums.count else math.nan
    together = correlation(sums)
    mse_z = 2 - 2 * together
    return Comparison(
        sums,
        of_x,
        of_y,
        wide,
        mse,
        psnr_db(math.sqrt(mse), wide) if wide > 0 else math.nan,
        together,
        likeness.ssim,
        likeness.ms_ssim,
        mse_z,
        psnr_db(math.sqrt(mse_z), z_range) if z_range > 0 else math.nan,
        likeness.ssim_z,
        len(xs),
        len(some),
    )
