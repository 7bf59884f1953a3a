"""Files of weights: found by their SHA-256 or their path, offline, and read as float32 arrays with string metadata."""

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zarr_neural.errors import ModelError, ModelNotFoundError
from zarr_neural.models.safetensors import DTYPES, read_safetensors, write_safetensors
from zarr_neural.models.store import user_directory

DIRECTORY_VARIABLE = "ZARR_NEURAL_ZOO"
SHIPPED = Path(__file__).parent / "shipped"
SUFFIX = ".safetensors"
FLOATS = {**DTYPES, "F32": "<f4", "F16": "<f2"}
"""Dtypes of weights: research codecs compute in floats."""


def directories() -> list[Path]:
    """Return where weights are looked for: `$ZARR_NEURAL_ZOO` (one or more folders), the user's folder, the wheel."""
    given = os.environ.get(DIRECTORY_VARIABLE, "")
    return [*(Path(part) for part in given.split(os.pathsep) if part), own_directory(), SHIPPED]


def own_directory() -> Path:
    """Return the user's own folder of weights."""
    return user_directory().parent / "zoo"


def is_digest(name: str) -> bool:
    """Return whether a name of weights is a SHA-256: 64 lower-case hexadecimal digits."""
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def locate(weights: str | os.PathLike[str], suffix: str = SUFFIX) -> Path:
    """Return the file of weights that are named by their SHA-256 or by their path; never asks the network.

    Parameters
    ----------
    weights : str or path
        64 lower-case hexadecimal digits, of a file of that name in one of `directories`, or the path of a file.
    suffix : str
        What follows the digits in the name of the file.

    Raises
    ------
    ModelNotFoundError
        Listing the places searched.
    ModelError
        If the file of that name has other contents.
    """
    name = os.fspath(weights)
    if is_digest(name):
        for directory in directories():
            path = directory / (name + suffix)
            if path.is_file():
                if (found := sha256(path)) != name:
                    raise ModelError(f"the contents of {path} have SHA-256 {found}, expected {name}")
                return path
        raise ModelNotFoundError(name, [str(directory) for directory in directories()])
    path = Path(name)
    if not path.is_file():
        raise ModelNotFoundError(f"file {name}", [str(path.absolute().parent)])
    return path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, computed again only when its size or time has changed."""
    status = path.stat()
    return _sha256(path.resolve(), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, _nbytes: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_weights(path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> str:
    """Write a file of weights and return its SHA-256; equal content gives equal bytes."""
    data = write_safetensors(arrays, metadata, FLOATS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_weights(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return arrays (read-only) and metadata of a file of weights.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    return read_safetensors(path.read_bytes(), FLOATS)
