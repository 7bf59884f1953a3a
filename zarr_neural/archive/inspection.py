"""What a store or a chunk says about itself, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from zarr_neural.archive.check.report import array_nbytes, store_nbytes
from zarr_neural.archive.metadata import read_ome
from zarr_neural.archive.provenance import KEY
from zarr_neural.archive.stores import arrays_in, attributes, find_stores, is_collection, is_store, open_node
from zarr_neural.chunk import describe
from zarr_neural.errors import ArchiveError


def inspect_path(path: str | Path) -> dict[str, Any]:
    """Return a description of the store, array, chunk file or folder of stores at `path`; its "kind" says which it is.

    Raises
    ------
    ArchiveError
        Nothing is there.
    DamagedChunkError
        The file is no chunk of ours, or a damaged one.
    """
    path = Path(path)
    if path.is_file():
        return {"kind": "chunk", "path": str(path), **describe(path.read_bytes())}
    if not path.exists() and not path.with_name(path.name + ".partial").exists():
        raise ArchiveError(f"{path}: no such file or folder")
    if path.is_dir() and (not is_store(path) or is_collection(path)):
        return _folder(path)
    return _store(path)


def _folder(path: Path) -> dict[str, Any]:
    """What every store in a folder holds; one that cannot be read says so and does not hide the others."""
    stores, unfinished = find_stores(path)
    found: list[dict[str, Any]] = []
    for store in stores:
        try:
            found.append(_store(store))
        except Exception as error:  # metadata that were edited by hand end in errors of any kind
            text = str(error) or type(error).__name__
            found.append({"kind": "unreadable", "path": str(store), "error": text.removeprefix(f"{store}: ")})
    found += [{"kind": "unreadable", "path": str(p), "error": "its conversion was not finished"} for p in unfinished]
    return {"kind": "folder", "path": str(path), "stores": found}


def _store(path: Path) -> dict[str, Any]:
    node = open_node(path)
    attrs = attributes(node)
    content: dict[str, Any] = {
        "kind": "array" if isinstance(node, zarr.Array) else "store",
        "path": str(path),
        "zarr_format": node.metadata.zarr_format,
        "nbytes": store_nbytes(path),
        "arrays": [_array(path, name, array) for name, array in arrays_in(path)],
    }
    ome = attrs.get("ome", attrs)
    if not isinstance(ome, Mapping):
        raise ArchiveError(f"{path}: its attribute 'ome' is a {type(ome).__name__}, not an object")
    if ome.get("multiscales"):
        content["ome_version"] = read_ome(attrs)[0]
    return content | ({KEY: attrs[KEY]} if KEY in attrs else {})


def _array(store: Path, name: str, array: zarr.Array[Any]) -> dict[str, Any]:
    stored = array_nbytes(store / name)
    return {
        "path": name,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "chunks": list(array.chunks),
        "shards": array.shards and list(array.shards),
        "codecs": _codecs(array),
        "stored_nbytes": stored,
        "ratio": round(array.nbytes / stored, 4) if stored else None,
        "bits_per_pixel": round(8 * stored / array.size, 4) if array.size else None,
    }


def _codecs(array: zarr.Array[Any]) -> list[dict[str, Any]]:
    """The JSON of everything that makes the bytes of a chunk, whoever wrote it: filters, serializer, compressors.

    The plain copy of samples to bytes is named where nothing else is done.
    """
    if array.metadata.zarr_format == 2:
        found: list[Any] = [*array.filters, *array.compressors]
    else:
        found = [*array.filters, array.serializer, *array.compressors]
    records = [codec.get_config() if hasattr(codec, "get_config") else codec.to_dict() for codec in found]
    telling = [record for record in records if record.get("name") != "bytes"]
    return telling or records
