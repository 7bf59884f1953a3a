"""The benchmark of lossless and bounded coding: size, speed and the kept promise, file by file."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from math import nan
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from eval.images import Source, read_planes, spread, tiles
from eval.modes import Mode, Task, allowed_error, contenders, quantised, task
from eval.report import Row
from eval.timing import best_interleaved, core_count, wall_seconds
from zarr_neural import NeuralCodec, estimate_noise
from zarr_neural.zoo.classical import LosslessCodec
from zarr_neural.zoo.classical.lossless import Stream, one_thread_per_tile

Image = NDArray[Any]

TASKS_PER_CORE = 4
"""In the measurement on all cores tiles are used again until each core has this many."""


class BrokenPromiseError(AssertionError):
    """A codec decoded to other pixels than it promised; the message names the file, the codec and the error."""


@dataclass(frozen=True)
class Settings:
    """How to measure: codecs, tile side in pixels (about), repeats, planes per file (None: all), all cores too."""

    classical: list[LosslessCodec]
    with_ours: bool = True
    tile: int = 1024
    repeats: int = 3
    planes: int | None = None
    threads: bool = False


@dataclass
class Tally:
    """What one codec used up over the tiles of one file."""

    name: str
    setting: str
    tasks: list[Task] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    encode_s: float = 0
    decode_s: float = 0
    largest_error: int = 0

    @property
    def nbytes(self) -> int:
        """Size of all streams."""
        return sum(len(stream) for stream in self.streams)


def checked(work: Task, tile: Image, allowed: int | Image) -> tuple[Stream, int]:
    """Return the stream of one tile and its largest error, having proved that the codec keeps the promise.

    Raises
    ------
    BrokenPromiseError
        If shape, dtype or any pixel differs by more than allowed.
    """
    name, given = work.codec.name, work.given
    stream = work.encode()
    decoded = work.decode(stream)
    if decoded.shape != given.shape or decoded.dtype != given.dtype:
        raise BrokenPromiseError(f"{name} decoded {given.dtype} {given.shape} to {decoded.dtype} {decoded.shape}")
    if work.exact and not np.array_equal(decoded, given):
        raise BrokenPromiseError(f"{name} is not lossless")
    error = np.abs(work.restore(decoded).astype(np.int64) - tile.astype(np.int64))
    if np.any(error > allowed):
        raise BrokenPromiseError(f"{name} is wrong by {int(np.max(error - allowed))} more than was allowed")
    return stream, int(error.max())


def measure_plane(plane: Image, mode: Mode, settings: Settings, tallies: dict[str, Tally]) -> None:
    """Add what every codec needs for one plane to the tallies; the codecs take turns on every tile."""
    noise_model = estimate_noise([plane]) if mode.kind == "noise" else None
    codecs = contenders(mode, noise_model, settings.classical, settings.with_ours)
    for tile in tiles(plane, settings.tile):
        plan = quantised(tile, mode, noise_model)
        allowed = allowed_error(tile, mode, noise_model)
        works: list[Callable[[], object]] = []
        for codec in codecs:
            tally = tallies.setdefault(codec.name, Tally(codec.name, codec.setting))
            work = task(codec, tile, plan)
            stream, error = checked(work, tile, allowed)
            tally.tasks.append(work)
            tally.streams.append(stream)
            tally.largest_error = max(tally.largest_error, error)
            works += [work.encode, partial(work.decode, stream)]
        seconds = best_interleaved(works, settings.repeats)
        for i, codec in enumerate(codecs):
            tallies[codec.name].encode_s += seconds[2 * i]
            tallies[codec.name].decode_s += seconds[2 * i + 1]


def on_all_cores(tally: Tally, pixels: int, repeats: int) -> tuple[float, float]:
    """Return Mpixel/s of encoding and decoding in wall time, the tiles spread over a pool of threads."""
    times = -(-TASKS_PER_CORE * core_count() // len(tally.tasks))
    items = list(zip(tally.tasks, tally.streams, strict=True)) * times
    with ThreadPoolExecutor(core_count()) as pool:
        encode = wall_seconds(lambda item: item[0].encode(), items, pool, repeats)
        decode = wall_seconds(lambda item: item[0].decode(item[1]), items, pool, repeats)
    return pixels * times / encode / 1e6, pixels * times / decode / 1e6


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
    pixels = sum(plane.size for plane in planes)
    for mode in modes:
        tallies: dict[str, Tally] = {}
        try:
            for plane in planes:
                measure_plane(plane, mode, settings, tallies)
        except BrokenPromiseError as broken:
            raise BrokenPromiseError(f"{source.name}, {mode}: {broken}") from broken
        for tally in tallies.values():
            encode_all, decode_all = nan, nan
            if settings.threads:
                encode_all, decode_all = on_all_cores(tally, pixels, settings.repeats)
            yield Row(
                set=source.set,
                file=source.name,
                dtype=planes[0].dtype.name,
                planes=len(planes),
                tiles=len(tally.tasks),
                pixels=pixels,
                mode=str(mode),
                codec=tally.name,
                setting=tally.setting,
                nbytes=tally.nbytes,
                bits_per_pixel=8 * tally.nbytes / pixels,
                encode_mpx_s=pixels / tally.encode_s / 1e6,
                decode_mpx_s=pixels / tally.decode_s / 1e6,
                encode_all_mpx_s=encode_all,
                decode_all_mpx_s=decode_all,
                cores=core_count(),
                largest_error=tally.largest_error,
            )


def notes(command: str) -> list[str]:
    """Return the lines that stand above the results: the command, the versions and the machine."""
    return [
        f"command: {command}",
        f"zarr_neural {version('zarr-neural')}, imagecodecs {imagecodecs.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}",
        f"models: {', '.join(NeuralCodec(lossless=True).get_config()['models'])}",
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
