"""Stores of images, a chunk each: written by a codec, read back, and what lies on the disk counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray


def store(path: Path, codec: Any, images: NDArray[np.uint8], names: Sequence[str] = ()) -> zarr.Array[Any]:
    """Write images (N, Y, X) as chunks of a Zarr v2 array and return it, opened anew for reading."""
    shape: dict[str, Any] = {"shape": images.shape, "chunks": (1, *images.shape[1:]), "dtype": "u1"}
    array = zarr.open_array(path, mode="w", zarr_format=2, compressor=codec, **shape)
    array.attrs["names"] = list(names)
    array[:] = images
    return zarr.open_array(path, mode="r")


def chunk_bytes(path: Path) -> list[bytes]:
    """Return the bytes of the file of every chunk along the first axis."""
    array = zarr.open_array(path, mode="r")
    return [(path / array.metadata.encode_chunk_key((i, 0, 0))).read_bytes() for i in range(array.shape[0])]
