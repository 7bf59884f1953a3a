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
from zarr_neural import NoiseModel
from zarr_neural.chunk.fidelity import Fidelity
from zarr_neural.chunk.quantise import choose
from zarr_neural.zoo.classical import LosslessCodec
from zarr_neural.zoo.classical.lossless import INTEGERS, Stream, jpegls_near, signed, unsigned

Image = NDArray[Any]
OURS = "zarr_neural"


@dataclass(frozen=True)
class Mode:
    """A promise of fidelity: nothing lost, an error of at most `value` grey levels, steps of `value` noise widths."""

    kind: Literal["lossless", "max_error", "noise"]
    value: float = 0

    def fidelity(self, noise_model: NoiseModel | None) -> dict[str, Any]:
        """Return the arguments of our codec that make this promise."""
        if self.kind == "lossless":
            return {"lossless": True}
        if self.kind == "max_error":
            return {"max_error": int(self.value)}
        return {"noise": self.value, "noise_model": noise_model}

    def __str__(self) -> str:
        return self.kind if self.kind == "lossless" else f"{self.kind}={self.value:g}"


@dataclass(frozen=True)
class Quantised:
    """A tile under a quantisation: unsigned integers and the way back to pixels."""

    integers: Image
    restore: Callable[[Image], Image]


@dataclass(frozen=True)
class Task:
    """One codec's work on one tile.

    Attributes
    ----------
    codec, given
        The codec and what it encodes.
    restore
        From what the codec decodes to pixels.
    exact
        Whether the codec must return `given` bit for bit.
    """

    codec: LosslessCodec
    given: Image
    restore: Callable[[Image], Image]
    exact: bool

    def encode(self) -> Stream:
        """Return the stream of the tile."""
        return self.codec.encode(self.given)

    def decode(self, stream: Stream) -> Image:
        """Return what the stream holds."""
        return self.codec.decode(stream, self.given.shape, self.given.dtype)


def shifted(tile: Image) -> Quantised:
    """Return the tile with its minimum subtracted, in the unsigned type of the same width: nothing is lost."""
    low = int(tile.min())
    return Quantised(unsigned(tile, low), lambda integers: signed(integers, low, tile.dtype))


def quantised(tile: Image, mode: Mode, noise_model: NoiseModel | None) -> Quantised:
    """Return the integers that the competitors code: our quantisation, from zero, in the narrowest unsigned type."""
    if mode.kind == "lossless":
        return Quantised(tile, lambda same: same)
    quantiser = choose(Fidelity(**mode.fidelity(noise_model)), tile[np.newaxis])
    levels = quantiser.levels(tile)
    low = int(levels.min())
    integers = levels - low
    return Quantised(
        np.ascontiguousarray(integers.astype(np.min_scalar_type(int(integers.max())))),
        lambda decoded: quantiser.values(decoded.astype(np.int64) + low, tile.dtype),
    )


def allowed_error(tile: Image, mode: Mode, noise_model: NoiseModel | None) -> int | Image:
    """Return the largest error that the mode allows, in grey levels; for noise at every pixel by itself.

    A noise step covers the whole levels in an interval of max(1, q sigma) grey levels, at most ceil of that, and
    decodes to the middle one. Computed here from the model alone, so that it checks the quantiser too.
    """
    if mode.kind != "noise":
        return int(mode.value)
    assert noise_model is not None
    q, gain, offset, variance = noise_model.header_integers(mode.value)
    sigma = np.sqrt((variance + gain * np.maximum(tile.astype(np.float64) - offset, 0)) / 65536)
    step = np.maximum(1, q / 256 * sigma)
    return np.asarray(np.ceil(step - 1e-6) // 2, np.int64)


def task(codec: LosslessCodec, tile: Image, plan: Quantised) -> Task:
    """Return what `codec` does with a tile: ours and JPEG-LS NEAR take the pixels, the others the integers."""
    own_bound = codec.name.startswith((OURS, "jpegls-near"))
    given, restore = (tile, _same) if own_bound else (plan.integers, plan.restore)
    if given.dtype.name not in codec.dtypes:
        shift = shifted(given)
        return Task(codec, shift.integers, lambda decoded: restore(shift.restore(decoded)), not own_bound)
    return Task(codec, given, restore, not own_bound)


def _same(decoded: Image) -> Image:
    return decoded


def ours(mode: Mode, noise_model: NoiseModel | None, verify: bool) -> LosslessCodec:
    """Return our codec in a mode, with or without the check of its own promise while it encodes."""
    codec = zarr_neural.NeuralCodec(verify=verify, **mode.fidelity(noise_model))
    return LosslessCodec(
        f"{OURS}-verify" if verify else OURS,
        f"{mode}, verify={verify}",
        codec.encode,
        lambda data, shape, dtype: codec.decode(data),
        INTEGERS,
    )


def contenders(
    mode: Mode, noise_model: NoiseModel | None, classical: list[LosslessCodec], with_ours: bool
) -> list[LosslessCodec]:
    """Return all codecs of one mode, ours first, without and with its check while encoding."""
    codecs = [ours(mode, noise_model, verify) for verify in (False, True)] if with_ours else []
    codecs += classical
    if mode.kind == "max_error" and any(codec.name == "jpegls" for codec in classical):
        codecs.append(jpegls_near(int(mode.value)))
    return codecs
