"""JPEG 2000 and High-Throughput JPEG 2000 at their best for squared error: the irreversible 9/7 transform."""

from __future__ import annotations

import math

import imagecodecs
import numpy as np

from eval.lossy_record import Image, LossyCodec, Prepared, Settings, Stream, absent, rounded, stretched

FEWEST_LEVELS = 200
"""Images of fewer grey levels are shifted left for JPEG 2000, whose finest step is about one level."""


def centred(image: Image) -> Prepared:
    """Give the wavelet codec the depth that the image uses, its mean in the middle of it, and at least 200 levels.

    OpenJPEG's finest step of the 9/7 transform is about one grey level: an image of 50 levels comes no nearer than
    41 dB unless it is shifted left. The mean in the middle keeps an offset out of the lowest band, where it costs
    up to 13 % of the bits of a dark image at a very low rate. Neither changes an ordinary image (within 0.2 %).
    """
    low, span = int(image.min()), max(1, int(np.ptp(image)))
    shift = max(0, math.ceil(math.log2(FEWEST_LEVELS / span)))
    depth = max(8, (span << shift).bit_length() + 1)
    levels = (image.astype(np.int64) - low) << shift
    if depth > 16:
        depth, offset = 16, 0  # no room: the whole range is in use
    else:
        offset = 2 ** (depth - 1) - round(float(levels.mean()))

    def restore(decoded: Image) -> Image:
        return rounded((decoded.reshape(image.shape).astype(np.float64) - offset) / 2**shift + low, image)

    plane = (levels + offset).astype(np.uint8 if depth == 8 else np.uint16)
    return Prepared(plane, restore, float(span << shift), depth)


def jpeg2000() -> LossyCodec:
    """JPEG 2000 (OpenJPEG), as a bare code stream; the setting is its own PSNR in dB.

    OpenJPEG counts PSNR against the full scale of the depth; here it is counted against the range of the image.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        level = setting + 20 * math.log10((2**given.depth_bits - 1) / given.span)
        return imagecodecs.jpeg2k_encode(
            given.plane,
            level,  # type: ignore[arg-type] # the stub says int, the encoder takes and follows fractions
            codecformat="j2k",
            reversible=False,
            bitspersample=given.depth_bits,
            numthreads=1,
        )

    return LossyCodec(
        "jpeg2000",
        "9/7, code stream, depth of the image",
        "PSNR against the image's range, dB",
        Settings(20.0, 70.0),
        centred,
        compress,
        lambda data, given: imagecodecs.jpeg2k_decode(data, numthreads=1),
        missing=absent("JPEG2K"),
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
        lambda image: stretched(image, 16, MARGIN),
        lambda given, setting: imagecodecs.htj2k_encode(given.plane, setting, reversible=False),
        lambda data, given: imagecodecs.htj2k_decode(data),
        missing=absent("HTJ2K"),
    )
