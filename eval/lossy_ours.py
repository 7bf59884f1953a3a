"""Our own codec at a chosen mean error: ``NeuralCodec(rmse=r)``, once for each preset, and with models of a user."""

from __future__ import annotations

from typing import Any

import zarr_neural
from zarr_neural import models
from zarr_neural.errors import ModelNotFoundError, ZarrNeuralError
from zarr_neural.zoo.classical import LossyCodec
from zarr_neural.zoo.classical.record import Settings, Stream
from zarr_neural.zoo.classical.scaling import AS_IT_IS, Prepared

NAME = "zarr_neural"
PRESETS: dict[str, dict[str, Any]] = {"fast": {"preset": "fast"}, "dense": {"preset": "dense"}}
"""How each shipped model is asked for: further arguments of `NeuralCodec`. This is the one place to change."""


def ours(preset: str) -> LossyCodec:
    """Return the record of our codec with a shipped model of `PRESETS`."""
    return _record(preset, f"rmse=, preset {preset}, verify=False", PRESETS[preset])


def ours_with(name: str, model_id: str) -> LossyCodec:
    """Return the record of our codec with a lossy model of the user's own, named by its SHA-256.

    The model is found where the package finds models: in ``$ZARR_NEURAL_MODELS`` or the user's directory.
    """
    return _record(
        name, f"rmse=, model {model_id[:12]}, verify=False", {"models": [models.default_lossless(), model_id]}
    )


def _record(name: str, options: str, arguments: dict[str, Any]) -> LossyCodec:
    """Return a record whose setting is the PSNR that the error bound stands for.

    Where this version of the package cannot code at a mean error, or has no such model, `missing` says so.
    """

    def codec_at(rmse: float) -> zarr_neural.NeuralCodec:
        return zarr_neural.NeuralCodec(rmse=rmse, verify=False, **arguments)

    def compress(given: Prepared, setting: float) -> Stream:
        return codec_at(given.span / 10 ** (setting / 20)).encode(given.plane)

    try:
        for model_id in codec_at(1.0).get_config()["models"]:
            models.load(model_id)
        missing = ""
    except ModelNotFoundError as error:
        missing = f"no model {error.wanted} found"
    except (ZarrNeuralError, TypeError) as error:
        missing = str(error)
    return LossyCodec(
        f"{NAME}-{name}",
        options,
        "PSNR of the bound against the image's range, dB",
        Settings(25.0, 75.0),
        AS_IT_IS,
        compress,
        lambda data, shape: codec_at(1.0).decode(data),
        unavailable=lambda: missing,
    )
