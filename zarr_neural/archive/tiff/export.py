"""A store becomes an OME-TIFF again: axes, channel names, pixel sizes; plane by plane, BigTIFF where it must be."""

from __future__ import annotations

import itertools
import math
import os
import re
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import zarr

from zarr_neural.archive.ask.options import Options, Progress, silent
from zarr_neural.archive.metadata import read_axes, read_names, read_ome
from zarr_neural.archive.stores import attributes, open_node
from zarr_neural.archive.tiff.dialects import Record
from zarr_neural.archive.tiff.units import SYMBOLS
from zarr_neural.errors import ArchiveError, ConfigurationError

OME_DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
COMPRESSIONS = ("none", "zlib", "lzw", "zstd")
_CLASSIC_NBYTES = 4 * 10**9 - 2**26


def export(
    store: str | Path,
    target: str | Path,
    *,
    level: int = 0,
    compression: str = "none",
    overwrite: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write one level of an OME-Zarr image as OME-TIFF and return its path.

    Parameters
    ----------
    store : str or Path
        The OME-Zarr image.
    target : str or Path
        The TIFF; it appears when it is complete.
    level : int
        Of the pyramid, 0 is the full resolution.
    compression : {"none", "zlib", "lzw", "zstd"}
        Of the TIFF, all lossless.
    overwrite : bool
        Replace an existing file.
    progress : callable
        Called with (store name, planes done, planes in all).

    Raises
    ------
    ArchiveError
        No image there, a dtype that OME-TIFF does not have, or damaged chunks.
    ConfigurationError
        Wrong use: the target exists, no such level, or an unknown compression.
    """
    store, target = Path(store), Path(target)
    if compression not in COMPRESSIONS:
        raise ConfigurationError(f"compression must be one of {', '.join(COMPRESSIONS)}, not {compression!r}")
    if target.exists() and not overwrite:
        raise ConfigurationError(f"{target} already exists; it is replaced only with --overwrite")
    node = open_node(store)
    try:
        array, axes, names = _image(node, level)
    except (ArchiveError, ConfigurationError):
        raise
    except Exception as error:  # attributes that were edited end in errors of any kind
        raise ArchiveError(f"{store}: its metadata cannot be used: {error or type(error).__name__}") from error
    if array.dtype.name not in OME_DTYPES:
        raise ArchiveError(f"{store}: OME-TIFF cannot hold {array.dtype.name}; it can hold {', '.join(OME_DTYPES)}")
    nbytes = math.prod(array.shape) * array.dtype.itemsize
    unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")  # a name that nobody else has
    try:
        with tifffile.TiffWriter(unfinished, bigtiff=nbytes > _CLASSIC_NBYTES, ome=True) as tiff:
            tiff.write(
                _planes(array, store.name, progress),
                shape=array.shape,
                dtype=array.dtype,
                **_photometric(store, attributes(node), array),
                compression=None if compression == "none" else compression,
                metadata={"axes": axes.upper(), "Name": store.name, **_ome(names, axes, array, level)},
            )
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def _image(node: zarr.Group | zarr.Array[Any], level: int) -> tuple[zarr.Array[Any], str, Record]:
    """The array of a level, its axes, and its names and sizes."""
    _, content = read_ome(attributes(node))
    datasets = content["multiscales"][0]["datasets"]
    if not 0 <= level < len(datasets):
        raise ConfigurationError(f"there is no level {level}: the image has levels 0 to {len(datasets) - 1}")
    array = node[datasets[level]["path"]] if isinstance(node, zarr.Group) else node
    if not isinstance(array, zarr.Array):
        raise ArchiveError(f"level {level} is a group, an array was expected")
    return array, read_axes(content), read_names(content)


def _photometric(store: Path, said: Mapping[str, Any], array: zarr.Array[Any]) -> dict[str, Any]:
    """How the values are to be shown, as the source of the store had it: white is 0, or indices of a palette."""
    record = said.get("zarr_neural")
    kind = record.get("photometric") if isinstance(record, Mapping) else None
    if kind == "miniswhite" and array.dtype.kind in "biu":
        return {"photometric": "miniswhite"}
    if kind == "palette" and array.dtype.name in ("uint8", "uint16"):
        table = np.zeros((2 ** (8 * array.dtype.itemsize), 3), "uint16")
        try:
            lines = (store / "OME" / "palette.txt").read_text("ascii").splitlines()[: len(table)]
            table[: len(lines)] = [[min(int(value), 65535) for value in line.split()] for line in lines]
        except (OSError, ValueError):
            return {"photometric": "minisblack"}
        return {"photometric": "palette", "colormap": table.T}
    return {"photometric": "minisblack"}


def _ome(names: Record, axes: str, array: zarr.Array[Any], level: int) -> dict[str, Any]:
    """The keys that tifffile writes into the OME-XML."""
    content: dict[str, Any] = {}
    for axis in "xyz":
        if axis in names.scale and axis in axes:
            size = names.scale[axis] * (2**level if axis in "xy" else 1)
            content |= {
                f"PhysicalSize{axis.upper()}": size,
                f"PhysicalSize{axis.upper()}Unit": SYMBOLS[names.unit[axis]],
            }
    if "t" in names.scale:
        content |= {"TimeIncrement": names.scale["t"], "TimeIncrementUnit": SYMBOLS[names.unit["t"]]}
    count = array.shape[axes.index("c")] if "c" in axes else 1
    channel: dict[str, Any] = {}
    if len(names.names) == count and all(names.names):
        channel["Name"] = list(names.names)
    if len(names.colours) == count and all(map(_is_colour, names.colours)):
        channel["Color"] = [_signed(f"{colour}FF") for colour in names.colours]
    return content | ({"Channel": channel} if channel else {})


def _is_colour(colour: Any) -> bool:
    return isinstance(colour, str) and re.fullmatch("[0-9A-Fa-f]{6}", colour) is not None


def _signed(rgba: str) -> int:
    """RRGGBBAA as OME's signed integer."""
    value = int(rgba, 16)
    return value - 2**32 if value >= 2**31 else value


def _planes(array: zarr.Array[Any], name: str, progress: Progress) -> Iterator[npt.NDArray[Any]]:
    """Yield the planes in file order, read ahead on all cores; a stack that shares chunks is read in one go."""
    *leading, _, _ = array.shape
    deep = array.chunks[-3] if leading else 1
    slabs = [
        (*(slice(i, i + 1) for i in index), slice(start, min(start + deep, leading[-1])))
        for index in itertools.product(*(range(size) for size in leading[:-1]))
        for start in range(0, leading[-1], deep)
    ] if leading else [()]  # fmt: skip
    total, done, threads = math.prod(leading), 0, Options().threads

    def read(slab: tuple[slice, ...]) -> npt.NDArray[Any]:
        try:
            return np.asarray(array[(*slab, slice(None), slice(None))]).reshape(-1, *array.shape[-2:])
        except Exception as error:
            where = ", ".join(f"{part.start}:{part.stop}" for part in slab)
            raise ArchiveError(f"{name}: cannot read planes {where}: {error or type(error).__name__}") from error

    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[npt.NDArray[Any]]] = deque()
        waiting = iter(slabs)
        while True:
            ahead.extend(pool.submit(read, slab) for slab in itertools.islice(waiting, threads - len(ahead) + 1))
            if not ahead:
                return
            for plane in ahead.popleft().result():
                yield plane
                done += 1
                progress(name, done, total)
