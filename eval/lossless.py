"""The benchmark of lossless and bounded coding: size, speed and the kept promise, file by file."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

import zarr_neural
from eval.classical import Codec, Stream, one_thread_per_tile
from eval.images import Source, read_planes, spread, tiles
from eval.modes import Mode, Quantised, Task, contenders, quantised, task
from eval.report import Row
from eval.timing import best_interleaved, core_count, wall_seconds

Image = NDArray[Any]

TASKS_PER_CORE = 4
"""In the measurement on all cores tiles are used again until each core has this many."""


class BrokenPromiseError(AssertionError):
    """A codec decoded to other pixels than it promised; the message names the file, the codec and the error."""


@dataclass
class Tally:
    """What one codec used up over the tiles of one file."""

    codec: Codec
    tasks: list[Task] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    encode_s: float = 0
    decode_s: float = 0
    largest_error: int = 0


def checked(codec: Codec, work: Task, tile: Image, plan: Quantised) -> tuple[Stream, int]:
    """Return the stream of one tile and its largest error, having proved that the codec keeps the promise.

    Raises
    ------
    BrokenPromiseError
        If shape, dtype or any pixel differs by more than allowed.
    """
    stream = codec.encode(work.given)
    decoded = codec.decode(stream, work.given.shape, work.given.dtype)
    if decoded.shape != work.given.shape or decoded.dtype != work.given.dtype:
        raise BrokenPromiseError(
            f"{codec.name} decoded {work.given.dtype} {work.given.shape} to {decoded.dtype} {decoded.shape}"
        )
    if work.exact and not np.array_equal(decoded, work.given):
        raise BrokenPromiseError(f"{codec.name} is not lossless")
    error = np.abs(work.restore(decoded).astype(np.int64) - tile.astype(np.int64))
    if np.any(error > plan.bound):
        raise BrokenPromiseError(f"{codec.name} is wrong by {int(error.max())}, more than was allowed")
    return stream, int(error.max())


def measure(codecs: Sequence[Codec], cut: list[Image], plans: list[Quantised], repeats: int) -> list[Tally]:
    """Return sizes and processor times of all codecs over the tiles; the codecs take turns on every tile."""
    tallies = [Tally(codec) for codec in codecs]
    for tile, plan in zip(cut, plans, strict=True):
        works: list[Any] = []
        for tally in tallies:
            codec = tally.codec
            work = task(codec, tile, plan)
            stream, error = checked(codec, work, tile, plan)
            tally.tasks.append(work)
            tally.streams.append(stream)
            tally.largest_error = max(tally.largest_error, error)
            works.append(lambda codec=codec, given=work.given: codec.encode(given))
            works.append(
                lambda codec=codec, data=stream, given=work.given: codec.decode(data, given.shape, given.dtype)
            )
        seconds = best_interleaved(works, repeats)
        for i, tally in enumerate(tallies):
            tally.encode_s += seconds[2 * i]
            tally.decode_s += seconds[2 * i + 1]
    return tallies


def on_all_cores(tally: Tally, pixels: int, pool: ThreadPoolExecutor, repeats: int) -> tuple[float, float]:
    """Return Mpixel/s of encoding and decoding in wall time, tiles spread over the pool."""
    times = -(-TASKS_PER_CORE * core_count() // len(tally.tasks))
    items = list(zip(tally.tasks, tally.streams, strict=True)) * times
    codec = tally.codec
    encode = wall_seconds(lambda item: codec.encode(item[0].given), items, pool, repeats)
    decode = wall_seconds(
        lambda item: codec.decode(item[1], item[0].given.shape, item[0].given.dtype), items, pool, repeats
    )
    return pixels * times / encode / 1e6, pixels * times / decode / 1e6


@dataclass(frozen=True)
class Settings:
    """How to measure: tile side in pixels, repeats, planes per file (None: all), all cores too, codecs."""

    classical: list[Codec]
    with_ours: bool = True
    tile: int = 1024
    repeats: int = 3
    planes: int | None = None
    threads: bool = False


def run_file(source: Source, modes: Sequence[Mode], settings: Settings) -> Iterator[Row]:
    """Yield the rows of one file, mode by mode.

    Raises
    ------
    BrokenPromiseError
        If any codec breaks its promise on any pixel.
    """
    one_thread_per_tile()
    planes = read_planes(source.path)
    chosen = source.planes if source.planes is not None else spread(len(planes), settings.planes)
    planes = [planes[i] for i in chosen]
    cut = [tile for plane in planes for tile in tiles(plane, settings.tile)]
    pixels = sum(tile.size for tile in cut)
    for mode in modes:
        noise_model = zarr_neural.estimate_noise(planes[0]) if mode.kind == "noise" else None
        plans = [quantised(tile, mode, noise_model) for tile in cut]
        codecs = contenders(mode, noise_model, settings.classical, settings.with_ours)
        try:
            tallies = measure(codecs, cut, plans, settings.repeats)
        except BrokenPromiseError as broken:
            raise BrokenPromiseError(f"{source.name}, {mode}: {broken}") from broken
        with ThreadPoolExecutor(core_count()) as pool:
            for tally in tallies:
                nbytes = sum(len(stream) for stream in tally.streams)
                parallel = (np.nan, np.nan)
                if settings.threads:
                    parallel = on_all_cores(tally, pixels, pool, settings.repeats)
                yield Row(
                    set=source.set,
                    file=source.name,
                    dtype=cut[0].dtype.name,
                    planes=len(planes),
                    tiles=len(cut),
                    pixels=pixels,
                    mode=str(mode),
                    codec=tally.codec.name,
                    setting=tally.codec.setting,
                    nbytes=nbytes,
                    bits_per_pixel=8 * nbytes / pixels,
                    encode_mpx_s=pixels / tally.encode_s / 1e6,
                    decode_mpx_s=pixels / tally.decode_s / 1e6,
                    encode_all_mpx_s=parallel[0],
                    decode_all_mpx_s=parallel[1],
                    cores=core_count(),
                    largest_error=tally.largest_error,
                )


def notes(command: str) -> list[str]:
    """Return the lines that stand above the results: the command, the versions and the machine."""
    return [
        f"command: {command}",
        f"zarr_neural {version('zarr-neural')}, imagecodecs {imagecodecs.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}",
        f"machine: {processor()}, {core_count()} cores, {os.uname().sysname}",
    ]


def processor() -> str:
    """Return the name that the processor gives itself."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
