"""Our own codec at a chosen mean error: ``NeuralCodec(rmse=r)``, once for each shipped model."""

from __future__ import annotations

from typing import Any

import zarr_neural
from eval.lossy_record import LossyCodec, Prepared, Settings, Stream, as_it_is
from zarr_neural.errors import ConfigurationError

NAME = "zarr_neural"
ARGUMENTS: dict[str, dict[str, Any]] = {"fast": {"model": "fast"}, "dense": {"model": "dense"}}
"""How each model is asked for: further arguments of `NeuralCodec`. This is the one place to change."""


def codec_at(model: str, rmse: float) -> zarr_neural.NeuralCodec:
    """Return our codec with a model of `ARGUMENTS` at a root mean square error in grey levels."""
    return zarr_neural.NeuralCodec(rmse=rmse, verify=False, **ARGUMENTS[model])


def ours(model: str) -> LossyCodec:
    """Return the record of our codec with one model; the setting is the PSNR that its error bound stands for.

    Where this version of the package cannot code at a mean error, the record says so in `missing`.
    """
    try:
        zarr_neural.NeuralCodec(rmse=1.0)
        codec_at(model, 1.0)
        missing = ""
    except (ConfigurationError, TypeError) as error:
        missing = str(error)

    def compress(given: Prepared, setting: float) -> Stream:
        return codec_at(model, given.span / 10 ** (setting / 20)).encode(given.plane)

    return LossyCodec(
        f"{NAME}-{model}",
        f"rmse=, model {model}, verify=False",
        "PSNR of the bound against the image's range, dB",
        Settings(15.0, 75.0),
        as_it_is,
        compress,
        lambda data, given: codec_at(model, 1.0).decode(data),
        missing=missing,
    )
