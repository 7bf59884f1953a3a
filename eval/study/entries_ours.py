"""Our own codecs in a study: at a mean error, in steps of the camera's noise, and lossless."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

from eval.study.entry import LOSSLESS, OURS, Entry, Given, Point
from zarr_neural import NeuralCodec, models
from zarr_neural.errors import ModelNotFoundError, ZarrNeuralError
from zarr_neural.zoo.classical.record import Settings

NOISES = (0.5, 1.0, 2.0, 4.0)
"""Steps in noise widths that are measured."""
PSNR = Settings(15.0, 80.0)


def at_mean_error(preset: Literal["fast", "dense"], setting: float, given: Given) -> Any:
    """Return our codec at the root mean squared error that a PSNR stands for."""
    span = given.data_range or 1.0
    return NeuralCodec(rmse=max(1 / 256, span / 10 ** (setting / 20)), preset=preset, verify=False)


def at_noise(setting: float, given: Given) -> Any:
    """Return our codec with steps of so many noise widths."""
    return NeuralCodec(noise=setting, noise_model=given.noise, verify=False)


def lossless(setting: float, given: Given) -> Any:
    """Return our lossless codec."""
    return NeuralCodec(lossless=True, verify=False)


def entries() -> Iterator[Entry]:
    """Yield our codecs."""
    given = Given(0, 1000, 1000)
    for preset in ("fast", "dense"):
        make = partial(at_mean_error, preset)
        yield Entry(
            f"zarr_neural-{preset}",
            OURS,
            "PSNR of the bound, dB",
            make,
            settings=PSNR,
            missing=_missing(partial(make, 40.0, given)),
        )
    points = tuple(Point(f"noise {value:g}", value) for value in NOISES)
    yield Entry(
        "zarr_neural-noise",
        OURS,
        "step, noise widths",
        at_noise,
        points,
        dtypes=frozenset({"uint8", "int8", "uint16", "int16"}),
        noise=True,
        missing=_missing(partial(at_noise, 1.0, given)),
    )
    yield Entry(
        "zarr_neural-lossless",
        LOSSLESS,
        "none",
        lossless,
        (Point("lossless", 0.0),),
        missing=_missing(partial(lossless, 0.0, given)),
    )


def _missing(make: Any) -> str:
    try:
        for model_id in make().get_config()["models"]:
            models.load(model_id)
    except ModelNotFoundError as error:
        return f"no model {error.wanted} found"
    except ZarrNeuralError as error:
        return str(error)
    return ""
