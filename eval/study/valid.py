"""Which pixels count: neither padding of registered images, as a label image says, nor chunks that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import dask.array as da
import numpy as np
import zarr
from numpy.typing import NDArray

from eval.study.errors import StudyError
from eval.study.image import Damage, Region, StudyImage, overlaps
from zarr_neural.archive.stores import is_store

LABEL = "valid"
"""Label image in the store's group ``labels``, not 0 where pixels count; looked for unless another is named."""


@dataclass(frozen=True)
class Valid:
    """Where pixels of a channel count, as dask sees an array of bool.

    Attributes
    ----------
    image
        Whose shape it has.
    label
        Name of the label image; empty where there is none.
    damaged
        Chunks that do not count.
    """

    image: StudyImage
    label: str = ""
    damaged: tuple[Damage, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (Z, Y, X)."""
        return tuple(self.image.size(axis) for axis in self.image.spatial)

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Bool."""
        return np.dtype(bool)

    @property
    def everywhere(self) -> bool:
        """Whether all pixels count."""
        return not self.label and not self.damaged

    def without(self, damaged: tuple[Damage, ...]) -> Valid:
        """Return the same without further damaged chunks."""
        return replace(self, damaged=(*self.damaged, *damaged))

    def __getitem__(self, region: Region) -> NDArray[np.bool_]:
        bounds = tuple(slice(*part.indices(size)) for part, size in zip(region, self.shape, strict=True))
        out = np.ones([part.stop - part.start for part in bounds], bool)
        if self.label:
            array = zarr.open_array(self.image.path, path=f"labels/{self.label}/0", mode="r")
            last = array.ndim - len(bounds)
            leading: tuple[slice, ...] = (slice(0, 1),) * max(0, last)
            inner = bounds if last >= 0 else bounds[-array.ndim :]
            values = np.asarray(array[(*leading, *inner)]) != 0
            out &= values.reshape([part.stop - part.start for part in inner])
        for damage in self.damaged:
            if overlaps(bounds, damage.region):
                out[
                    tuple(
                        slice(max(low - part.start, 0), max(high - part.start, 0))
                        for part, (low, high) in zip(bounds, damage.region, strict=True)
                    )
                ] = False
        return out

    def lazy(self, chunks: tuple[int, ...]) -> da.Array | None:
        """Return it as a dask array of blocks of a shape; None where all pixels count."""
        return None if self.everywhere else da.from_array(self, chunks=chunks, inline_array=True, name=False)


def valid_of(image: StudyImage, wanted: str | None) -> Valid:
    """Return the pixels that count of an image, before its chunks were read.

    Parameters
    ----------
    image
        The image.
    wanted
        Name of a label image; None for "valid" where the store has one.

    Raises
    ------
    StudyError
        The label image is not there, or has another size than the image.
    """
    name = LABEL if wanted is None else wanted
    place = image.path / "labels" / name
    if not is_store(place):
        if wanted is None:
            return Valid(image)
        folder = image.path / "labels"
        there = [entry.name for entry in sorted(folder.iterdir()) if is_store(entry)] if folder.is_dir() else []
        raise StudyError(f"{image.name}: no label image called {name!r}; there are: {', '.join(there) or 'none'}")
    shape = zarr.open_array(image.path, path=f"labels/{name}/0", mode="r").shape
    if shape[-2:] != (image.size("y"), image.size("x")):
        raise StudyError(f"{image.name}: the label image {name!r} has shape {shape}, the image {image.shape}")
    return Valid(image, name)
