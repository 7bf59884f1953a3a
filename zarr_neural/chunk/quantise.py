"""Quantisers: sample values -> whole-numbered levels -> the values that everybody will read.

Each is wholly described by the integers of the header. ``levels`` runs only in the encoder, ``values`` is what decodes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream import unzigzag, zigzag
from zarr_neural.chunk.fidelity import Fidelity
from zarr_neural.chunk.noise import GAIN_UNIT, Q_UNIT, estimate_noise, noise_intervals, was_quantised
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError

IDENTITY, STEP, NOISE, FLOAT_STEP = range(4)  # kinds, as in the header
MAX_LEVEL = 2**62

Levels = NDArray[np.int64]


class Quantiser(Protocol):
    """The map between samples of one dtype and integer levels."""

    @property
    def kind(self) -> int:
        """Number of the quantiser in the header."""

    @property
    def parameters(self) -> tuple[int, ...]:
        """The integers that the header holds."""

    def levels(self, samples: NDArray[Any]) -> Levels:
        """Level of every sample."""

    def values(self, levels: Levels, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The sample that each level decodes to."""


@dataclass(frozen=True)
class Identity:
    """Integers as they are."""

    kind = IDENTITY
    parameters: tuple[int, ...] = ()

    def levels(self, samples: NDArray[Any]) -> Levels:
        """Level of every sample."""
        return samples.astype(np.int64)

    def values(self, levels: Levels, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The sample that each level decodes to."""
        return _fitting(levels, dtype)


@dataclass(frozen=True)
class Step:
    """Multiples of ``2 * max_error + 1``, up to the largest sample: zero stays zero, and so does saturation."""

    parameters: tuple[int, ...]  # (max_error, zigzag of the largest sample)
    kind = STEP

    def levels(self, samples: NDArray[Any]) -> Levels:
        """Level of every sample."""
        k = self.parameters[0]
        return _of_every_sample(lambda every: (every + k) // (2 * k + 1), samples)

    def values(self, levels: Levels, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The sample that each level decodes to."""
        k, highest = self.parameters
        return np.clip(levels * (2 * k + 1), np.iinfo(dtype).min, _highest(highest, dtype)).astype(dtype)


@dataclass(frozen=True)
class NoiseSteps:
    """Steps that grow with the noise, see `zarr_neural.chunk.noise.noise_intervals`, up to the largest sample."""

    parameters: tuple[int, ...]  # (q, gain, zigzag of the offset, variance, zigzag of the largest sample)
    kind = NOISE

    def levels(self, samples: NDArray[Any]) -> Levels:
        """Level of every sample."""
        first, _ = _intervals(self.parameters, samples.dtype.newbyteorder("="))
        return _of_every_sample(lambda every: np.searchsorted(first, every, side="right") - 1, samples)

    def values(self, levels: Levels, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The sample that each level decodes to."""
        first, last = _intervals(self.parameters, dtype.newbyteorder("="))
        if levels.size and (levels.min() < 0 or levels.max() >= len(first)):
            raise DamagedChunkError(
                "a level lies outside the noise table",
                expected=f"0 to {len(first) - 1}",
                found=(int(levels.min()), int(levels.max())),
            )
        # halves are rounded down and up in turn, so that they do not add up to a darker picture
        middle = (first + last + np.arange(len(first)) % 2) // 2
        table: NDArray[Any] = np.minimum(middle, _highest(self.parameters[4], dtype)).astype(dtype)
        return table[levels]

    def close(self, samples: NDArray[Any], decoded: NDArray[Any]) -> bool:
        """Whether every sample is within half of its own interval, rounded up, of what it decodes to."""
        first, last = _intervals(self.parameters, samples.dtype.newbyteorder("="))
        half = (last - first + 2) // 2
        error = np.abs(samples.astype(np.int32) - decoded.astype(np.int32))
        return bool((error <= half[self.levels(samples)]).all())


@dataclass(frozen=True)
class FloatStep:
    """Multiples of a step (a float64, whose bits are the parameter), cut off at the dtype's range."""

    parameters: tuple[int, ...]  # (bits of the step,)
    kind = FLOAT_STEP

    @property
    def step(self) -> float:
        """Distance of two values."""
        return float(np.array(self.parameters[0], np.uint64).view(np.float64))

    def levels(self, samples: NDArray[Any]) -> Levels:
        """Level of every sample."""
        return np.rint(samples.astype(np.float64) / self.step).astype(np.int64)

    def values(self, levels: Levels, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The sample that each level decodes to."""
        largest = float(np.finfo(dtype).max)
        with np.errstate(over="ignore"):
            wide = levels.astype(np.float64) * self.step
        return np.clip(wide, -largest, largest).astype(dtype)


def _of_every_sample(level: Callable[[Levels], Levels], samples: NDArray[Any]) -> Levels:
    """Levels of 8- or 16-bit samples, by way of a table over their range."""
    least, most = int(samples.min()), int(samples.max())
    # negative samples index the table from its end: it begins at 0
    table = np.zeros(max(most, 0) - min(least, 0) + 1, np.int64)
    every = np.arange(least, most + 1)
    table[every] = level(every)
    found: Levels = table[samples]
    return found


@lru_cache(maxsize=16)
def _intervals(parameters: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    q, gain, offset, variance, highest = parameters
    info = np.iinfo(dtype)
    reach = _highest(highest, dtype)
    return noise_intervals((q, gain, unzigzag(offset), variance), int(info.min), int(info.max), reach)


def _highest(zigzagged: int, dtype: np.dtype[Any]) -> int:
    """The largest sample of the chunk, which no decoded one exceeds: what is saturated stays saturated."""
    highest = unzigzag(zigzagged)
    if not np.iinfo(dtype).min <= highest <= np.iinfo(dtype).max:
        raise DamagedChunkError(f"the largest sample does not fit {dtype}", found=highest)
    return highest


def _fitting(levels: Levels, dtype: np.dtype[Any]) -> NDArray[Any]:
    info = np.iinfo(dtype)
    if levels.size and (int(levels.min()) < info.min or int(levels.max()) > info.max):
        raise DamagedChunkError(f"a level does not fit {dtype}", found=(int(levels.min()), int(levels.max())))
    return levels.astype(dtype)


# Class, allowed range of each parameter, and the dtypes of the samples; by kind. The ranges are those of `Fidelity` and
# `NoiseModel`; they keep every table small and every product within 64 bits.
_SMALL_INTEGERS = ("u1", "i1", "u2", "i2")
_KNOWN: dict[int, tuple[type[Any], tuple[tuple[int, int], ...], tuple[str, ...] | None]] = {
    IDENTITY: (Identity, (), None),
    STEP: (Step, ((1, 65535), (0, 2**17)), _SMALL_INTEGERS),
    NOISE: (
        NoiseSteps,
        ((1, 255 * Q_UNIT), (0, 65535 * GAIN_UNIT), (0, 2**32), (0, 65535**2 * GAIN_UNIT), (0, 2**17)),
        _SMALL_INTEGERS,
    ),
    FLOAT_STEP: (FloatStep, ((1, 0x7FEF_FFFF_FFFF_FFFF),), ("f4", "f8")),  # bits of positive, finite numbers
}


def from_header(kind: int, parameters: Sequence[int], dtype: np.dtype[Any]) -> Quantiser:
    """The quantiser that a header names for samples of a dtype.

    Raises
    ------
    DamagedChunkError
        If the kind is unknown or not for the dtype, or the parameters are not what a writer gives it.
    """
    if kind not in _KNOWN:
        raise DamagedChunkError("the quantiser is not one of this version", expected=list(_KNOWN), found=kind)
    made, ranges, dtypes = _KNOWN[kind]
    if dtypes is not None and dtype.newbyteorder("=") not in [np.dtype(d) for d in dtypes]:
        raise DamagedChunkError(f"quantiser {kind} is not for {dtype}", expected=", ".join(dtypes), found=dtype)
    if len(parameters) != len(ranges) or not all(a <= p <= b for p, (a, b) in zip(parameters, ranges, strict=True)):
        raise DamagedChunkError("the quantiser has impossible parameters", expected=ranges, found=tuple(parameters))
    quantiser: Quantiser = made(tuple(parameters))
    return quantiser


def choose(fidelity: Fidelity, planes: NDArray[Any]) -> Quantiser:
    """The quantiser that keeps a promise for planes of samples.

    Parameters
    ----------
    fidelity : Fidelity
    planes : (N, Y, X) array
        Integers or floats in native byte order.

    Raises
    ------
    UnsupportedInputError
        If the promise makes no sense for the dtype, or a float is NaN or infinite.
    """
    dtype = planes.dtype
    if fidelity.lossless:
        return Identity()
    fidelity.check_dtype(dtype)
    if fidelity.noise is not None:
        if fidelity.noise_model is None and was_quantised(planes):
            return Identity()
        model = fidelity.noise_model or estimate_noise(list(planes))
        q, gain, offset, variance = model.header_integers(fidelity.noise)
        return NoiseSteps((q, gain, zigzag(offset), variance, zigzag(int(planes.max()))))
    assert fidelity.max_error is not None  # one of the three holds
    if dtype.kind != "f":
        k = min(int(fidelity.max_error), 65535)
        return Step((k, zigzag(int(planes.max())))) if k else Identity()
    return float_step(fidelity.max_error, planes, f"max_error={fidelity.max_error:g}")


def float_step(max_error: float, planes: NDArray[Any], asked: str) -> FloatStep:
    """The coarsest step that keeps a bound for planes of floats.

    Parameters
    ----------
    max_error : float
    planes : (N, Y, X) array
    asked : str
        What a user asked for, as messages name it.

    Raises
    ------
    UnsupportedInputError
        If a sample is NaN or infinite, or the bound leaves more than 65535 levels.
    """
    if not np.isfinite(planes).all():
        raise UnsupportedInputError(f"{asked} cannot be promised for NaN or infinite samples; use lossless=True")
    if max_error <= 0:
        raise UnsupportedInputError(f"{asked} allows no error in floating-point samples; use lossless=True")
    span = float(planes.max()) - float(planes.min())
    largest = max(abs(float(planes.max())), abs(float(planes.min())))
    # Roundings spend a part of the bound and the step leaves room for them: half a unit in the last place of the dtype,
    # and of float64 in the division by the step and the multiplication with it.
    info = np.finfo(planes.dtype)
    reach = min(largest + max_error, float(info.max) * (1 - float(info.eps)))
    rounding = float(np.spacing(planes.dtype.type(reach))) / 2 + reach * float(np.finfo(np.float64).eps)
    step = 2 * (max_error * (1 - 2.0**-20) - rounding)
    if step <= 0 or span / step > 65534 or largest / step > 2.0**52:
        levels = span / step if step > 0 else math.inf
        raise UnsupportedInputError(
            f"{asked} leaves {levels:.4g} levels between {float(planes.min()):g} and {float(planes.max()):g}; "
            "at most 65535 are possible: allow a larger error, or use lossless=True"
        )
    return FloatStep((int(np.array(step, np.float64).view(np.uint64)),))
