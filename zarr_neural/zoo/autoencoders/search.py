"""Nearest neighbours of an image among the codes of a store: chunks are read as bytes, and no pixel is decoded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from zarr_neural.errors import ArchiveError, ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.zoo.autoencoders.codec import AutoencoderCodec, loaded

MEASURES = ("texture", "euclidean", "cosine")


@dataclass(frozen=True)
class Neighbour:
    """An image of a store.

    Attributes
    ----------
    array
        Path of its array in the store; empty where the store is an array.
    index
        Of the image along the leading axes of the array; where planes hold more than one, its first row and column too.
    distance
        From the query, by the measure that was asked for.
    name
        Of the image, where the array's attribute ``names`` lists one for each index of its first axis; else empty.
    """

    array: str
    index: tuple[int, ...]
    distance: float
    name: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        return {**asdict(self), "index": list(self.index)}


@dataclass(frozen=True)
class CodedImages:
    """The codes of the images of one array.

    Attributes
    ----------
    codec
        Of the array.
    array
        Its path in the store.
    indices
        Of the images, as in `Neighbour`.
    codes
        (images, elements) float32.
    names
        Of the images; empty where the store does not say.
    """

    codec: AutoencoderCodec
    array: str
    indices: list[tuple[int, ...]]
    codes: NDArray[np.float32]
    names: list[str]


def read_codes(store: Path) -> list[CodedImages]:
    """Return the codes of every array of a store that an auto-encoder coded.

    Raises
    ------
    ArchiveError
        If there is no such array, or a chunk is damaged.
    """
    try:
        node = zarr.open(store, mode="r")
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{store} is no Zarr store that can be read here: {error}") from error
    arrays = {"": node} if isinstance(node, zarr.Array) else dict(_below(node))
    found = []
    for name, array in arrays.items():
        compressors = [one for one in array.compressors if isinstance(one, AutoencoderCodec)]
        if array.metadata.zarr_format == 2 and len(compressors) == 1 and not array.filters:
            found.append(_codes(store, name, array, compressors[0]))
    found = [one for one in found if one.indices]
    if not found:
        kinds = sorted({str(one) for array in arrays.values() for one in array.compressors}) or ["none"]
        raise ArchiveError(
            f"{store} holds no codes: expected an array of {AutoencoderCodec.codec_id}, found {', '.join(kinds)}"
        )
    return found


def _below(group: zarr.Group) -> Iterator[tuple[str, zarr.Array[Any]]]:
    for name, member in group.members(max_depth=None):
        if isinstance(member, zarr.Array):
            yield name, member


def _codes(store: Path, name: str, array: zarr.Array[Any], codec: AutoencoderCodec) -> CodedImages:
    leading = array.ndim - 2
    tiled = any(n > size for n, size in zip(array.shape[-2:], array.chunks[-2:], strict=True))
    indices: list[tuple[int, ...]] = []
    kept = [np.empty((0, loaded(codec.weights).statistics.classes.size), np.float32)]
    for chunk in itertools.product(*(range(-(-n // size)) for n, size in zip(array.shape, array.chunks, strict=True))):
        path = store / name / array.metadata.encode_chunk_key(chunk)
        if not path.is_file():
            continue
        try:
            codes = codec.codes(path.read_bytes())
        except DamagedChunkError as error:
            raise ArchiveError(f"{path.relative_to(store)}: {error}") from error
        starts = [place * size for place, size in zip(chunk, array.chunks, strict=True)]
        corner = tuple(starts[leading:]) if tiled else ()
        for offset, code in zip(np.ndindex(array.chunks[:leading]), codes, strict=True):
            index = tuple(start + step for start, step in zip(starts, offset, strict=False))
            if all(i < n for i, n in zip(index, array.shape, strict=False)):  # the rest pads chunks at the edge
                indices.append(index + corner)
                kept.append(code[None])
    names = array.attrs.get("names")
    known = names if isinstance(names, list) and leading and len(names) == array.shape[0] else []
    titles = [str(known[index[0]]) if known else "" for index in indices]
    return CodedImages(codec, name, indices, np.concatenate(kept), titles)


def distances(query: NDArray[np.float32], codes: NDArray[np.float32], places: int, measure: str) -> NDArray[np.float64]:
    """Return how far codes (images, elements) are from one code.

    Parameters
    ----------
    query, codes
    places : int
        Places (Y times X) of a channel of the code; 1 where it has no places.
    measure : str
        ``euclidean`` or ``cosine`` of the codes as they are, which asks for the same things at the same places; or
        ``texture``: Euclidean between mean, standard deviation and quartiles of each channel over its places, each in
        units of its standard deviation over the store. Codes without places have none, and are compared as they are.

    Raises
    ------
    ConfigurationError
        If there is no such measure.
    """
    if measure not in MEASURES:
        raise ConfigurationError(f"codes are compared by {', '.join(MEASURES)}, not by {measure!r}")
    a, b = query.astype(np.float64)[None], codes.astype(np.float64)
    if measure == "texture" and places > 1:
        a, b = _texture(a, places), _texture(b, places)
        scale = b.std(0)
        scale[scale == 0] = 1
        a, b = a / scale, b / scale
    if measure == "cosine":
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return np.asarray(1 - (a * b).sum(1) / np.maximum(lengths, 1e-30))
    return np.asarray(np.sqrt(np.square(a - b).sum(1)))


def _texture(codes: NDArray[np.float64], places: int) -> NDArray[np.float64]:
    maps = codes.reshape(len(codes), -1, places)
    return np.concatenate([maps.mean(2), maps.std(2), *np.quantile(maps, (0.25, 0.5, 0.75), axis=2)], 1)


def search(store: Path, image: Path, top: int = 8, measure: str = "texture") -> list[Neighbour]:
    """Return the images of a store that are nearest to an image, the nearest first.

    Parameters
    ----------
    store : Path
        A Zarr v2 array that `AutoencoderCodec` coded, or a group with such arrays.
    image : Path
        TIFF or PNG: grey, uint8, a square of the side of the network or of a multiple, of which means are taken.
    top : int
        How many.
    measure : str
        One of `MEASURES`, see `distances`.

    Raises
    ------
    ArchiveError
        If the store holds no codes.
    UnsupportedInputError
        If the image is not as it has to be.
    ConfigurationError
        If `top` is not positive, or there is no such measure.
    """
    if top < 1:
        raise ConfigurationError(f"at least one neighbour is to be found, not {top}")
    neighbours = []
    for coded in read_codes(store):
        model = loaded(coded.codec.weights)
        shape = model.network.code_shape
        places = shape[1] * shape[2] if len(shape) == 3 else 1
        query = coded.codec.codes_of(read_query(image, model.side)[None])[0]
        found = distances(query, coded.codes, places, measure)
        neighbours += [
            Neighbour(coded.array, index, float(d), name)
            for index, d, name in zip(coded.indices, found, coded.names, strict=True)
        ]
    return sorted(neighbours, key=lambda one: one.distance)[:top]


def read_query(path: Path, side: int) -> NDArray[np.uint8]:
    """Return an image as (side, side) uint8; see `search`."""
    import imagecodecs  # of the extras, and needed for this command alone
    import tifffile  # as above

    if not path.is_file():
        raise UnsupportedInputError(f"there is no image {path}")
    try:
        read = tifffile.imread if path.suffix.lower() in (".tif", ".tiff") else imagecodecs.imread
        image = np.squeeze(np.asarray(read(path)))
    except (ValueError, RuntimeError, tifffile.TiffFileError) as error:
        raise UnsupportedInputError(f"{path} cannot be read as TIFF or PNG") from error
    if image.ndim == 3 and image.shape[-1] in (3, 4) and not np.ptp(image[..., :3], axis=-1).any():
        image = image[..., 0]
    if image.ndim != 2 or image.dtype != np.uint8:
        raise UnsupportedInputError(f"{path}: expected a grey image of uint8, found {image.shape} {image.dtype}")
    times = max(1, image.shape[0] // side)
    if image.shape != (times * side, times * side):
        raise UnsupportedInputError(f"{path}: expected {side} x {side} pixels or a multiple, found {image.shape}")
    means = image.reshape(side, times, side, times).mean(axis=(1, 3))
    return np.asarray(np.rint(means), np.uint8)
