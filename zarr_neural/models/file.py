"""What the files of all kinds of models have in common: format, largest size, name."""

import hashlib
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from zarr_neural.errors import ModelError

from .safetensors import read_safetensors, write_safetensors

FORMAT = "zarr_neural.model.v1"
MAX_NBYTES = 1_000_000


def write_model(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], kind: str) -> bytes:
    """Return the file of a model whose arrays fulfil the contract of their kind; equal content gives equal bytes.

    Raises
    ------
    ModelError
        If the file would have `MAX_NBYTES` bytes or more.
    """
    data = write_safetensors(arrays, {**metadata, "format": FORMAT, "kind": kind})
    _check_size(data)
    return data


def read_model(data: bytes) -> tuple[str, dict[str, NDArray[Any]], dict[str, str]]:
    """Return the SHA-256 of a file, its arrays, which nothing has checked yet, and its metadata.

    Raises
    ------
    ModelError
        If the bytes are damaged or foreign.
    """
    _check_size(data)
    arrays, metadata = read_safetensors(data)
    if metadata.get("format") != FORMAT:
        raise ModelError(f"the format of the model is {metadata.get('format')!r}, expected {FORMAT!r}")
    return hashlib.sha256(data).hexdigest(), arrays, metadata


def _check_size(data: bytes) -> None:
    if len(data) >= MAX_NBYTES:
        raise ModelError(f"the model has {len(data)} bytes, allowed are fewer than {MAX_NBYTES}")
