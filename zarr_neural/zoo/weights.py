"""Files of weights: found by their SHA-256 or their path, offline, and read as float32 arrays with string metadata.

Paths come from Python code alone: the metadata of a store name weights by their SHA-256, see `ResearchCodec`.
"""

import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zarr_neural.errors import ModelNotFoundError
from zarr_neural.models import user_directory
from zarr_neural.models.folders import first_sound
from zarr_neural.models.safetensors import DTYPES, read_safetensors, write_safetensors

DIRECTORY_VARIABLE = "ZARR_NEURAL_ZOO"
SHIPPED = Path(__file__).parent / "shipped"
SUFFIX = ".safetensors"
FLOATS = {**DTYPES, "F32": "<f4", "F16": "<f2"}
"""Dtypes of weights: research codecs compute in floats."""
_named: dict[str, Path] = {}
"""By SHA-256, the files that code of this process has named by their path."""


def directories() -> list[Path]:
    """Return where weights are looked for: the wheel, `$ZARR_NEURAL_ZOO` (one or more folders), the user's folder."""
    given = os.environ.get(DIRECTORY_VARIABLE, "")
    own = own_directory()
    return [SHIPPED, *(Path(part) for part in given.split(os.pathsep) if part), *([] if own is None else [own])]


def own_directory() -> Path | None:
    """Return the user's own folder of weights, or None where this account has no home."""
    models = user_directory()
    return None if models is None else models.parent / "zoo"


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
        If all files of that name have other contents.
    """
    name = os.fspath(weights)
    if is_digest(name):
        if (path := named(name)) is not None:
            return path
        return first_sound(name + suffix, name, directories(), lambda path: (sha256(path), path))
    path = Path(name)
    if not path.is_file():
        raise ModelNotFoundError(f"file {name}", [str(path.absolute().parent)])
    return remember(path)


def remember(path: Path) -> Path:
    """Return a path that code of this process has named: stores that record the SHA-256 of its file find it again."""
    _named[sha256(path)] = path
    return path


def named(digest: str) -> Path | None:
    """Return the file of that SHA-256 that code of this process has named by its path, if it still is that file."""
    path = _named.get(digest)
    return path if path is not None and path.is_file() and sha256(path) == digest else None


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
