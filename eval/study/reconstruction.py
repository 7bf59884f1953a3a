"""Phase 1: one channel of one image is written with a codec, read back and compared with what it was."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dask
import dask.array as da
from distributed import Client

from eval.study.compare import Comparison, compare
from eval.study.entry import Entry, Given, Point
from eval.study.image import Channel
from eval.study.recode import Stored, create, even_chunk, reading, stored_bytes, writing
from eval.study.rows import Reconstruction
from eval.study.scan import Scan, scan_block, scanned
from eval.study.structure import tile_shape
from eval.study.valid import Valid
from zarr_neural.archive.layout import grid

SMALL_NBYTES = 64 * 2**20
"""Decoded channels up to this size stay in the workers' memory while they are in use."""


@dataclass(frozen=True)
class Decoded:
    """A channel as it came back from a store that was written with a codec, as long as that store lives."""

    scan: Scan
    entry: Entry
    point: Point
    path: Path
    stored: Stored
    chunks: tuple[int, ...]
    lazy: da.Array

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the chunk files for each pixel that could be read."""
        return 8 * self.stored.chunk_nbytes / max(1, self.scan.pixels)


def scan_channel(client: Client, channel: Channel, valid: Valid, chunks: tuple[int, ...]) -> Scan:
    """Read a channel once, and return what is known of it."""
    tile = tile_shape(channel.shape, chunks)
    tasks = [dask.delayed(scan_block, pure=False)(channel, valid, region) for region in grid(channel.shape, tile)]
    return scanned(channel, valid, client.gather(client.compute(tasks)))


@contextmanager
def decoded(
    client: Client, scan: Scan, entry: Entry, point: Point, given: Given, chunk: tuple[int, ...], path: Path, keep: bool
) -> Iterator[Decoded]:
    """Write a channel with a codec into a store, chunk by chunk, and yield it as it reads back.

    Parameters
    ----------
    chunk
        Chunk shape that is wanted along the trailing axes.
    path
        Of the store, which is deleted afterwards unless `keep` is set.
    """
    channel = scan.channel
    chunks = even_chunk(channel.shape, chunk, entry.chunk)
    tile = tile_shape(channel.shape, chunks)
    try:
        target = create(path, channel.shape, channel.dtype, chunks, entry.make(point.setting, given), scan.low)
        client.compute(writing(channel.lazy(tile), target)).result()
        lazy = reading(path, tile)
        if lazy.nbytes <= SMALL_NBYTES:
            lazy = client.persist(lazy)
        yield Decoded(scan, entry, point, path, stored_bytes(path), chunks, lazy)
    finally:
        if not keep:
            shutil.rmtree(path, ignore_errors=True)


def reconstruction(client: Client, of: Decoded, most_tiles: int | None = None) -> Reconstruction:
    """Return the row of phase 1."""
    scan = of.scan
    tile = tuple(sizes[0] for sizes in of.lazy.chunks)
    raw, valid = scan.channel.lazy(tile), scan.valid.lazy(tile)
    found = compare(client, raw, of.lazy, valid, scan.data_range, most_tiles=most_tiles)
    raw_nbytes = scan.pixels * scan.channel.dtype.itemsize
    return Reconstruction(
        image=scan.channel.image.name,
        group=scan.channel.image.group,
        channel=scan.channel.name,
        codec=of.entry.name,
        kind=of.entry.kind,
        point=of.point.label,
        setting=of.point.setting,
        dtype=scan.channel.dtype.name,
        shape="x".join(map(str, scan.channel.shape)),
        pixels=scan.pixels,
        damaged=len(scan.channel.damaged),
        valid=found.sums.count,
        data_range=scan.data_range,
        raw_nbytes=raw_nbytes,
        chunk_nbytes=of.stored.chunk_nbytes,
        metadata_nbytes=of.stored.metadata_nbytes,
        bits_per_pixel=of.bits_per_pixel,
        ratio=raw_nbytes / max(1, of.stored.chunk_nbytes),
        saving_percent=100 * (1 - of.stored.chunk_nbytes / raw_nbytes),
        ratio_with_metadata=raw_nbytes / (of.stored.chunk_nbytes + of.stored.metadata_nbytes),
        mse=found.mse,
        rmse=math.sqrt(found.mse),
        psnr_db=found.psnr_db,
        ssim=found.ssim,
        ms_ssim=found.ms_ssim,
        correlation=found.correlation,
        max_error=float(found.sums.largest),
        mse_z=found.mse_z,
        psnr_z_db=found.psnr_z_db,
        ssim_z=found.ssim_z,
        ssim_over=_over(found, scan.channel.shape, tile),
    )


def _over(found: Comparison, shape: tuple[int, ...], tile: tuple[int, ...]) -> str:
    if found.tiles_measured < found.tiles:
        return f"{found.tiles_measured} of {found.tiles} tiles"
    return "planes" if tile[-2] >= shape[-2] and tile[-1] >= shape[-1] else "tiles"
