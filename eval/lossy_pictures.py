"""JPEG XL, AVIF, JPEG XR and WebP, each at its best for squared error on grey planes of 8 and 16 bits."""

from __future__ import annotations

import math
from dataclasses import replace

import imagecodecs
import numpy as np

from eval.lossy_record import U8, U16, Image, LossyCodec, Prepared, Settings, Stream, absent, rounded, stretched

XYB_BIAS = 0.0037930732552754493
"""Bias of the cube root in JPEG XL's XYB colour space (ISO/IEC 18181-1, opsin absorbance bias)."""


def jpegxl_light(image: Image) -> Prepared:
    """Give JPEG XL 16-bit light whose cube root, which is what it quantises, is linear in the pixels.

    imagecodecs declares 16-bit samples as linear light, so that the codec takes its biased cube root of them before
    it quantises: bright pixels get several times the error of dark ones, and squared error suffers (measured: 29 %
    more bits than JPEG 2000 on an image where this curve needs 5 % more). The inverse of that cube root, over the
    whole range of the image, undoes it. It is 0 to 3 % better than 8-bit samples as they are, which are declared
    sRGB, and needs no dtype of its own.
    """
    low, span = float(image.min()), max(1.0, float(np.ptp(image)))
    root = math.cbrt(XYB_BIAS)
    reach = math.cbrt(1 + XYB_BIAS) - root
    light = ((image - low) / span * reach + root) ** 3 - XYB_BIAS

    def restore(decoded: Image) -> Image:
        values = (np.cbrt(decoded.reshape(image.shape) / 65535 + XYB_BIAS) - root) / reach
        return rounded(values * span + low, image)

    return Prepared(np.rint(light * 65535).astype(np.uint16), restore, 65535.0, 16)


def jpegxl(effort: int) -> LossyCodec:
    """JPEG XL (libjxl) in its lossy mode, VarDCT; the setting is its distance.

    At effort 3 its error is then the same in dark and in bright parts; from effort 5 on it adapts its quantiser to
    the eye (dark noise has 1.4 to 1.6 times the error of bright noise), which no option of imagecodecs turns off.
    Between some neighbouring distances its error jumps by up to 4 dB: no setting lies between.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        return imagecodecs.jpegxl_encode(given.plane, effort=effort, distance=setting, lossless=False, numthreads=1)

    return LossyCodec(
        f"jpegxl-{effort}",
        f"effort {effort}, 16-bit light, uniform after its cube root",
        "distance",
        Settings(25.0, 0.01, log=True),
        jpegxl_light,
        compress,
        lambda data, given: imagecodecs.jpegxl_decode(data, numthreads=1),
        missing=absent("JPEGXL"),
    )


def as_colour(image: Image, depth_bits: int) -> Prepared:
    """Give the codec the image stretched to its depth, three times over: red, green and blue alike."""
    grey = stretched(image, depth_bits)
    return replace(grey, plane=np.repeat(grey.plane[..., np.newaxis], 3, axis=-1))


AVIF_DEPTH_BITS = 12


def avif(speed: int) -> LossyCodec:
    """AVIF (libaom) of 12 bits, luma alone; the setting is its quality.

    imagecodecs codes a grey plane without loss at every level. A colour image of three equal channels with luma
    alone (4:0:0) is what gives a lossy grey stream. 12 bits serve both dtypes: 16-bit images are rounded to 4096
    levels, an error of 83 dB, and 8-bit images do no worse than as 8 bits.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        return imagecodecs.avif_encode(
            given.plane,
            int(setting),
            speed=speed,
            bitspersample=AVIF_DEPTH_BITS,
            pixelformat=imagecodecs.AVIF.PIXEL_FORMAT.YUV400,
            numthreads=1,
        )

    def expand(data: Stream, given: Prepared) -> Image:
        decoded = imagecodecs.avif_decode(data, numthreads=1)
        return decoded if decoded.ndim == 2 else decoded[..., 1]

    return LossyCodec(
        f"avif-{speed}",
        f"speed {speed}, 12 bit, luma alone, range stretched",
        "quality",
        Settings(0.0, 99.0, whole=True),
        lambda image: as_colour(image, AVIF_DEPTH_BITS),
        compress,
        expand,
        missing=absent("AVIF"),
    )


JPEGXR_DEPTH_BITS = 13


def jpegxr() -> LossyCodec:
    """JPEG XR (jxrlib); the setting is its quality.

    Its quality means a quantiser of fixed size for the dtype: images of full 16-bit range do not come below 26 to
    38 dB at its worst, so that the range is brought to 13 bits, at no loss.
    """
    return LossyCodec(
        "jpegxr",
        "range stretched to 13 bits",
        "quality",
        Settings(0.005, 0.99),
        lambda image: stretched(image, JPEGXR_DEPTH_BITS),
        lambda given, setting: imagecodecs.jpegxr_encode(given.plane, setting),
        lambda data, given: imagecodecs.jpegxr_decode(data),
        missing=absent("JPEGXR"),
    )


def webp() -> LossyCodec:
    """WebP (libwebp), lossy, of 8-bit planes; the setting is its quality.

    It knows colour alone and keeps luma in 219 levels, so that it ends at about 49 dB.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        return imagecodecs.webp_encode(given.plane, setting, lossless=False, method=6, numthreads=1)

    return LossyCodec(
        "webp",
        "method 6, range stretched",
        "quality",
        Settings(0.0, 100.0),
        lambda image: as_colour(image, 8),
        compress,
        lambda data, given: imagecodecs.webp_decode(data)[..., 1],
        frozenset({U8}),
        {U16: "WebP has 8 bits"},
        missing=absent("WEBP"),
    )
