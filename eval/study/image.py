"""Images of OME-Zarr stores, read lazily: one channel of one time point is an array of (Y, X) or (Z, Y, X)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import zarr
from numpy.typing import NDArray

from eval.study.errors import StudyError
from zarr_neural.archive.metadata import read_axes, read_names, read_ome
from zarr_neural.archive.stores import attributes, is_store, open_node
from zarr_neural.errors import ArchiveError

Region = tuple[slice, ...]
KINDS = "biuf"


@dataclass(frozen=True)
class StudyImage:
    """One time point of one store.

    Attributes
    ----------
    name
        What results call it: the name of the store, and the time point where there are several.
    path, component
        The group, and the path of its full resolution in it.
    axes, shape, dtype
        Of the array in the store.
    channel_names
        Labels of the channels, "0", "1" and so on where the store has none.
    time
        Index along t; 0 without that axis.
    group
        Images of one group (a well, a specimen) are alike, and intervals are over groups: what the store's attributes
        say under "study", else the name of the store.
    """

    name: str
    path: Path
    component: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    channel_names: tuple[str, ...]
    time: int = 0
    group: str = ""

    @property
    def spatial(self) -> str:
        """Axes of one channel: "yx", or "zyx" where there is more than one plane."""
        return "zyx" if self.size("z") > 1 else "yx"

    def size(self, axis: str) -> int:
        """Return how long an axis is, 1 for one that is not there."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def channel(self, wanted: str | int) -> Channel:
        """Return a channel by its label or its index.

        Raises
        ------
        StudyError
            There is none, or several have that label; the message lists the channels.
        """
        names = self.channel_names
        found = [index for index, name in enumerate(names) if name == str(wanted)]
        if not found and str(wanted).isdigit() and int(wanted) < len(names):
            found = [int(wanted)]
        if len(found) != 1:
            listed = ", ".join(f"{index}: {name}" for index, name in enumerate(names))
            how = "several channels are" if found else "no channel is"
            raise StudyError(f"{self.name}: {how} called {wanted!r}; there are {listed}")
        return Channel(self, found[0])


@dataclass(frozen=True)
class Damage:
    """A chunk of a store that cannot be read: its key, its place in the channel, and why."""

    key: str
    region: tuple[tuple[int, int], ...]
    why: str


@dataclass(frozen=True)
class Channel:
    """One channel as dask sees an array: shape, dtype, and regions that are read when they are asked for.

    Damaged chunks, once a scan has found them, read as `fill`.
    """

    image: StudyImage
    index: int
    damaged: tuple[Damage, ...] = ()
    fill: float = 0.0

    @property
    def name(self) -> str:
        """Label of the channel."""
        return self.image.channel_names[self.index]

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (Z, Y, X)."""
        return tuple(self.image.size(axis) for axis in self.image.spatial)

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return len(self.image.spatial)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples, in native byte order."""
        return self.image.dtype.newbyteorder("=")

    def __getitem__(self, region: Region) -> NDArray[Any]:
        bounds = tuple(slice(*part.indices(size)) for part, size in zip(region, self.shape, strict=True))
        if not any(overlaps(bounds, damage.region) for damage in self.damaged):
            return self.read(bounds)
        out = np.full([part.stop - part.start for part in bounds], self.fill, self.dtype)
        bad = {damage.region for damage in self.damaged}
        for place, _key in self.chunks_in(bounds):
            if place not in bad:
                common = tuple(
                    slice(max(part.start, low), min(part.stop, high))
                    for part, (low, high) in zip(bounds, place, strict=True)
                )
                inside = tuple(
                    slice(one.start - part.start, one.stop - part.start)
                    for one, part in zip(common, bounds, strict=True)
                )
                out[inside] = self.read(common)
        return out

    def read(self, bounds: Region) -> NDArray[Any]:
        """Return the samples of a region, as the store gives them."""
        samples = np.asarray(self._open()[self._selection(bounds)])
        samples = samples.reshape([part.stop - part.start for part in bounds])
        return np.ascontiguousarray(samples, dtype=self.dtype)

    def chunks_in(self, bounds: Region) -> Iterator[tuple[tuple[tuple[int, int], ...], str]]:
        """Yield place in the channel and key of every chunk of the store that a region touches."""
        array = self._open()
        axes = self.image.axes
        sides = [array.chunks[axes.index(axis)] for axis in self.image.spatial]
        spans = [range(part.start // side, -(-part.stop // side)) for part, side in zip(bounds, sides, strict=True)]
        files = array.shards or array.chunks
        for numbers in itertools.product(*spans):
            place = tuple(
                (number * side, min((number + 1) * side, size))
                for number, side, size in zip(numbers, sides, self.shape, strict=True)
            )
            first = {"c": self.index, "t": self.image.time, "z": 0}
            first |= {axis: low for axis, (low, _) in zip(self.image.spatial, place, strict=True)}
            index = tuple(first[axis] // side for axis, side in zip(axes, files, strict=True))
            yield place, f"{self.image.component}/{array.metadata.encode_chunk_key(index)}"

    def lazy(self, chunks: tuple[int, ...]) -> da.Array:
        """Return the channel as a dask array of blocks of a shape."""
        return da.from_array(self, chunks=chunks, inline_array=True, name=False)

    def _open(self) -> zarr.Array[Any]:
        return zarr.open_array(self.image.path, path=self.image.component, mode="r")

    def _selection(self, bounds: Region) -> Region:
        ends = {"c": self.index, "t": self.image.time, "z": 0}
        slices = {axis: slice(at, at + 1) for axis, at in ends.items()}
        slices |= dict(zip(self.image.spatial, bounds, strict=True))
        return tuple(slices[axis] for axis in self.image.axes)


def overlaps(bounds: Region, place: tuple[tuple[int, int], ...]) -> bool:
    """Return whether a region and a place have pixels in common."""
    return all(part.start < high and low < part.stop for part, (low, high) in zip(bounds, place, strict=True))


def open_images(stores: Sequence[Path]) -> list[StudyImage]:
    """Return every time point of every store, in that order.

    Raises
    ------
    StudyError
        A store is none, has another layout than OME-Zarr's for an image, or shares its name with another one.
    """
    images = [image for store in stores for image in images_of(store)]
    names = [image.name for image in images]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"results go by the name of a store, and two are called {twice[0]}: rename one of them")
    return images


def images_of(store: Path) -> list[StudyImage]:
    """Return the time points of one OME-Zarr image.

    Raises
    ------
    StudyError
        There is no such image; the message says what was found.
    """
    try:
        node = open_node(store)
        if isinstance(node, zarr.Array):
            raise StudyError(
                f"{store.name} is one Zarr array, not an OME-Zarr image: a group with multiscales is needed"
            )
        said = attributes(node)
        _version, content = read_ome(said)
        axes, names = read_axes(content), read_names(content).names
        component = str(content["multiscales"][0]["datasets"][0]["path"])
        array = zarr.open_array(store, path=component, mode="r")
    except ArchiveError as error:
        inside = [entry.name for entry in sorted(store.iterdir()) if is_store(entry)] if store.is_dir() else []
        hint = f"; it holds {', '.join(inside[:5])}: name one of them" if inside else ""
        raise StudyError(f"{store.name}: {error}{hint}") from error
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"{store.name}: its OME-Zarr metadata cannot be used: {error or type(error).__name__}"
        ) from error
    order = [letter for letter in "tczyx" if letter in axes]
    if list(axes) != order or axes[-2:] != "yx" or len(axes) != array.ndim:
        raise StudyError(
            f"{store.name}: axes {axes!r} for shape {array.shape}; expected those of t, c, z, y, x in order"
        )
    if array.dtype.kind not in KINDS:
        raise StudyError(f"{store.name}: samples of {array.dtype}; expected integers or floating point")
    count = array.shape[axes.index("c")] if "c" in axes else 1
    labels = tuple((names[i] if i < len(names) else None) or str(i) for i in range(count))
    times = array.shape[axes.index("t")] if "t" in axes else 1
    return [
        StudyImage(
            store.name if times == 1 else f"{store.name} t={time}",
            store,
            component,
            axes,
            array.shape,
            array.dtype,
            labels,
            time,
            str(said.get("study", {}).get("group", store.name)),
        )
        for time in range(times)
    ]
