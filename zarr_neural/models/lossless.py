"""A lossless model in memory, and as the bytes of a file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from zarr_neural.errors import ModelError

from .contract import validate
from .safetensors import read_safetensors, write_safetensors

FORMAT = "zarr_neural.model.v1"
KIND = "lossless"
MAX_NBYTES = 1_000_000


@dataclass(frozen=True)
class LosslessModel:
    """A model of path L; two are equal when their files are.

    Attributes
    ----------
    id : str
        SHA-256 of the file, 64 lower-case hexadecimal digits.
    arrays : mapping of str to ndarray
        The integers, read-only, as `validate` describes them.
    metadata : mapping of str to str
        `format`, `kind`, and where the model comes from.
    """

    id: str
    arrays: Mapping[str, NDArray[Any]] = field(compare=False, repr=False)
    metadata: Mapping[str, str] = field(compare=False, repr=False)


def pack(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return the file of a model; equal content gives equal bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `validate` describes them.
    metadata : mapping of str to str
        Provenance. `format` and `kind` are added.

    Raises
    ------
    ModelError
        If the arrays break the numeric contract, or the file would have `MAX_NBYTES` bytes or more.
    """
    validate(arrays)
    data = write_safetensors(arrays, {**metadata, "format": FORMAT, "kind": KIND})
    if len(data) >= MAX_NBYTES:
        raise ModelError(f"the model has {len(data)} bytes, allowed are fewer than {MAX_NBYTES}")
    return data


def unpack(data: bytes) -> LosslessModel:
    """Return the model that a file holds, checked against the numeric contract.

    Raises
    ------
    ModelError
        If the bytes are damaged, foreign, or break the contract.
    """
    if len(data) >= MAX_NBYTES:
        raise ModelError(f"the model has {len(data)} bytes, allowed are fewer than {MAX_NBYTES}")
    arrays, metadata = read_safetensors(data)
    for key, expected in (("format", FORMAT), ("kind", KIND)):
        if metadata.get(key) != expected:
            raise ModelError(f"the {key} of the model is {metadata.get(key)!r}, expected {expected!r}")
    validate(arrays)
    return LosslessModel(hashlib.sha256(data).hexdigest(), MappingProxyType(arrays), MappingProxyType(metadata))
