"""Finding stores on disk and opening what is in them: the common ground of verify, inspect and export."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zarr

from zarr_neural.archive.layout import Region, grid
from zarr_neural.bitstream import crc32c
from zarr_neural.codecs.configuration import FORMAT_ID
from zarr_neural.errors import ArchiveError

LAYOUT = "bioformats2raw.layout"
_MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_store(path: Path) -> bool:
    """Return whether `path` is the folder of a Zarr group or array."""
    return any((path / name).is_file() for name in _MARKS)


def is_collection(path: Path) -> bool:
    """Return whether `path` is a store that holds several images as groups 0, 1, ... (the layout of bioformats2raw)."""
    if not is_store(path):
        return False
    said = attributes(open_node(path))
    return any(isinstance(part, Mapping) and LAYOUT in part for part in (said, said.get("ome")))


def images_of(path: Path) -> list[Path]:
    """Return the images of a collection, in their order."""
    inside = (entry for entry in path.iterdir() if entry.is_dir() and entry.name.isdecimal() and is_store(entry))
    return sorted(inside, key=_by_number)


def open_node(path: Path) -> zarr.Group | zarr.Array[Any]:
    """Return the Zarr group or array at `path`, for reading.

    Raises
    ------
    ArchiveError
        There is none, it is unfinished, or its metadata are damaged.
    """
    if not is_store(path):
        unfinished = path.with_name(path.name + ".partial").exists()
        raise ArchiveError(f"{path}: {'its conversion was not finished' if unfinished else 'there is no Zarr store'}")
    try:
        return zarr.open(path, mode="r")
    except Exception as error:
        raise ArchiveError(f"{path}: its metadata cannot be read: {error or type(error).__name__}") from error


def attributes(node: zarr.Group | zarr.Array[Any]) -> dict[str, Any]:
    """Return the attributes of a group or array as plain JSON."""
    return dict(node.attrs.asdict())


def codec_records(array: zarr.Array[Any]) -> list[dict[str, Any]]:
    """Return the JSON of the codecs that make the bytes of a chunk: v2 compressors, or the v3 serializer."""
    found: list[Any] = list(array.compressors) if array.metadata.zarr_format == 2 else [array.serializer]
    return [codec.get_config() if hasattr(codec, "get_config") else codec.to_dict() for codec in found]


def is_ours(array: zarr.Array[Any]) -> bool:
    """Return whether the chunks of an array are coded by this package, and so carry checksums of bytes and samples."""
    return any(FORMAT_ID in (record.get("id"), record.get("name")) for record in codec_records(array))


def arrays_in(path: Path) -> list[tuple[str, zarr.Array[Any]]]:
    """Return (path in the store, array) for every array at or below `path`, sorted, those named by numbers by number.

    Raises
    ------
    ArchiveError
        The metadata of one are damaged.
    """
    return list(_arrays(path, {path.resolve()}))


def _arrays(path: Path, seen: set[Path]) -> Iterator[tuple[str, zarr.Array[Any]]]:
    node = open_node(path)
    if isinstance(node, zarr.Array):
        yield "", node
        return
    for folder in sorted(path.iterdir(), key=_by_number):
        if folder.is_dir() and is_store(folder) and _is_new(folder, seen):
            for name, array in _arrays(folder, seen):
                yield f"{folder.name}/{name}".rstrip("/"), array


def _by_number(entry: Path) -> tuple[float, str]:
    """Numbers first and by their size, as the levels of an image are named; names after them."""
    return (int(entry.name) if entry.name.isdecimal() else math.inf), entry.name


def _is_new(folder: Path, seen: set[Path]) -> bool:
    """Whether a folder is met for the first time, under whatever name: links may lead in circles."""
    real = folder.resolve()
    if real in seen:
        return False
    seen.add(real)
    return True


def find_stores(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the stores at or below `path`, and the unfinished conversions met on the way, both sorted.

    Of a store that holds several images, these."""
    if is_store(path):
        return _expanded(path), []
    if not path.is_dir():
        open_node(path)
    stores, unfinished = [], []
    for folder in _folders(path, {path.resolve()}):
        unplaced = folder.name.endswith((".series.partial", ".replaced.partial"))
        if unplaced or (
            folder.name.endswith(".partial") and ((folder / "journal.jsonl").exists() or not is_store(folder))
        ):
            unfinished.append(folder)
        else:
            stores += _expanded(folder)
    if not stores and not unfinished:
        raise ArchiveError(f"{path}: there is no Zarr store")
    return stores, unfinished


def _expanded(store: Path) -> list[Path]:
    """A store, or the images of a collection; one whose metadata are damaged stands for itself."""
    try:
        return images_of(store) if is_collection(store) else [store]
    except ArchiveError:
        return [store]


def _folders(path: Path, seen: set[Path]) -> Iterator[Path]:
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and not entry.name.startswith(".") and _is_new(entry, seen):
            if is_store(entry) or entry.name.endswith(".partial"):
                yield entry
            else:
                yield from _folders(entry, seen)


BlockFile = list[int]
"""Length and CRC-32C of the file of a chunk or shard."""


def blocks(array: zarr.Array[Any], within: Region | None = None) -> Iterator[tuple[Region, str]]:
    """Yield (region, name of its file in the array's folder) for every chunk, or shard, last axis fastest."""
    block = array.shards or array.chunks
    for whole in grid(array.shape, block, within):
        index = tuple(part.start // side for part, side in zip(whole, block, strict=True))
        yield whole, array.metadata.encode_chunk_key(index)


def block_files(folder: Path, array: zarr.Array[Any], within: Region | None = None) -> Iterator[Path]:
    """Yield the file of every chunk (or shard) of the array in `folder`, last axis fastest."""
    for _, key in blocks(array, within):
        yield folder / key


def file_mark(path: Path) -> BlockFile:
    """Return length and CRC-32C of a file, [0, 0] where there is none."""
    try:
        data = path.read_bytes()
    except OSError:
        return [0, 0]
    return [len(data), crc32c(data)]


def digest_of_marks(marks: Iterable[BlockFile]) -> str:
    """Return the SHA-256 of the lengths and checksums of files, in order: two that were swapped change it."""
    return hashlib.sha256(json.dumps(list(marks), separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class ChunkPlace:
    """One chunk of an array: its region, and the file that holds it (the shard's, where there are shards)."""

    region: tuple[slice, ...]
    key: str


def chunk_places(array: zarr.Array[Any], within: Region) -> Iterator[ChunkPlace]:
    """Yield every chunk of the array in a region of whole shards or chunks, last axis fastest."""
    for whole, key in blocks(array, within):
        for region in grid(array.shape, array.chunks, whole):
            yield ChunkPlace(region, key)
