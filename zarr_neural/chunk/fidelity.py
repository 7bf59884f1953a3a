"""What a user may ask for, as data: lossless, max_error, noise or rmse; and max_error beside rmse."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from zarr_neural.chunk.noise import Q_UNIT, NoiseModel
from zarr_neural.errors import ConfigurationError, UnsupportedInputError

LEAST_NOISE_OF_TRANSFORM = (
    3.0  # below it, path L is smaller under the same promise (measured, decisions/2026-11-path-y.md)
)
LEAST_RMSE = 1 / 256  # of integers: at it, one sample in 65,536 is off by one


@dataclass(frozen=True)
class Fidelity:
    """The promise that a codec keeps for every chunk.

    Parameters
    ----------
    max_error : float, optional
        Hard bound of the absolute error in grey levels (whole, for integer dtypes).
    noise : float, optional
        Quantiser step in standard deviations of the camera noise; the error is at most about half a step.
    noise_model : NoiseModel, optional
        Of the camera; without it, every chunk is measured by itself. Only with ``noise``.
    rmse : float, optional
        Root of the mean squared error of a chunk, grey levels: never larger, and as large as it may be. With
        ``max_error`` both hold.

    With none of ``max_error``, ``noise`` and ``rmse`` the promise is losslessness.
    """

    max_error: float | None = None
    noise: float | None = None
    noise_model: NoiseModel | None = None
    rmse: float | None = None

    @property
    def lossless(self) -> bool:
        """Whether every sample comes back as it was."""
        return self.max_error is None and self.noise is None and self.rmse is None

    @property
    def transforms(self) -> bool:
        """Whether path Y may code with this promise, which takes a lossy model."""
        return self.rmse is not None or (self.noise is not None and self.noise >= LEAST_NOISE_OF_TRANSFORM)

    def check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raise `UnsupportedInputError` unless the promise makes sense for samples of a dtype."""
        if self.lossless or (dtype.kind in "iu" and dtype.itemsize <= 2):
            if self.max_error is not None and self.max_error != int(self.max_error):
                raise UnsupportedInputError(
                    f"max_error of {dtype} samples must be a whole number, not {self.max_error}"
                )
            if self.rmse is not None and self.rmse < LEAST_RMSE:
                raise UnsupportedInputError(
                    f"rmse of {dtype} samples must be at least {LEAST_RMSE:g}, not {self.rmse:g}: use lossless=True"
                )
            return
        if dtype.kind == "f" and dtype.itemsize in (4, 8) and self.noise is None:
            return
        given = {"rmse": self.rmse, "max_error": self.max_error, "noise": self.noise}
        asked = next(f"{name}={value:g}" for name, value in given.items() if value is not None)
        raise UnsupportedInputError(
            f"{asked} cannot be used for {dtype} samples: noise= takes 8- and 16-bit integers, max_error= and rmse= "
            "take these, float32 and float64; use lossless=True for masks, labels and other dtypes"
        )


def fidelity_of(
    lossless: bool | None,
    max_error: float | None,
    noise: float | None,
    rmse: float | None,
    noise_model: NoiseModel | None,
) -> Fidelity:
    """The fidelity that these keyword arguments of a codec ask for; lossless where nothing is given.

    Raises
    ------
    ConfigurationError
        If more than one is given, but for ``max_error`` beside ``rmse``, or a value is out of its range.
    """
    if lossless is not None and not isinstance(lossless, bool | np.bool_):
        raise ConfigurationError(f"lossless must be True or False, not {lossless!r}")
    lossless = None if lossless is None else bool(lossless)
    max_error, noise, rmse = _plain(max_error), _plain(noise), _plain(rmse)
    given = [
        name
        for name, value in (("lossless", lossless or None), ("max_error", max_error), ("noise", noise), ("rmse", rmse))
        if value is not None
    ]
    if len(given) > 1 and given != ["max_error", "rmse"]:
        raise ConfigurationError(
            "give exactly one of lossless, max_error, noise and rmse, or max_error and rmse together; not "
            + " and ".join(given)
        )
    if lossless is False and not given:
        raise ConfigurationError("lossless=False does not say which loss is allowed: give max_error, noise or rmse")
    if noise_model is not None and not isinstance(noise_model, NoiseModel):
        raise ConfigurationError(f"noise_model must be a NoiseModel, not {type(noise_model).__name__}")
    if noise is None and noise_model is not None:
        raise ConfigurationError("a noise_model can be given only with noise=")
    if max_error is not None:
        _check_number("max_error", max_error, 0, math.inf)
    if noise is not None:
        _check_number("noise", noise, 1 / Q_UNIT, 255)
    if rmse is not None:
        _check_number("rmse", rmse, math.ulp(0.0), math.inf)
    return Fidelity(max_error, noise, noise_model, rmse)


def _plain(value: Any) -> Any:
    """A NumPy number as one of Python, which JSON can hold."""
    return value.item() if isinstance(value, np.integer | np.floating) else value


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or math.isinf(value):
        allowed = f"from {least:g} to {most:g}" if least != math.ulp(0.0) else "above 0"
        raise ConfigurationError(f"{name} must be a finite number {allowed}, not {value!r}")
