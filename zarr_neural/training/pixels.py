"""Tiles drawn from pictures, and the pixels of tiles as the networks see them.

The native engine computes the inputs, so training and inference can not differ.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import _native

from .augment import altered, is_sparse, palettised, quantised
from .data import Picture

CLASSES, PHASES = 3, 3
TILE_SIDES = (128, 256, 512)
MIN_SIDE = 40
FIELDS = ("features", "differences", "past_sum", "error", "tile")


@dataclass(frozen=True)
class Tile:
    """Samples from 0 up, uint16, and the balancing set that they belong to: the picture's kind, "+" if altered."""

    balance: str
    samples: NDArray[np.uint16]


@dataclass(frozen=True)
class Pixels:
    """Pixels of one level class and phase.

    Attributes
    ----------
    features : uint8, (n, 32)
    differences : int32, (n, 8)
        Nearest known samples minus the linear prediction, in eighths of a grey level.
    past_sum : int16, (n,)
        Sum of four log magnitudes of earlier errors: the scale index before the network moves it.
    error : int32, (n,)
        Sample minus the linear prediction, in eighths of a grey level.
    tile : int32, (n,)
        Number of the tile.
    balance : int32, (tiles,)
        Balancing set of every tile of the corpus.
    """

    features: NDArray[np.uint8]
    differences: NDArray[np.int32]
    past_sum: NDArray[np.int16]
    error: NDArray[np.int32]
    tile: NDArray[np.int32]
    balance: NDArray[np.int32]

    def take(self, where: NDArray[Any]) -> "Pixels":
        """Return some of the pixels, by number or mask."""
        arrays = {name: getattr(self, name)[where] for name in FIELDS}
        return Pixels(**arrays, balance=self.balance)


def draw_tile(pictures: Sequence[Picture], seed: int, number: int, plain: float = 0.4) -> Tile | None:
    """Return tile `number` of the endless sequence of a seed, or None where it came out constant or too small.

    Kinds of pictures take turns; within a kind groups and pictures are drawn evenly. A part `plain` is left as it is.
    """
    rng = np.random.default_rng([seed, number])
    groups: dict[str, dict[str, list[Picture]]] = defaultdict(lambda: defaultdict(list))
    for picture in pictures:
        if not picture.held_out and min(picture.samples.shape) >= MIN_SIDE:
            groups[picture.kind][picture.group].append(picture)
    kinds = sorted(groups)
    if not kinds:
        return None
    kind = kinds[number % len(kinds)]
    group = sorted(groups[kind])[rng.integers(len(groups[kind]))]
    picture = groups[kind][group][rng.integers(len(groups[kind][group]))]
    side = int(rng.choice(TILE_SIDES, p=(0.3, 0.45, 0.25)))
    samples: NDArray[Any]
    if rng.random() < plain:
        samples = _crop(picture.samples, side, rng)
    else:
        samples = _crop(altered(_crop(picture.samples, int(2.2 * side), rng), rng), side, rng)
        kind += "+"
    if rng.random() < 0.85 and is_sparse(samples):
        samples = palettised(samples)
    if rng.random() < 0.2:
        samples, kind = quantised(samples, rng), kind.rstrip("+") + "+"
    samples = samples.astype(np.int64) - int(samples.min())
    if samples.max() == 0 or min(samples.shape) < MIN_SIDE:
        return None
    return Tile(kind, np.ascontiguousarray(np.minimum(samples, 65535).astype(np.uint16)))


def _crop(samples: NDArray[Any], side: int, rng: np.random.Generator) -> NDArray[Any]:
    y, x = (int(rng.integers(max(1, n - side + 1))) for n in samples.shape)
    return samples[y : y + side, x : x + side]


def collect_pixels(tiles: Sequence[Tile], model: Any, most: int, seed: int) -> list[Pixels]:
    """Return the pixels of tiles by 3 * class + phase, at most `most` of each tile and kind.

    Parameters
    ----------
    tiles : sequence of Tile
    model : native model
        Gives the bank of linear filters; its networks play no part.
    most : int
        Pixels that a tile gives to each of the nine kinds.
    seed : int
    """
    names = sorted({tile.balance for tile in tiles})
    balance = np.array([names.index(tile.balance) for tile in tiles], np.int32)
    parts: list[list[tuple[NDArray[Any], ...]]] = [[] for _ in range(CLASSES * PHASES)]
    for number, tile in enumerate(tiles):
        rng = np.random.default_rng([seed, number, 1])
        found = _native.training_pixels(model, tile.samples, int(tile.samples.max()))
        for kind, part in enumerate(parts):
            where = np.flatnonzero(found["phase_class"] == kind)
            if where.size > most:
                where = np.sort(rng.choice(where, most, replace=False))
            if where.size:
                rows = (
                    found["features"][where],
                    found["differences"][where],
                    found["past_sum"][where].astype(np.int16),
                )
                part.append((*rows, found["error"][where], np.full(where.size, number, np.int32)))
    joined = [[np.concatenate(column) for column in zip(*part, strict=True)] for part in parts]
    return [Pixels(**dict(zip(FIELDS, columns, strict=True)), balance=balance) for columns in joined]


def write_pixels(pixels: Sequence[Pixels], directory: Path) -> None:
    """Keep pixels as files, one for each kind, that `read_pixels` finds."""
    for kind, part in enumerate(pixels):
        arrays = {name: getattr(part, name) for name in (*FIELDS, "balance")}
        np.savez(directory / f"pixels-{kind}.npz", allow_pickle=False, **arrays)


def read_pixels(directory: Path, kind: int) -> Pixels:
    """Return the pixels of a kind that `write_pixels` kept."""
    with np.load(directory / f"pixels-{kind}.npz") as file:
        return Pixels(**{name: file[name] for name in (*FIELDS, "balance")})
