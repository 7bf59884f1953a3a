"""LERC, ZFP, SZ3 and SPERR: codecs for fields of floats, given the integers as float32, their output rounded.

All see the image from 0 to 1 (`UNIT_FLOATS`), so that a setting is a part of the image's range.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from zarr_neural.zoo.classical.library import absent, imagecodecs
from zarr_neural.zoo.classical.record import INTEGERS, LossyCodec, Settings, Stream
from zarr_neural.zoo.classical.scaling import UNIT_FLOATS, Image, Prepared

PART_OF_RANGE = "largest error, part of the image's range"
TAKEN = INTEGERS | {"float32"}
BOUNDS = Settings(0.5, 2.0**-14, log=True)


def lerc() -> LossyCodec:
    """LERC (Esri) with zstd behind it; the setting is its largest error.

    Its integer mode knows whole bounds only and is no better at equal error, so that it is given floats too.
    """
    return LossyCodec(
        "lerc",
        "float32, zstd",
        PART_OF_RANGE,
        BOUNDS,
        UNIT_FLOATS,
        lambda given, setting: imagecodecs().lerc_encode(given.plane, setting, compression="zstd"),
        lambda data, shape: imagecodecs().lerc_decode(data, out=np.empty(shape, np.float32)),  # no larger, if forged
        TAKEN,
        unavailable=partial(absent, "LERC"),
    )


def zfp() -> LossyCodec:
    """ZFP in its fixed-accuracy mode; the setting is the tolerance.

    The mode rounds tolerances down to a power of two, 6 dB apart. Dividing the image by the tolerance and asking for
    an accuracy of 1 gives every tolerance, and less error for the bits than the fixed-rate mode.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        scaled = given.plane * np.float32(1 / setting)
        library = imagecodecs()
        accuracy = library.ZFP.MODE.FIXED_ACCURACY  # its short names have changed between versions
        return np.float32(setting).tobytes() + bytes(library.zfp_encode(scaled, 1, mode=accuracy, numthreads=1))

    def expand(data: Stream, shape: tuple[int, ...]) -> Image:
        setting = np.frombuffer(data[:4], np.float32)[0]
        return np.asarray(imagecodecs().zfp_decode(data[4:], numthreads=1) * setting)

    return LossyCodec(
        "zfp",
        "float32, fixed accuracy of the image over the tolerance",
        "tolerance, part of the image's range",
        Settings(2.0, 2.0**-14, log=True),
        UNIT_FLOATS,
        compress,
        expand,
        TAKEN,
        unavailable=partial(absent, "ZFP"),
    )


def sz3() -> LossyCodec:
    """SZ3 with an absolute bound, which is its setting."""
    return LossyCodec(
        "sz3",
        "float32, absolute bound",
        PART_OF_RANGE,
        BOUNDS,
        UNIT_FLOATS,
        lambda given, setting: imagecodecs().sz3_encode(given.plane, "abs", abs=setting),
        lambda data, shape: imagecodecs().sz3_decode(data, shape, np.float32),
        TAKEN,
        unavailable=partial(absent, "SZ3"),
    )


SMALLEST_SPAN = 2.0**-24
LEAST_DB = 0.01
"""SPERR takes no PSNR of 0 or less; a plane that needs less becomes its mean, nearly."""


def sperr() -> LossyCodec:
    """SPERR, which is SPECK on the 9/7 wavelets, towards a PSNR, which is its setting: no bits for outliers.

    SPERR counts PSNR against the range of what it is given, which may be a dark corner; here it is counted against
    the range of the image.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        own_span = max(float(np.ptp(given.plane)), SMALLEST_SPAN)
        return bytes(
            imagecodecs().sperr_encode(
                given.plane, max(setting + 20 * math.log10(own_span), LEAST_DB), "psnr", numthreads=1
            )
        )

    return LossyCodec(
        "sperr",
        "float32, towards a PSNR",
        "PSNR against the image's range, dB",
        Settings(10.0, 90.0),
        UNIT_FLOATS,
        compress,
        lambda data, shape: imagecodecs().sperr_decode(data, numthreads=1),
        TAKEN,
        unavailable=partial(absent, "SPERR"),
    )
