"""Inputs that went through a codec: ``jpegxr@PSNR30`` is JPEG XR at the setting that comes nearest to 30 dB."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]


@dataclass(frozen=True)
class Decoded:
    """An image as a codec gave it back, with the PSNR in dB against the image's range and its bits per sample."""

    image: Image
    psnr_db: float
    bits: float


def parsed(words: str) -> tuple[str, float]:
    """Return codec and PSNR in dB of words like ``jpegxr@PSNR30``.

    Raises
    ------
    ValueError
        For words of another form.

    Examples
    --------
    >>> parsed("zarr_neural-fast@PSNR40")
    ('zarr_neural-fast', 40.0)
    """
    match = re.fullmatch(r"([\w.-]+)@PSNR(\d+(?:\.\d+)?)", words)
    if match is None:
        raise ValueError(f"a codec is named like jpegxr@PSNR40 (PSNR in dB against the image's range), not {words!r}")
    return match[1], float(match[2])


def through_codec(image: Image, words: str) -> Decoded:
    """Return a plane, or a stack plane by plane, encoded and decoded by the codec that the words name.

    Every plane comes as near to the PSNR as the codec's settings allow.

    Raises
    ------
    ValueError
        If there is no such codec here, or it does not take the image.
    """
    from eval.lossy_codecs import by_name  # the codecs' libraries, which training on raw images does without
    from eval.matched import OnePlane, Search

    name, target = parsed(words)
    codec = by_name([name])[0]
    planes, sizes, errors = [], 0, []
    for plane in image.reshape(-1, *image.shape[-2:]):
        if refusal := codec.why_not(plane):
            raise ValueError(f"{name}: {refusal}")
        coded = OnePlane(codec, plane, float(np.ptp(plane)))
        search = Search(codec.settings, coded.measure)
        trial = min(search.nearest(target), key=lambda each: abs(each.psnr_db - target))
        planes.append(coded.decoded(trial.setting))
        sizes += trial.nbytes
        errors.append(trial.psnr_db)
    return Decoded(np.stack(planes).reshape(image.shape), float(np.mean(errors)), 8 * sizes / image.size)
