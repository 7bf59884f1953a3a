"""LERC, ZFP, SZ3 and SPERR: codecs for fields of floats, given the integers as float32, their output rounded.

All see the image from 0 to 1 (`unit_floats`), so that a setting is a part of the image's range.
"""

from __future__ import annotations

import imagecodecs
import numpy as np

from eval.lossy_record import Image, LossyCodec, Prepared, Settings, Stream, absent, unit_floats

PART_OF_RANGE = "largest error, part of the image's range"
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
        unit_floats,
        lambda given, setting: imagecodecs.lerc_encode(given.plane, setting, compression="zstd"),
        lambda data, given: imagecodecs.lerc_decode(data),
        missing=absent("LERC"),
    )


def zfp() -> LossyCodec:
    """ZFP in its fixed-accuracy mode; the setting is the tolerance.

    The mode rounds tolerances down to a power of two, 6 dB apart. Dividing the image by the tolerance and asking for
    an accuracy of 1 gives every tolerance, and less error for the bits than the fixed-rate mode.
    """

    def compress(given: Prepared, setting: float) -> Stream:
        scaled = given.plane * np.float32(1 / setting)
        return np.float32(setting).tobytes() + imagecodecs.zfp_encode(scaled, 1, mode="a", numthreads=1)

    def expand(data: Stream, given: Prepared) -> Image:
        setting = np.frombuffer(data[:4], np.float32)[0]
        return np.asarray(imagecodecs.zfp_decode(data[4:], numthreads=1) * setting)

    return LossyCodec(
        "zfp",
        "float32, fixed accuracy of the image over the tolerance",
        "tolerance, part of the image's range",
        Settings(2.0, 2.0**-14, log=True),
        unit_floats,
        compress,
        expand,
        missing=absent("ZFP"),
    )


def sz3() -> LossyCodec:
    """SZ3 with an absolute bound, which is its setting."""
    return LossyCodec(
        "sz3",
        "float32, absolute bound",
        PART_OF_RANGE,
        BOUNDS,
        unit_floats,
        lambda given, setting: imagecodecs.sz3_encode(given.plane, "abs", abs=setting),
        lambda data, given: imagecodecs.sz3_decode(data, given.plane.shape, np.float32),
        missing=absent("SZ3"),
    )


def sperr() -> LossyCodec:
    """SPERR, which is SPECK on the 9/7 wavelets, towards a PSNR, which is its setting: no bits for outliers."""
    return LossyCodec(
        "sperr",
        "float32, towards a PSNR",
        "PSNR against the image's range, dB",
        Settings(10.0, 90.0),
        unit_floats,
        lambda given, setting: imagecodecs.sperr_encode(given.plane, setting, "psnr", numthreads=1),
        lambda data, given: imagecodecs.sperr_decode(data, numthreads=1),
        missing=absent("SPERR"),
    )
