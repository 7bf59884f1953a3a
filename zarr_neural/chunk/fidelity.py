"""What a user may ask for, as data: exactly one of lossless, max_error, noise or rmse."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from zarr_neural.chunk.noise import Q_UNIT, NoiseModel
from zarr_neural.errors import ConfigurationError, UnsupportedInputError


@dataclass(frozen=True)
class Fidelity:
    """The promise that a codec keeps for every pixel.

    Parameters
    ----------
    max_error : float, optional
        Hard bound of the absolute error in grey levels (whole, for integer dtypes).
    noise : float, optional
        Quantiser step in standard deviations of the camera noise; the error is at most about half a step.
    noise_model : NoiseModel, optional
        Of the camera; without it, every chunk is measured by itself. Only with ``noise``.

    With neither ``max_error`` nor ``noise`` the promise is losslessness.
    """

    max_error: float | None = None
    noise: float | None = None
    noise_model: NoiseModel | None = None

    @property
    def lossless(self) -> bool:
        """Whether every sample comes back as it was."""
        return self.max_error is None and self.noise is None

    def check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raise `UnsupportedInputError` unless the promise makes sense for samples of a dtype."""
        if self.lossless or (dtype.kind in "iu" and dtype.itemsize <= 2):
            if self.max_error is not None and self.max_error != int(self.max_error):
                raise UnsupportedInputError(
                    f"max_error of {dtype} samples must be a whole number, not {self.max_error}"
                )
            return
        if dtype.kind == "f" and dtype.itemsize >= 4 and self.max_error is not None:
            return
        asked = f"max_error={self.max_error:g}" if self.max_error is not None else f"noise={self.noise:g}"
        raise UnsupportedInputError(
            f"{asked} is not for {dtype} samples: noise= is for 8- and 16-bit integers, max_error= for these and for "
            "float32 and float64; masks, labels and other dtypes are coded with lossless=True"
        )


def fidelity_of(
    lossless: bool | None,
    max_error: float | None,
    noise: float | None,
    rmse: float | None,
    noise_model: NoiseModel | None,
) -> Fidelity:
    """The fidelity that these keyword arguments of a codec ask for; ``noise=1.0`` where nothing is given.

    Raises
    ------
    ConfigurationError
        If more than one is given, a value is out of its range, or the fidelity does not exist yet.
    """
    if lossless is not None and not isinstance(lossless, bool | np.bool_):
        raise ConfigurationError(f"lossless must be True or False, not {lossless!r}")
    lossless = None if lossless is None else bool(lossless)
    max_error, noise = _plain(max_error), _plain(noise)
    given = [
        name
        for name, value in (("lossless", lossless or None), ("max_error", max_error), ("noise", noise), ("rmse", rmse))
        if value is not None
    ]
    if len(given) > 1:
        raise ConfigurationError(f"give exactly one of lossless, max_error, noise and rmse, not {' and '.join(given)}")
    if rmse is not None:
        raise ConfigurationError(
            f"rmse={rmse!r}: coding at a chosen mean error is not there yet; use max_error, noise or lossless=True"
        )
    if lossless is False and not given:
        raise ConfigurationError("lossless=False says what is not wanted: give max_error or noise")
    if noise_model is not None and not isinstance(noise_model, NoiseModel):
        raise ConfigurationError(f"noise_model must be a NoiseModel, not {type(noise_model).__name__}")
    if not given:
        noise = 1.0
    if noise is None and noise_model is not None:
        raise ConfigurationError("a noise_model is of use only with noise=")
    if max_error is not None:
        _check_number("max_error", max_error, 0, math.inf)
    if noise is not None:
        _check_number("noise", noise, 1 / Q_UNIT, 255)
    return Fidelity(max_error, noise, noise_model)


def _plain(value: Any) -> Any:
    """A NumPy number as one of Python, which JSON can hold."""
    return value.item() if isinstance(value, np.integer | np.floating) else value


def _check_number(name: str, value: object, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or math.isinf(value):
        raise ConfigurationError(f"{name} must be a finite number from {least:g} to {most:g}, not {value!r}")
