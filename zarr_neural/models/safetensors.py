"""A minimal safetensors file: integer arrays and string metadata, read strictly.

The layout is that of https://github.com/huggingface/safetensors: the length of the header (8 bytes, little endian), the
header as JSON, and the arrays one behind the other. Here the arrays stand in the order of their names, widest type
first, without gaps, so that the same content always gives the same bytes.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ModelError

DTYPES: Mapping[str, str] = {"U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4"}
"""Of what decoders of our own formats need: integers alone."""
MAX_HEADER_NBYTES = 100_000
MAX_DIMENSIONS = 8


def write_safetensors(
    arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], dtypes: Mapping[str, str] = DTYPES
) -> bytes:
    """Return the file that holds the arrays and the metadata; equal content gives equal bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of any shape, and of the dtypes allowed: integers of 8, 16 or 32 bits, unless others are given.
    metadata : mapping of str to str
    dtypes : mapping of str to str
        What the format calls the dtypes that are allowed, and their codes in NumPy.

    Raises
    ------
    ModelError
        If an array has another dtype, or the header would be longer than a reader accepts.
    """
    names = {np.dtype(code): name for name, code in dtypes.items()}
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    parts: list[bytes] = []
    end = 0
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        dtype = array.dtype.newbyteorder("<")
        if dtype not in names:
            raise ModelError(f"array {name!r} has dtype {array.dtype}, allowed are {', '.join(map(str, names))}")
        parts.append(np.ascontiguousarray(array, dtype).tobytes())
        start, end = end, end + len(parts[-1])
        header[name] = {"dtype": names[dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_NBYTES:
        raise ModelError(f"the header has {len(text)} bytes, allowed are {MAX_HEADER_NBYTES}")
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def read_safetensors(data: bytes, dtypes: Mapping[str, str] = DTYPES) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays (read-only) and the metadata of a file; every length is checked before it is used.

    Parameters
    ----------
    data : bytes
    dtypes : mapping of str to str
        What the format calls the dtypes that are allowed, and their codes in NumPy.

    Raises
    ------
    ModelError
        If the file is not what `write_safetensors` makes: truncated, with gaps, or with an unknown dtype.
    """
    if len(data) < 8:
        raise ModelError(f"a model file has at least 8 bytes, found {len(data)}")
    size = int.from_bytes(data[:8], "little")
    if size > min(MAX_HEADER_NBYTES, len(data) - 8):
        raise ModelError(f"the header claims {size} bytes, allowed are {min(MAX_HEADER_NBYTES, len(data) - 8)}")
    try:
        header = json.loads(data[8 : 8 + size].decode(), object_pairs_hook=_without_duplicates)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ModelError(f"the header is not valid JSON: {error}") from error
    if not isinstance(header, dict):
        raise ModelError(f"the header is a {type(header).__name__}, expected an object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelError("the metadata is not a mapping of strings to strings")
    payload = memoryview(data)[8 + size :]
    arrays: dict[str, NDArray[Any]] = {}
    end = 0
    for name, entry in header.items():
        dtype, shape, start, stop = _entry(name, entry, dtypes)
        expected = end + dtype.itemsize * math.prod(shape)
        if start != end or stop != expected or stop > len(payload):
            raise ModelError(f"array {name!r} lies at {start}..{stop}, expected {end}..{expected} of {len(payload)}")
        array = np.frombuffer(payload[start:stop], dtype).reshape(shape).astype(dtype.newbyteorder("="))
        array.flags.writeable = False
        arrays[name] = array
        end = stop
    if end != len(payload):
        raise ModelError(f"the arrays end at byte {end}, the file at {len(payload)}")
    return arrays, metadata


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _entry(name: str, entry: Any, dtypes: Mapping[str, str]) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """Return dtype, shape and both offsets of a header entry."""

    def integers(value: Any, most: int) -> bool:
        return isinstance(value, list) and len(value) <= most and all(type(n) is int and 0 <= n < 2**40 for n in value)

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ModelError(f"the entry of array {name!r} has other fields than dtype, shape and data_offsets")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in dtypes:
        raise ModelError(f"array {name!r} has dtype {entry['dtype']!r}, allowed are {', '.join(dtypes)}")
    if not integers(entry["shape"], MAX_DIMENSIONS):
        raise ModelError(f"array {name!r} has shape {entry['shape']!r}")
    if not integers(entry["data_offsets"], 2) or len(entry["data_offsets"]) != 2:
        raise ModelError(f"array {name!r} has offsets {entry['data_offsets']!r}")
    return np.dtype(dtypes[entry["dtype"]]), tuple(entry["shape"]), entry["data_offsets"][0], entry["data_offsets"][1]
