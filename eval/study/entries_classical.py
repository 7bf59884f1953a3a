"""Classical codecs in a study: families at an equal error, lossless ones, and those of the study that is redone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from eval.study.entry import AS_IN_THE_STUDY, CLASSICAL, LOSSLESS, Entry, Given, Point
from zarr_neural.zoo import classical
from zarr_neural.zoo.classical.library import absent
from zarr_neural.zoo.classical.study_tiles import TILE_CODECS

LOSSY_NAMES = (
    "jpegxl-7", "jpegxl-3", "jpeg2000", "htj2k", "jpegxr", "avif-6", "webp", "lerc", "sperr", "zfp", "sz3"
)  # fmt: skip
LOSSLESS_NAMES = ("jpegxl-7", "jpeg2000", "blosc-bit-5")


def at_setting(family: str, setting: float, given: Given) -> Any:
    """Return a lossy family at a setting, one step for the whole image."""
    return classical.ClassicalCodec(family, setting, low=given.low, high=given.high)


def lossless(family: str, setting: float, given: Given) -> Any:
    """Return a lossless family."""
    return classical.ClassicalCodec(family, lossless=True)


def as_in_the_study(family: str, setting: float, given: Given) -> Any:
    """Return a codec as the study had it, which has nothing to set."""
    return classical.StudyTiles(family)


def entries() -> Iterator[Entry]:
    """Yield the classical codecs."""
    for name in LOSSY_NAMES:
        family = classical.FAMILIES[name]
        yield Entry(
            name,
            CLASSICAL,
            f"{family.setting} ({family.options})",
            partial(at_setting, name),
            settings=family.settings,
            dtypes=family.dtypes,
            missing=family.missing,
        )
    for name, tile in TILE_CODECS.items():
        yield Entry(
            f"{name}-study",
            AS_IN_THE_STUDY,
            f"level 8 in tiles of 16 x 16: {tile.meaning}",
            partial(as_in_the_study, name),
            (Point("level 8", 8.0),),
            dtypes=frozenset({"uint8", "uint16"}),
            missing=absent(tile.library),
        )
    for name in LOSSLESS_NAMES:
        yield Entry(
            f"{name}-lossless",
            LOSSLESS,
            "none",
            partial(lossless, name),
            (Point("lossless", 0.0),),
            missing=classical.LOSSLESS[name].missing,
        )
