"""How a conversion is to be done, as data."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from zarr_neural.archive.ask.request import Request
from zarr_neural.archive.metadata import VERSIONS
from zarr_neural.archive.tiff.axes import check_axes
from zarr_neural.archive.tiff.source import MAX_MEMORY
from zarr_neural.errors import ConfigurationError

LAYOUTS = ("images", "bf2raw")
Progress = Callable[[str, int, int], None]
"""Called in the caller's thread with (image name, pixels done, pixels in all); what it raises stops the conversion."""


def silent(name: str, done: int, total: int) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Options:
    """Everything that the user may decide.

    Parameters
    ----------
    fidelity : Request
        The promise about the pixels.
    ome_version : {"0.5", "0.4"}
        Of OME-Zarr; 0.5 is Zarr v3, 0.4 is Zarr v2.
    chunks : tuple of int, optional
        Trailing axes, leading ones are 1. Default: about 1024 x 1024, cut evenly.
    shards : tuple of int or bool
        True: chosen, up to 32 MiB of pixels. Zarr v3 only.
    labels : bool, optional
        Treat every image as labels (True), none (False), or decide image by image (None).
    layout : {"images", "bf2raw"}
        A store for each image, or all images of a file in one store, as bioformats2raw writes it.
    levels : int, optional
        Number of levels, the full resolution included; 1 for no overviews. Default: until 256 pixels are left.
    max_memory : int
        Bytes that a compressed strip or tile of a source may take when it is decoded; files with larger ones are
        refused.
    axes : str, optional
        Meaning of the axes, for files that do not say.
    overwrite : bool
        Replace an existing target.
    workers : int, optional
        Threads; default: one per core that this process may use.

    Raises
    ------
    ConfigurationError
        The options contradict each other.
    """

    fidelity: Request = field(default_factory=Request)
    ome_version: str = "0.5"
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | bool = False
    labels: bool | None = None
    layout: str = "images"
    levels: int | None = None
    max_memory: int = MAX_MEMORY
    axes: str | None = None
    overwrite: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.ome_version not in VERSIONS:
            raise ConfigurationError(f"the OME-Zarr version must be {' or '.join(VERSIONS)}, not {self.ome_version!r}")
        if self.zarr_format == 2 and self.shards is not False:
            raise ConfigurationError("shards need Zarr v3, which OME-Zarr 0.5 uses")
        for name, sides in (("chunk", self.chunks), ("shard", self.shards)):
            if isinstance(sides, tuple) and (not sides or min(sides) < 1):
                raise ConfigurationError(f"every side of the {name} shape must be at least 1, not {sides}")
        if self.layout not in LAYOUTS:
            raise ConfigurationError(f"the layout must be {' or '.join(LAYOUTS)}, not {self.layout!r}")
        if self.levels is not None and self.levels < 1:
            raise ConfigurationError(f"levels must be at least 1 (the full resolution alone), not {self.levels}")
        if self.max_memory < 1:
            raise ConfigurationError(f"max_memory must be at least 1 byte, not {self.max_memory}")
        if self.axes is not None:
            check_axes(self.axes)
        if self.workers is not None and self.workers < 1:
            raise ConfigurationError(f"workers must be at least 1, not {self.workers}")

    @property
    def zarr_format(self) -> Literal[2, 3]:
        """Zarr format of the store, 2 or 3."""
        return VERSIONS[self.ome_version]

    @property
    def threads(self) -> int:
        """Number of threads that code and decode."""
        if self.workers is not None:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
