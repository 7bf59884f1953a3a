"""The command ``study_memory``: a study of a store larger than memory, and the most memory that it took.

The store has the chunks of a real image over and over, as links to a few files, so that twenty gigabytes of pixels take
no space; to the study they are as many chunks as any others.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil  # type: ignore[import-untyped] # comes with distributed
import tifffile
import typer
import zarr
from numpy.typing import NDArray
from rich.console import Console

from eval.study.errors import StudyError

IMAGE = Path(__file__).parents[1] / "images_demo" / "yeast-brightfield.tif"
CHUNK = 1024
VARIANTS = 16
"""Chunks that differ: the image is rolled by another distance in each."""
SAMPLING_S = 0.2


def study_memory(
    out: Annotated[Path, typer.Option(help="Folder for the store and the results; must be empty or absent.")],
    gigabytes: Annotated[float, typer.Option(min=0.01, help="Size of the pixels, 1e9 bytes each.")] = 20.0,
    image: Annotated[Path, typer.Option(help="Plane that is repeated: TIFF, 8 or 16 bit.")] = IMAGE,
    codecs: Annotated[str, typer.Option(help="As `study` takes them.")] = "lerc,blosc-bit-5-lossless",
    options: Annotated[str, typer.Option(help="Further options of `study`, between spaces.")] = (
        "--targets 40 --rate 1 --ssim-tiles 32"
    ),
) -> None:
    """Study a store of a given size made of one image, in a process of its own; print time and peak of memory.

    The peak is that of the resident memory of the process and all its children together, five times a second.
    """
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        store = repeated(tifffile.imread(image), out / "large.ome.zarr", round(gigabytes * 1e9))
    except (StudyError, OSError) as error:
        console.print(f"error: {error}")
        raise typer.Exit(1) from error
    array = zarr.open_array(store, path="0", mode="r")
    shape = " x ".join(map(str, array.shape))
    console.print(f"store: {shape} pixels of {array.dtype}, {array.nbytes / 1e9:.2f} GB, {array.nchunks} chunks")
    words = [sys.executable, "-m", "eval", "study", str(store), "--codecs", codecs, *options.split()]
    peak, seconds, status = peak_of([*words, "--out", str(out / "study")])
    console.print(f"study: {seconds:.0f} s, exit status {status}, peak of resident memory {peak / 1e9:.2f} GB")
    raise typer.Exit(status)


def repeated(plane: NDArray[np.unsignedinteger], store: Path, nbytes: int) -> Path:
    """Write an OME-Zarr 0.5 image of about so many bytes, all of whose chunks are links to those of `VARIANTS` ones.

    Raises
    ------
    StudyError
        There is something at the path, or the image is no plane.
    """
    if store.exists():
        raise StudyError(f"{store} exists: name another folder with --out")
    if plane.ndim != 2:
        raise StudyError(f"a plane is repeated, found shape {plane.shape}")
    parts = max(1, round(math.sqrt(nbytes / plane.itemsize) / CHUNK))
    dataset: dict[str, Any] = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}
    axes: list[Any] = [{"name": axis, "type": "space"} for axis in "yx"]
    root = zarr.open_group(store, mode="w", zarr_format=3)
    root.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [dataset]}]}
    array = root.create_array("0", shape=(parts * CHUNK,) * 2, chunks=(CHUNK, CHUNK), dtype=plane.dtype)
    whole = np.pad(plane, [(0, CHUNK - side % CHUNK if side % CHUNK else 0) for side in plane.shape], mode="symmetric")
    with tempfile.TemporaryDirectory(dir=store.parent) as folder:
        few = zarr.create_array(
            folder, name="few", shape=(VARIANTS * CHUNK, CHUNK), chunks=(CHUNK, CHUNK), dtype=plane.dtype
        )
        for number in range(VARIANTS):
            few[number * CHUNK : (number + 1) * CHUNK] = np.roll(whole[:CHUNK, :CHUNK], 61 * number, (0, 1))
        files = [Path(folder) / "few" / few.metadata.encode_chunk_key((number, 0)) for number in range(VARIANTS)]
        for row in range(parts):
            for column in range(parts):
                place = store / "0" / array.metadata.encode_chunk_key((row, column))
                place.parent.mkdir(parents=True, exist_ok=True)
                os.link(files[(row * parts + column) % VARIANTS], place)
    return store


def peak_of(words: list[str]) -> tuple[int, float, int]:
    """Run a command; return the peak of the resident bytes of its processes together, its seconds and its status."""
    start = time.monotonic()
    peak = 0
    with subprocess.Popen(words) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(SAMPLING_S)
    return peak, time.monotonic() - start, process.returncode


def resident(process: psutil.Process) -> int:
    """Return the resident bytes of a process and its children; those that have just ended count nothing."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return total
    return total
