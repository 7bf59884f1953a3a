"""What a conversion did, measured: the record that goes into the attributes, and the one that the user sees."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import zarr

from zarr_neural.archive.stores import blocks


@dataclass
class Clock:
    """Pixels coded and decoded in this run and the seconds that the threads spent on it, taken together."""

    encoded: int = 0
    encode_seconds: float = 0.0
    decoded: int = 0
    decode_seconds: float = 0.0

    def add(self, other: Clock) -> None:
        """Add what another thread measured."""
        self.encoded += other.encoded
        self.encode_seconds += other.encode_seconds
        self.decoded += other.decoded
        self.decode_seconds += other.decode_seconds

    @property
    def encode_rate(self) -> float | None:
        """Megapixels coded and written per second and thread."""
        return self.encoded / self.encode_seconds / 1e6 if self.encode_seconds else None

    @property
    def decode_rate(self) -> float | None:
        """Megapixels read and decoded per second and thread."""
        return self.decoded / self.decode_seconds / 1e6 if self.decode_seconds else None


@dataclass(frozen=True)
class ImageReport:
    """One image: `status` is "converted", "kept" (it was there already, complete) or "failed" (see `error`).

    Sizes are of the full resolution, `store_nbytes` of everything. `ratio` is pixels' bytes to stored bytes;
    `max_error` in grey levels and `psnr_db` (the lowest of the channels) are measured by reading back, None where
    nothing was lost; rates are Mpixel/s of one thread, of this run only. `asked` is what the user said, `method` and
    `parameters` what came of it for the array, `targets` (with a mean error) for each channel, `channels` what was
    measured of each. `labels` says whether names were stored instead of light. `noise_saving` is the share of the bytes
    that `noise=1.0` would have saved, estimated on a few pieces of a few images of a lossless run, None for the others.
    """

    source: str
    target: str
    status: str
    error: str | None = None
    axes: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    asked: dict[str, Any] | None = None
    method: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    targets: tuple[dict[str, Any], ...] = ()
    ratio: float | None = None
    bits_per_pixel: float | None = None
    stored_nbytes: int | None = None
    store_nbytes: int | None = None
    source_nbytes: int | None = None
    max_error: float | None = None
    psnr_db: float | None = None
    channels: tuple[dict[str, Any], ...] = ()
    encode_mpixel_s: float | None = None
    decode_mpixel_s: float | None = None
    seconds: float | None = None
    resumed: bool = False
    notes: tuple[str, ...] = ()
    labels: bool = False
    noise_saving: float | None = None

    @property
    def identical(self) -> bool | None:
        """Whether every pixel is what it was in the source, None where there is no store."""
        if self.status not in ("converted", "kept"):
            return None
        return self.method == "lossless" if self.max_error is None else self.max_error == 0

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {**asdict(self), "identical": self.identical}


def array_nbytes(path: Path) -> int:
    """Return the bytes of the chunks (or shards) of the array at `path`, metadata left out."""
    names = {"zarr.json", ".zarray", ".zattrs"}
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and file.name not in names)


def channel_ratios(path: Path, array: zarr.Array[Any], axis: int | None) -> dict[int, float]:
    """Return bytes of pixels to bytes of chunks for every channel, nothing where a chunk or shard holds several.

    Parameters
    ----------
    path : Path
        Folder of the array.
    array : zarr.Array
        The array; all its chunks are stored.
    axis : int or None
        The channel axis.
    """
    block, channels = array.shards or array.chunks, 1 if axis is None else array.shape[axis]
    if axis is not None and channels > 1 and block[axis] > 1:
        return {}
    stored = dict.fromkeys(range(channels), 0)
    for region, key in blocks(array):
        stored[0 if axis is None else region[axis].start] += (path / key).stat().st_size
    pixels = math.prod(array.shape) * array.dtype.itemsize / channels
    return {channel: pixels / nbytes for channel, nbytes in stored.items()}


def store_nbytes(path: Path) -> int:
    """Return the bytes of everything under `path`."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
