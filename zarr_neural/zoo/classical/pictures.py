"""JPEG XL, AVIF, JPEG XR, WebP and JPEG, each at its best for squared error on grey planes of 8 and 16 bits."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from zarr_neural.zoo.classical.library import absent, imagecodecs
from zarr_neural.zoo.classical.record import EIGHT_BITS, LossyCodec, Settings, Stream
from zarr_neural.zoo.classical.scaling import Image, Prepared, Scale, Scaling, stretched

XYB_BIAS = 0.0037930732552754493
"""Bias of the cube root in JPEG XL's XYB colour space (ISO/IEC 18181-1, opsin absorbance bias)."""


ROOT = math.cbrt(XYB_BIAS)
REACH = math.cbrt(1 + XYB_BIAS) - ROOT


def _to_light(image: Image, scale: Scale) -> Prepared:
    light = ((image - float(scale.low)) / scale.span * REACH + ROOT) ** 3 - XYB_BIAS
    return Prepared(np.rint(light * 65535).astype(np.uint16), scale, 65535.0, 16)


def _from_light(decoded: Image, scale: Scale) -> Image:
    values = (np.cbrt(decoded / 65535 + XYB_BIAS) - ROOT) / REACH
    return scale.rounded(values * scale.span + scale.low)


JPEGXL_LIGHT = Scaling(_to_light, _from_light)
"""Gives JPEG XL 16-bit light whose cube root, which is what it quantises, is linear in the pixels.

imagecodecs declares 16-bit samples as linear light, so that the codec takes its biased cube root of them before it
quantises: bright pixels get several times the error of dark ones, and squared error suffers (measured: 29 % more bits
than JPEG 2000 on an image where this curve needs 5 % more). The inverse of that cube root, over the whole range of the
image, undoes it. It is 0 to 3 % better than 8-bit samples as they are, which are declared sRGB, and needs no dtype of
its own.
"""


def jpegxl(effort: int) -> LossyCodec:
    """JPEG XL (libjxl) in its lossy mode, VarDCT; the setting is its distance.

    At effort 3 its error is then the same in dark and in bright parts; from effort 5 on it adapts its quantiser to
    the eye (dark noise has 1.4 to 1.6 times the error of bright noise), which no option of imagecodecs turns off.
    Between some neighbouring distances its error jumps by up to 4 dB: no setting lies between.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        return bytes(
            imagecodecs().jpegxl_encode(given.plane, effort=effort, distance=setting, lossless=False, numthreads=1)
        )

    return LossyCodec(
        f"jpegxl-{effort}",
        f"effort {effort}, 16-bit light, uniform after its cube root",
        "distance",
        Settings(25.0, 0.01, log=True),
        JPEGXL_LIGHT,
        compress,
        lambda data, shape: imagecodecs().jpegxl_decode(data, numthreads=1),
        unavailable=partial(absent, "JPEGXL"),
    )


def as_colour(depth_bits: int) -> Scaling:
    """Give the codec the image stretched to its depth, three times over: red, green and blue alike."""
    grey = stretched(depth_bits)

    def apply(image: Image, scale: Scale) -> Prepared:
        prepared = grey.apply(image, scale)
        return replace(prepared, plane=np.repeat(prepared.plane[..., np.newaxis], 3, axis=-1))

    return Scaling(apply, grey.restore)


AVIF_DEPTH_BITS = 12


def avif(speed: int) -> LossyCodec:
    """AVIF (libaom) of 12 bits, luma alone; the setting is its quality.

    imagecodecs codes a grey plane without loss at every level. A colour image of three equal channels with luma
    alone (4:0:0) is what gives a lossy grey stream. 12 bits serve both dtypes: 16-bit images are rounded to 4096
    levels, an error of 83 dB, and 8-bit images do no worse than as 8 bits.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        return bytes(
            imagecodecs().avif_encode(
                given.plane,
                int(setting),
                speed=speed,
                bitspersample=AVIF_DEPTH_BITS,
                pixelformat=imagecodecs().AVIF.PIXEL_FORMAT.YUV400,
                numthreads=1,
            )
        )

    def expand(data: Stream, shape: tuple[int, ...]) -> Image:
        decoded = imagecodecs().avif_decode(data, numthreads=1)
        return np.asarray(decoded if decoded.ndim == 2 else decoded[..., 1])

    return LossyCodec(
        f"avif-{speed}",
        f"speed {speed}, 12 bit, luma alone, range stretched",
        "quality",
        Settings(0.0, 99.0, whole=True),
        as_colour(AVIF_DEPTH_BITS),
        compress,
        expand,
        unavailable=partial(absent, "AVIF"),
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
        stretched(JPEGXR_DEPTH_BITS),
        lambda given, setting: imagecodecs().jpegxr_encode(given.plane, setting),
        lambda data, shape: imagecodecs().jpegxr_decode(data),
        unavailable=partial(absent, "JPEGXR"),
    )


def webp() -> LossyCodec:
    """WebP (libwebp), lossy, of 8-bit planes; the setting is its quality.

    It knows colour alone and keeps luma in 219 levels, so that it ends at about 49 dB.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        return bytes(imagecodecs().webp_encode(given.plane, setting, lossless=False, method=6, numthreads=1))

    return LossyCodec(
        "webp",
        "method 6, range stretched",
        "quality",
        Settings(0.0, 100.0),
        as_colour(8),
        compress,
        lambda data, shape: imagecodecs().webp_decode(data)[..., 1],
        EIGHT_BITS,
        {"uint16": "WebP has 8 bits", "int16": "WebP has 8 bits"},
        partial(absent, "WEBP"),
    )


def jpeg() -> LossyCodec:
    """JPEG (libjpeg-turbo), baseline, of 8-bit planes; the setting is its quality.

    Its quantiser is coarser for fine detail, as the eye's is. Its Huffman tables are made for each plane: those of
    the standard cost 200 to 300 bytes more, half of a small plane.
    """
    return LossyCodec(
        "jpeg",
        "baseline, own Huffman tables, range stretched",
        "quality",
        Settings(1.0, 100.0, whole=True),
        stretched(8),
        lambda given, setting: imagecodecs().jpeg8_encode(given.plane, int(setting), optimize=True),
        lambda data, shape: imagecodecs().jpeg8_decode(data),
        EIGHT_BITS,
        {"uint16": "JPEG has 8 bits", "int16": "JPEG has 8 bits"},
        partial(absent, "JPEG8"),
    )
