"""A channel written with a codec into a real Zarr v2 array, its stored bytes counted, and read back."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import zarr
from numcodecs.registry import register_codec


@dataclass(frozen=True)
class Stored:
    """Bytes of an array on disk: those of its chunk files, and those of its metadata."""

    chunk_nbytes: int
    metadata_nbytes: int


def create(
    path: Path, shape: Sequence[int], dtype: np.dtype[Any], chunks: Sequence[int], codec: Any, fill: float = 0.0
) -> zarr.Array[Any]:
    """Return a new Zarr v2 array with a codec as its compressor; what lies at the path is replaced.

    The codec's class is registered by its id, so that the array opens here again: not all codecs have entry points.
    """
    register_codec(type(codec))
    if path.exists():
        shutil.rmtree(path)
    value = int(fill) if dtype.kind in "iu" else fill
    return zarr.create(
        shape=tuple(shape),
        dtype=dtype,
        chunks=tuple(chunks),
        store=str(path),
        zarr_format=2,
        compressor=codec,
        fill_value=value,
    )


def writing(source: da.Array, target: zarr.Array[Any]) -> Any:
    """Return the writing of an array into another, as a dask object that is still to be computed.

    Raises
    ------
    ValueError
        Blocks of the source would cut chunks of the target: two tasks would then write one chunk.
    """
    for sizes, side in zip(source.chunks, target.chunks, strict=True):
        if any(size % side for size in sizes[:-1]):
            raise ValueError(f"blocks of {sizes} do not lie on chunks of {side}")
    return da.store(source, target, lock=False, compute=False, return_stored=False)


def stored_bytes(path: Path) -> Stored:
    """Return the bytes of the files of a Zarr v2 array."""
    sizes = {file.name: file.stat().st_size for file in path.iterdir() if file.is_file()}
    metadata = sum(size for name, size in sizes.items() if name.startswith(".z"))
    return Stored(sum(sizes.values()) - metadata, metadata)


def reading(path: Path, chunks: Sequence[int]) -> da.Array:
    """Return an array on disk as a dask array of blocks of a shape."""
    array = zarr.open_array(str(path), mode="r")
    return da.from_array(array, chunks=tuple(chunks), inline_array=True, name=False)


def even_chunk(shape: Sequence[int], wanted: Sequence[int], most: Sequence[int] = ()) -> tuple[int, ...]:
    """Return a chunk shape that cuts each axis into equal parts of about the size wanted, none above `most`.

    Parameters
    ----------
    shape
        Of the channel.
    wanted
        Along the trailing axes; leading ones are cut into single planes.
    most
        Largest sides along the trailing axes; none for no limit.

    Examples
    --------
    >>> even_chunk((600, 1300), (512, 512)), even_chunk((20, 300, 300), (1024, 1024), (16, 256, 256))
    ((600, 434), (10, 150, 150))
    """
    sides = [1] * len(shape)
    sides[len(shape) - min(len(wanted), len(shape)) :] = list(wanted)[-len(shape) :]
    parts = [max(1, round(size / side)) for size, side in zip(shape, sides, strict=True)]
    if most:
        limits = [1] * (len(shape) - len(most)) + list(most)[-len(shape) :]
        parts = [max(1, math.ceil(size / limit)) for size, limit in zip(shape, limits, strict=True)]
    return tuple(math.ceil(size / part) for size, part in zip(shape, parts, strict=True))
