"""Crops that picture sheets are made of, kept while the arrays are at hand: the middle of the middle plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from distributed import Client
from numpy.typing import NDArray

from eval.study.label_free import Raw
from eval.study.reconstruction import Decoded
from eval.study.scan import Scan
from eval.study.structure import tile_shape

if TYPE_CHECKING:
    from eval.study.image import Region

SIDE = 224
FOLDER = "pictures"
ORIGINAL = "original"


def middle(shape: Sequence[int]) -> Region:
    """Return the region of the crop in a channel.

    Examples
    --------
    >>> middle((10, 500, 200))
    (slice(5, 6, None), slice(138, 362, None), slice(0, 200, None))
    """
    starts = [max(0, (size - SIDE) // 2) for size in shape[-2:]]
    plane = tuple(slice(size // 2, size // 2 + 1) for size in shape[:-2])
    return (
        *plane,
        *(slice(start, min(start + SIDE, size)) for start, size in zip(starts, shape[-2:], strict=True)),
    )


def crop(client: Client, array: da.Array) -> NDArray[Any]:
    """Return the crop of a lazy array, one plane."""
    found = np.asarray(client.compute(array[middle(array.shape)]).result())
    return found.reshape(found.shape[-2:])


def keep_original(client: Client, out: Path, scan: Scan, raws: Sequence[Raw]) -> None:
    """Keep the crops of the raw channel, of its predictions and of the truth of each."""
    tile = tile_shape(scan.channel.shape, (1,) * scan.channel.ndim)
    arrays = {"image": crop(client, scan.channel.lazy(tile))}
    for raw in raws:
        name = raw.predictor.id[:12]
        arrays[f"prediction {name}"] = crop(client, raw.prediction)
        arrays[f"truth {name}"] = crop(client, raw.truth.channel.lazy(raw.tile))
    _write(out, scan.channel.image.name, ORIGINAL, arrays)


def keep(client: Client, out: Path, of: Decoded, predictions: Mapping[str, da.Array]) -> None:
    """Keep the crops of a decoded channel and of the predictions from it."""
    arrays = {"image": crop(client, of.lazy)}
    arrays |= {f"prediction {name}": crop(client, array) for name, array in predictions.items()}
    _write(out, of.scan.channel.image.name, f"{of.entry.name}@{of.point.label}", arrays)


def _write(out: Path, image: str, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    folder = out / FOLDER / image
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    part.replace(folder / f"{name}.npz")


def there(out: Path, image: str, codec: str, point: str) -> bool:
    """Return whether the pictures of a codec at a point were kept."""
    return (out / FOLDER / image / f"{codec}@{point}.npz").exists()


def read(out: Path, image: str, name: str) -> dict[str, NDArray[Any]] | None:
    """Return the crops that were kept under a name, None where there are none."""
    path = out / FOLDER / image / f"{name}.npz"
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}
