"""The modes of fidelity, and what each codec is given in them.

In a bounded mode our codec gets the pixels and the bound. The competitors get the integers of the same
quantisation, which they code without loss; so all of them decode to the same pixels, and only the coding is
compared. JPEG-LS brings a bound of its own (NEAR) and is run with it as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import zarr_neural
from eval.classical import Codec, jpegls_near

Image = NDArray[Any]
OURS = "zarr_neural"
ALL_INTEGERS = frozenset({"uint8", "uint16", "int8", "int16"})


@dataclass(frozen=True)
class Mode:
    """A promise of fidelity: nothing lost, an error of at most `value` grey levels, steps of `value` noise widths."""

    kind: Literal["lossless", "max_error", "noise"]
    value: float = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "lossless" else f"{self.kind}={self.value:g}"


@dataclass(frozen=True)
class Task:
    """One codec's work on one tile.

    Attributes
    ----------
    given
        What the codec encodes.
    restore
        From what the codec decodes to pixels.
    exact
        Whether the codec must return `given` bit for bit.
    """

    given: Image
    restore: Callable[[Image], Image]
    exact: bool


@dataclass(frozen=True)
class Quantised:
    """A tile under our quantisation: small integers, the way back, and the largest error allowed at each pixel."""

    integers: Image
    restore: Callable[[Image], Image]
    bound: int | Image


def narrowest(integers: Image) -> Image:
    """Return non-negative integers in the narrowest unsigned type that holds them."""
    return np.ascontiguousarray(integers.astype(np.min_scalar_type(int(integers.max(initial=0)))))


def shifted(tile: Image) -> Quantised:
    """Return the tile with its minimum subtracted, in the unsigned type of the same width: nothing is lost."""
    low = int(tile.min())
    unsigned = np.dtype(f"u{tile.dtype.itemsize}")
    return Quantised(
        (tile.astype(np.int32) - low).astype(unsigned),
        lambda integers: (integers.astype(np.int32) + low).astype(tile.dtype),
        0,
    )


def uniform(tile: Image, max_error: int) -> Quantised:
    """Return the tile in steps of 2 `max_error` + 1 from its minimum."""
    low, high, step = int(tile.min()), int(tile.max()), 2 * max_error + 1
    integers = (tile.astype(np.int32) - low + max_error) // step
    return Quantised(
        narrowest(integers),
        lambda q: np.minimum(q.astype(np.int32) * step + low, high).astype(tile.dtype),
        max_error,
    )


def quantised(tile: Image, mode: Mode, noise_model: Any) -> Quantised:
    """Return what the competitors code in a mode, and what any codec may be wrong by."""
    if mode.kind == "lossless":
        return Quantised(tile, lambda same: same, 0)
    if mode.kind == "max_error":
        return uniform(tile, int(mode.value))
    raise NotImplementedError


def task(codec: Codec, tile: Image, plan: Quantised) -> Task:
    """Return what `codec` does with a tile: ours and JPEG-LS NEAR take the pixels, the others the integers."""
    own_bound = codec.name.startswith((OURS, "jpegls-near"))
    given, restore = (tile, lambda same: same) if own_bound else (plan.integers, plan.restore)
    if given.dtype.name not in codec.dtypes:
        shift = shifted(given)
        inner = restore
        given, restore = shift.integers, lambda decoded: inner(shift.restore(decoded))
    return Task(given, restore, exact=not own_bound)


def ours(mode: Mode, noise_model: Any, verify: bool) -> Codec:
    """Return our codec in a mode, with or without the check of its own promise while it encodes."""
    promises: dict[str, dict[str, Any]] = {
        "lossless": {"lossless": True},
        "max_error": {"max_error": int(mode.value)},
        "noise": {"noise": mode.value, "noise_model": noise_model},
    }
    codec = zarr_neural.NeuralCodec(verify=verify, **promises[mode.kind])
    return Codec(
        OURS if not verify else f"{OURS}-verify",
        f"{mode}, verify={verify}",
        codec.encode,
        lambda data, shape, dtype: codec.decode(data),
        ALL_INTEGERS,
    )


def contenders(mode: Mode, noise_model: Any, classical: list[Codec], with_ours: bool) -> list[Codec]:
    """Return all codecs of one mode, ours first."""
    codecs = [ours(mode, noise_model, verify) for verify in (False, True)] if with_ours else []
    codecs += classical
    if mode.kind == "max_error" and any(codec.name == "jpegls" for codec in classical):
        codecs.append(jpegls_near(int(mode.value)))
    return codecs
