"""What is asked of an image becomes what is done to it: which promise applies, with what had to be measured for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_neural.archive.ask.labels import label_image
from zarr_neural.archive.ask.options import Options
from zarr_neural.archive.ask.overviews import of_overview
from zarr_neural.archive.ask.request import MEAN, Request
from zarr_neural.archive.ask.targets import Target, resolve
from zarr_neural.archive.layout import Level
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.chunk import NoiseModel, estimate_noise

NOISE_PLANES = 8
NOISE_SIDE = 2048
SAME_NOISE = 1.25


@dataclass(frozen=True)
class Choice:
    """What was decided for one image: its fidelity, whether it holds labels, the noise per channel, and why.

    With a mean error `targets` has the error of each channel, and `fidelity` the largest of them: the codec of the
    array promises that much of every chunk. `sigmas` are the standard deviations of the noise of the channels where
    the promise of the overviews hangs on them.
    """

    fidelity: Request
    labels: bool
    noise: tuple[NoiseModel, ...] = ()
    notes: tuple[str, ...] = field(default=())
    targets: tuple[Target, ...] = ()
    sigmas: tuple[float, ...] = ()

    def of_channel(self, channel: int, number: int = 0) -> Request:
        """Return the fidelity that the chunks of a channel are written with at level `number`."""
        own = self.fidelity
        if self.targets:
            rmse = self.targets[channel].rmse
            own = Request() if rmse is None else self.fidelity.as_rmse(rmse)
        return of_overview(own, number, self.sigmas[channel] if self.sigmas else None)

    def of_level(self, number: int) -> Request:
        """Return the fidelity that the metadata of level `number` name: the loosest of its channels."""
        if number == 0:
            return self.fidelity
        every = [self.of_channel(channel, number) for channel in range(max(1, len(self.sigmas)))]
        return max(every, key=lambda fidelity: fidelity.value or 0.0)


_LABEL_NOTES = {
    "palette": "its pixels are indices of a colour palette",
    "dtype": "its dtype is typical of labels",
    "name": "its file name says so",
    "content": "its values look like labels",
}


def decide(image: SourceImage, options: Options, level: Level) -> Choice:
    """Return the fidelity that applies to one image, with what it needs measured.

    An array has one codec for all its channels. Where the noise of the channels is alike (standard deviations within
    25 % at the grey levels that occur), the model measured over all of them goes into the codec; where it is not, the
    codec measures every chunk by itself. What was measured per channel is returned in either case.

    Parameters
    ----------
    image : SourceImage
        The image.
    options : Options
        The fidelity that is asked for, what labels are, and the number of threads.
    level : Level
        Its full resolution, as it will be cut into chunks.

    Raises
    ------
    ArchiveError
        What has to be measured cannot be read, or a ratio cannot be reached.
    UnsupportedInputError
        A mean error is asked of pixels that have none.
    """
    asked = options.fidelity
    if how := label_image(image, options.labels):
        return Choice(Request(), True, notes=_label_notes(how, asked))
    if asked.method == "lossless":
        return Choice(asked, False)
    if asked.method in MEAN:
        targets, notes = resolve(image, asked, level, options.threads)
        lossy = [target.rmse for target in targets if target.rmse is not None]
        if not lossy:
            return Choice(Request(), False, notes=notes, targets=targets)
        return Choice(asked.as_rmse(max(lossy)), False, notes=notes, targets=targets, sigmas=_sigmas(image))
    if asked.method == "max_error":
        return Choice(asked, False, sigmas=_sigmas(image))
    planes = [list(sample_planes(image, channel)) for channel in range(image.channels)]
    models = tuple(estimate_noise(some) for some in planes)
    pooled = estimate_noise(plane for some in planes for plane in some)
    if _alike(models, planes):
        return Choice(replace(asked, model=pooled), False, models)
    notes = (
        "the noise differs too much between the channels for a single noise model, so it is measured in every chunk, "
        "which takes slightly more space",
    )
    return Choice(asked, False, models, notes)


def _label_notes(how: str, asked: Request) -> tuple[str, ...]:
    """What is said of a label image: nothing where the caller said that it is one."""
    if how == "asked":
        return ()
    kept = "" if asked.method == "lossless" else "it was stored losslessly, and "
    return (
        f"this image is treated as a label image because {_LABEL_NOTES[how]}: {kept}its overviews keep every second "
        "pixel; if it is not a label image, convert it again with --no-labels",
    )


def _sigmas(image: SourceImage) -> tuple[float, ...]:
    """The noise of every channel of integers at its middle brightness; nothing for other pixels."""
    if image.dtype.kind not in "iu" or image.dtype.itemsize > 2:
        return ()
    sigmas = []
    for channel in range(image.channels):
        planes = list(sample_planes(image, channel))
        middle = float(np.median([np.median(plane) for plane in planes]))
        sigmas.append(float(estimate_noise(planes).sigma(middle)))
    return tuple(sigmas)


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
