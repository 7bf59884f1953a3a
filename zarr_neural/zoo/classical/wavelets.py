"""JPEG 2000 and High-Throughput JPEG 2000 at their best for squared error: the irreversible 9/7 transform."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from zarr_neural.zoo.classical.library import absent, imagecodecs
from zarr_neural.zoo.classical.record import LossyCodec, Settings, Stream
from zarr_neural.zoo.classical.scaling import Image, Prepared, Scale, Scaling, stretched

FEWEST_LEVELS = 200
"""Images of fewer grey levels are shifted left for JPEG 2000, whose finest step is about one level."""


def _shift_and_depth(scale: Scale) -> tuple[int, int]:
    span = int(scale.span)
    shift = max(0, math.ceil(math.log2(FEWEST_LEVELS / span)))
    return shift, min(16, max(8, (span << shift).bit_length() + 1))


def _centre(image: Image, scale: Scale) -> Prepared:
    shift, depth = _shift_and_depth(scale)
    span = int(scale.span) << shift
    levels = (image.astype(np.int64) - int(scale.low)) << shift
    no_room = span.bit_length() == 16  # the whole range is in use
    offset = 0 if no_room else 2 ** (depth - 1) - round(float(levels.mean()))
    plane = (levels + offset).astype(np.uint8 if depth == 8 else np.uint16)
    return Prepared(plane, replace(scale, offset=offset), float(span), depth)


def _from_centre(decoded: Image, scale: Scale) -> Image:
    shift, _ = _shift_and_depth(scale)
    return scale.rounded((decoded.astype(np.float64) - scale.offset) / 2**shift + scale.low)


CENTRED = Scaling(_centre, _from_centre)
"""Gives the wavelet codec the depth that the image uses, its mean in the middle of it, and at least 200 levels.

OpenJPEG's finest step of the 9/7 transform is about one grey level: an image of 50 levels comes no nearer than 41 dB
unless it is shifted left. The mean in the middle keeps an offset out of the lowest band, where it costs up to 13 % of
the bits of a dark image at a very low rate. Neither changes an ordinary image (within 0.2 %).
"""


def jpeg2000() -> LossyCodec:
    """JPEG 2000 (OpenJPEG), as a bare code stream; the setting is its own PSNR in dB.

    OpenJPEG counts PSNR against the full scale of the depth; here it is counted against the range of the image.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        level = setting + 20 * math.log10((2**given.depth_bits - 1) / given.span)
        return bytes(
            imagecodecs().jpeg2k_encode(
                given.plane,
                level,  # the stub says int, the encoder takes and follows fractions
                codecformat="j2k",
                reversible=False,
                bitspersample=given.depth_bits,
                numthreads=1,
            )
        )

    return LossyCodec(
        "jpeg2000",
        "9/7, code stream, depth of the image",
        "PSNR against the image's range, dB",
        Settings(20.0, 70.0),
        CENTRED,
        compress,
        lambda data, shape: imagecodecs().jpeg2k_decode(data, numthreads=1),
        unavailable=partial(absent, "JPEG2K"),
    )


MARGIN = 0.25
"""Part of the full scale that HTJ2K keeps free on each side, since its decoder wraps values that leave the scale."""


def htj2k() -> LossyCodec:
    """High-Throughput JPEG 2000 (OpenJPH); the setting is the step of its quantiser.

    The decoder in imagecodecs does not clamp: what overshoots the dtype's range comes back at its other end, and the
    PSNR of an image that uses the whole range stays at 30 to 40 dB at every rate. So the image is put into the
    middle of the 16-bit scale; the step then sets a real quality, and nothing is lost by it.
    """
    return LossyCodec(
        "htj2k",
        "9/7, image in the middle half of 16 bits",
        "quantiser step, part of full scale",
        Settings(0.5, 0.0002, log=True),
        stretched(16, MARGIN),
        lambda given, setting: imagecodecs().htj2k_encode(given.plane, setting, reversible=False),
        lambda data, shape: imagecodecs().htj2k_decode(data),
        unavailable=partial(absent, "HTJ2K"),
    )
