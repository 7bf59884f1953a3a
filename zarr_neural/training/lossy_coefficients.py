"""Coefficients as the networks of path Y see them; the native encoder finds them, so that nothing can differ in use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural import _native

from .lossy_crops import Crop
from .lossy_gains import norm_gains
from .lossy_tables import integer_tables, prior

CLASSES, BANDS, PHASES = 4, 3, 4
NETWORKS = CLASSES * BANDS * PHASES
ARGUMENTS = ("half", "widths", "gains", "w1", "b1", "s1", "w2", "b2", "s2", "w3", "b3", "s3")
PARENT, PARENT_CROSS, PARENT_WIDE = 18, slice(19, 23), 29  # features
RESTING_BITS = 0.1  # a coefficient, added to what a crop costs


@dataclass(frozen=True)
class Coefficients:
    """Coefficients of all networks, those of one network together.

    Attributes
    ----------
    network : uint8, (n,)
        (class * 3 + band) * 4 + phase, ascending.
    features : uint8, (n, 32)
    neighbours : int32, (n, 8)
        Finished values nearby, in quarters of a step.
    target : float32, (n,)
        In steps.
    index : int32, (n,)
        k, as the encoder chose it.
    quantiser : uint8, (n,)
    crop : int32, (n,)
        Number of the crop.
    """

    network: NDArray[np.uint8]
    features: NDArray[np.uint8]
    neighbours: NDArray[np.int32]
    target: NDArray[np.float32]
    index: NDArray[np.int32]
    quantiser: NDArray[np.uint8]
    crop: NDArray[np.int32]

    def take(self, where: NDArray[Any] | slice) -> "Coefficients":
        """Return some of the coefficients, by number, mask or slice."""
        return Coefficients(**{field.name: getattr(self, field.name)[where] for field in fields(self)})

    def bounds(self) -> NDArray[np.int64]:
        """Return where the coefficients of each network begin, and the end, shape (49,)."""
        return np.searchsorted(self.network, np.arange(NETWORKS + 1))

    def write(self, path: Path) -> None:
        """Keep the coefficients as a file that `read` finds."""
        temporary = path.with_suffix(".part.npz")
        np.savez(temporary, allow_pickle=False, **{field.name: getattr(self, field.name) for field in fields(self)})
        temporary.replace(path)

    @staticmethod
    def read(path: Path) -> "Coefficients":
        """Return the coefficients that `write` kept."""
        with np.load(path) as file:
            return Coefficients(**{field.name: file[field.name] for field in fields(Coefficients)})


def engine(arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the native model of the arrays of a lossy model, whose networks have three leading axes."""
    flat = {name: a if name in ARGUMENTS[:3] else a.reshape(NETWORKS, *a.shape[3:]) for name, a in arrays.items()}
    return _native.make_lossy_model(*(np.ascontiguousarray(flat[name]) for name in ARGUMENTS))


def first_guess() -> dict[str, NDArray[Any]]:
    """Return the arrays of a model that has learnt nothing: scales are those of the parents, means are 0.

    The first hidden unit is a mean of the log magnitudes of the parent, its four neighbours and its surroundings.
    """
    arrays: dict[str, NDArray[Any]] = {"gains": norm_gains()}
    arrays["half"], arrays["widths"] = integer_tables(prior())
    for layer, outputs, inputs in (("1", 4, 32), ("2", 4, 4), ("3", 9, 4)):
        leading = (CLASSES, BANDS, PHASES, outputs)
        arrays["w" + layer] = np.zeros((*leading, inputs), np.int8)
        arrays["b" + layer] = np.zeros(leading, np.int32)
        arrays["s" + layer] = np.zeros(leading, np.uint8)
    arrays["w1"][..., 0, PARENT] = 8
    arrays["w1"][..., 0, PARENT_CROSS] = 4
    arrays["w1"][..., 0, PARENT_WIDE] = 8
    arrays["s1"][..., 0] = 5
    arrays["w2"][..., 0, 0] = 1
    arrays["w3"][..., 0, 0] = 6  # eighths of a sixth of an octave, from eighths of an octave
    arrays["b3"][..., 0] = 8 * 23 - 6 * 24  # a magnitude of one step, 24, belongs to row 23
    return arrays


def collect(model: Any, crops: Sequence[Crop], lam: float, most: int, even: float, seed: int) -> Coefficients:
    """Return coefficients of crops, at most `most` of each crop and network.

    Parameters
    ----------
    model : native model
        The encoder chooses indices with it.
    crops : sequence of Crop
    lam : float
        What the encoder gives for a bit, in squared steps.
    most : int
    even : float
        A crop that costs b bits a coefficient gives a part of its coefficients in proportion to b to the minus this
        power: with 1, training makes the relative bits of crops small, with 0, the bits of all of them together.
    seed : int
    """
    parts: list[list[dict[str, NDArray[Any]]]] = [[] for _ in range(NETWORKS)]
    for number, crop in enumerate(crops):
        rng = np.random.default_rng([seed, number, 3])
        found = _native.transform_coefficients(model, crop.samples, crop.top, crop.step, 0, lam)
        coded = found["way"] > 0
        bits = np.log2(1 + 2 * np.abs(found["index"][coded], dtype=np.float64)).sum() / coded.size
        allowed = int(np.ceil(most * (RESTING_BITS / (RESTING_BITS + bits)) ** even))
        for network, part in enumerate(parts):
            where = np.flatnonzero(coded & (found["network"] == network))
            if where.size > allowed:
                where = np.sort(rng.choice(where, allowed, replace=False))
            if where.size:
                rows = {name: array[where] for name, array in found.items() if name != "way"}
                part.append({**rows, "crop": np.full(where.size, number, np.int32)})
    joined = [rows for part in parts for rows in part]
    return Coefficients(
        **{field.name: np.concatenate([r[field.name] for r in joined]) for field in fields(Coefficients)}
    )
