"""What is asked for, as data: a promise about the pixels, in the words of the user."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from zarr_neural.chunk import NoiseModel
from zarr_neural.codecs import NeuralCodec, NeuralSerializer
from zarr_neural.codecs.configuration import Preset
from zarr_neural.errors import ConfigurationError

WORST_PSNR = 25.0
MEAN = ("rmse", "psnr", "ratio")
"""The methods that promise a mean error; the last two become an rmse for each channel of each image."""


@dataclass(frozen=True)
class Request:
    """A promise about the pixels: "lossless", "max_error", "noise", "rmse", "psnr" or "ratio", and its value.

    `max_error` is a second bound beside "rmse", "psnr" and "ratio", and `preset` chooses the model for these and for
    "noise" from 3 on.
    """

    method: str = "lossless"
    value: float | None = None
    model: NoiseModel | None = None
    max_error: float | None = None
    preset: Preset = "fast"

    @property
    def bound(self) -> float | None:
        """What no pixel is off by more than, None where that is not promised as one number."""
        return {"lossless": 0.0, "max_error": self.value}.get(self.method, self.max_error)

    def as_rmse(self, rmse: float) -> Request:
        """Return the same promise with `rmse` in the place of a PSNR or a ratio."""
        return replace(self, method="rmse", value=rmse)

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `NeuralCodec` and `NeuralSerializer`; not for "psnr" and "ratio"."""
        if self.method == "lossless":
            return {"lossless": True}
        if self.method == "max_error":
            return {"max_error": _short(self.value)}
        if self.method == "rmse":
            second = {} if self.max_error is None else {"max_error": _short(self.max_error)}
            return {"rmse": self.value, **second, "preset": self.preset}
        model = {} if self.model is None else {"noise_model": self.model}
        return {self.method: self.value, **model, "preset": self.preset}

    def record(self) -> dict[str, Any]:
        """Return the parameters as JSON for the provenance."""
        if self.method == "lossless":
            return {}
        record: dict[str, Any] = {self.method: self.value}
        if self.max_error is not None:
            record["max_error"] = self.max_error
        if self.method == "noise":
            record["noise_model"] = "per chunk" if self.model is None else asdict(self.model)
        return record

    def words(self) -> dict[str, Any]:
        """Return what is asked for as JSON."""
        words: dict[str, Any] = {self.method: True if self.method == "lossless" else self.value}
        if self.max_error is not None:
            words["max_error"] = self.max_error
        return words | {"preset": self.preset} if self.method in (*MEAN, "noise") else words


def fidelity_from(
    *,
    lossless: bool = False,
    max_error: float | None = None,
    noise: float | None = None,
    rmse: float | None = None,
    psnr: float | None = None,
    ratio: float | None = None,
    preset: Preset | None = None,
) -> Request:
    """Return the fidelity that the arguments ask for, lossless where there are none.

    Parameters
    ----------
    lossless, max_error, noise, rmse, preset
        As of `zarr_neural.NeuralCodec`.
    psnr : float
        Decibels, at least 25, against the range of each channel of each image (between the percentiles 0.05 and 99.95,
        so that a hot pixel does not set it): an rmse of range / 10 ** (psnr / 20) grey levels.
    ratio : float
        Bytes of the pixels to bytes of the chunks, of each channel of each image; above 1.

    Raises
    ------
    ConfigurationError
        Contradictions (only max_error goes together with rmse, psnr or ratio), or what the codec refuses.
    ModelNotFoundError
        The model of the preset is not shipped.
    """
    values = {
        "lossless": True if lossless else None,
        "max_error": max_error,
        "noise": noise,
        "rmse": rmse,
        "psnr": psnr,
        "ratio": ratio,
    }
    given = [name for name, value in values.items() if value is not None]
    mean = given[1] if len(given) == 2 and given[0] == "max_error" and given[1] in MEAN else None
    if len(given) > 1 and mean is None:
        raise ConfigurationError(
            f"give one of {', '.join(values)}, or max_error with one of {', '.join(MEAN)}; not {' and '.join(given)}"
        )
    method = mean or (given[0] if given else "lossless")
    if preset is not None and method not in (*MEAN, "noise"):
        raise ConfigurationError(f"preset {preset!r} applies only to {', '.join(MEAN)} and noise")
    if psnr is not None and not WORST_PSNR <= psnr < math.inf:
        raise ConfigurationError(
            f"psnr must be a finite number of at least {WORST_PSNR:g} dB, not {psnr!r}: below, images break down"
        )
    if ratio is not None and not 1 < ratio < math.inf:
        raise ConfigurationError(f"ratio must be a finite number above 1, not {ratio!r}")
    said = values[method]
    asked = Request(
        method,
        None if method == "lossless" or said is None else float(said),
        max_error=None if mean is None or max_error is None else float(max_error),
        preset=preset or "fast",
    )
    NeuralCodec(**(asked.as_rmse(1.0) if method in ("psnr", "ratio") else asked).arguments())
    return asked


def make_codec(
    fidelity: Request, zarr_format: int, chunks: Sequence[int] = (), dtype: np.dtype[Any] | None = None
) -> NeuralCodec | NeuralSerializer:
    """Return the Zarr v2 compressor or the Zarr v3 serializer that keeps `fidelity`.

    The compressor is told the shape of its chunks and their dtype, which Zarr v2 does not do when chunks are decoded.
    It does not decode what it encodes: the converter reads every chunk back from the store, where the checksum of the
    samples that the encoder meant is met, and compares the pixels with the source.
    """
    if zarr_format != 2:
        return NeuralSerializer(**fidelity.arguments(), verify=False)
    known: dict[str, Any] = {} if dtype is None else {"shape": tuple(chunks), "dtype": np.dtype(dtype).str}
    return NeuralCodec(**fidelity.arguments(), verify=False, **known)


def _short(value: float | None) -> float:
    """A whole number as an int: what integer images want, and JSON shows."""
    number = value or 0
    return int(number) if float(number).is_integer() else number
