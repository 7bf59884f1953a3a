"""What is asked of an image becomes a codec: which promise applies to it, and the camera noise measured from it.

Labels are always stored losslessly: an image is one if the caller says so, if its pixels are booleans or integers of
32 or 64 bits, or if its file name has one of the words label(s), mask(s) or seg(mentation) between separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.source import SourceImage
from zarr_neural.chunk import NoiseModel, estimate_noise
from zarr_neural.codecs import NeuralCodec, NeuralSerializer
from zarr_neural.errors import ConfigurationError

NOISE_PLANES = 8
NOISE_SIDE = 2048
SAME_NOISE = 1.25
_LABEL_NAME = re.compile(r"(?:^|[_\-. ])(?:labels?|masks?|seg(?:mentation)?s?)(?:[_\-. 0-9]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """A promise about the pixels: one of "lossless", "max_error", "noise", "rmse", and its value.

    `asked` is False where nobody asked and the default (noise 1.0) applies: then images that it does not suit, such
    as floating point, are stored losslessly instead of being refused.
    """

    method: str = "noise"
    value: float | None = 1.0
    asked: bool = False
    model: NoiseModel | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `NeuralCodec` and `NeuralSerializer`."""
        if self.method == "lossless":
            return {"lossless": True}
        whole = self.method == "max_error" and self.value is not None and float(self.value).is_integer()
        value = int(self.value or 0) if whole else self.value
        return {self.method: value} if self.model is None else {self.method: value, "noise_model": self.model}

    def record(self) -> dict[str, Any]:
        """Return the parameters as JSON for the provenance."""
        if self.method == "lossless":
            return {}
        record: dict[str, Any] = {self.method: self.value}
        if self.method == "noise":
            record["noise_model"] = "per chunk" if self.model is None else asdict(self.model)
        return record


def fidelity_from(
    *,
    lossless: bool = False,
    max_error: float | None = None,
    noise: float | None = None,
    rmse: float | None = None,
) -> Request:
    """Return the fidelity that the arguments ask for, `noise=1.0` where there are none.

    Raises
    ------
    ConfigurationError
        More than one is given, or the codec refuses it.
    """
    values = {"lossless": True if lossless else None, "max_error": max_error, "noise": noise, "rmse": rmse}
    given = [name for name, value in values.items() if value is not None]
    if len(given) > 1:
        raise ConfigurationError(f"give one of lossless, max_error, noise and rmse, not {' and '.join(given)}")
    if not given:
        return Request()
    asked = Request(given[0], None if lossless else float(values[given[0]] or 0.0), asked=True)
    NeuralCodec(**asked.arguments())
    return asked


def make_codec(fidelity: Request, zarr_format: int) -> NeuralCodec | NeuralSerializer:
    """Return the Zarr v2 compressor or the Zarr v3 serializer that keeps `fidelity`.

    It does not decode what it encodes: the converter reads every chunk back from the store, where the checksum of the
    samples that the encoder meant is met, and compares the pixels with the source.
    """
    return (NeuralCodec if zarr_format == 2 else NeuralSerializer)(**fidelity.arguments(), verify=False)


def is_label_image(image: SourceImage, wanted: bool | None = None) -> bool:
    """Return whether `image` holds labels; `wanted` (not None) decides for the caller.

    Raises
    ------
    ConfigurationError
        Labels are wanted of an image of floating point.
    """
    if wanted and image.dtype.kind not in "biu":
        raise ConfigurationError(f"{image.path.name}: labels are integers, this image is {image.dtype}")
    if wanted is not None:
        return wanted
    if image.dtype.kind not in "biu" or image.samples > 1:
        return False
    wide = image.dtype.kind == "b" or image.dtype.itemsize >= 4
    return wide or _LABEL_NAME.search(re.sub(r"(\.ome)?\.\w+$", "", image.path.name)) is not None


@dataclass(frozen=True)
class Choice:
    """What was decided for one image: its fidelity, whether it holds labels, the noise per channel, and why."""

    fidelity: Request
    labels: bool
    noise: tuple[NoiseModel, ...] = ()
    notes: tuple[str, ...] = field(default=())


def decide(image: SourceImage, asked: Request, labels: bool | None = None) -> Choice:
    """Return the fidelity that applies to one image, with its noise measured where that is what was asked for.

    An array has one codec for all its channels. Where the noise of the channels is alike (standard deviations within
    25 % at the grey levels that occur), the model measured over all of them goes into the codec; where it is not, the
    codec measures every chunk by itself. What was measured per channel is returned in either case.

    Raises
    ------
    ArchiveError
        The planes that the noise is measured on cannot be read.
    """
    if is_label_image(image, labels):
        note: tuple[str, ...] = () if asked.method == "lossless" else ("label image: stored losslessly",)
        return Choice(Request("lossless", None, asked.asked), True, notes=note)
    networks = image.dtype.kind in "iu" and image.dtype.itemsize <= 2
    if not asked.asked and not networks:
        return Choice(Request("lossless", None), False, notes=(f"{image.dtype} image: stored losslessly",))
    if asked.method != "noise" or not networks:
        return Choice(asked, False)
    planes = [list(sample_planes(image, channel)) for channel in range(image.channels)]
    models = tuple(estimate_noise(some) for some in planes)
    pooled = estimate_noise(plane for some in planes for plane in some)
    if _alike(models, planes):
        return Choice(Request("noise", asked.value, asked.asked, pooled), False, models)
    notes = ("the noise of the channels differs: it is measured in every chunk",)
    return Choice(Request("noise", asked.value, asked.asked), False, models, notes)


def sample_planes(image: SourceImage, channel: int) -> Iterator[npt.NDArray[Any]]:
    """Yield up to 8 planes of a channel, evenly spread over time and depth, their middle 2048 x 2048 pixels at most."""
    others = [axis for axis in image.axes if axis in "tz"]
    sizes = [image.shape[image.axes.index(axis)] for axis in others]
    count = int(np.prod(sizes, dtype=np.int64)) if sizes else 1
    wanted = np.unique(np.linspace(0, count - 1, min(count, NOISE_PLANES)).round().astype(np.int64))
    for number in wanted:
        at = dict(zip(others, np.unravel_index(int(number), sizes) if sizes else (), strict=True))
        at["c"] = np.int64(channel)
        region = []
        for axis, size in zip(image.axes, image.shape, strict=True):
            if axis in "yx":
                start = max(0, (size - NOISE_SIDE) // 2)
                region.append(slice(start, min(size, start + NOISE_SIDE)))
            else:
                region.append(slice(int(at[axis]), int(at[axis]) + 1))
        plane = image.read(tuple(region))
        yield plane.reshape(plane.shape[-2:])


def _alike(models: tuple[NoiseModel, ...], planes: list[list[npt.NDArray[Any]]]) -> bool:
    """Whether the standard deviations of the models agree within 25 % at the grey levels of all channels."""
    if len(models) == 1:
        return True
    levels = np.concatenate([np.quantile(plane[::8, ::8], (0.1, 0.5, 0.99)) for some in planes for plane in some])
    sigmas = np.array([np.maximum(model.sigma(levels), 0.5) for model in models])
    return bool((sigmas.max(axis=0) <= SAME_NOISE * sigmas.min(axis=0)).all())
