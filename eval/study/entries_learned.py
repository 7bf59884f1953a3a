"""Learned codecs in a study, each at its own qualities: CompressAI's published networks and those trained here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from eval.study.entry import LEARNED, Entry, Given, Point
from zarr_neural.zoo.learned import FactorizedPrior3D, ZooCodec
from zarr_neural.zoo.learned.architectures import ARCHITECTURES, METRICS, RGB_QUALITIES
from zarr_neural.zoo.weights import DIRECTORY_VARIABLE

WEIGHTS = Path(__file__).parents[1] / "zoo_weights"
"""Weights trained here; searched after the user's folders, in every process that imports this, so that no codec's
configuration names a folder of this machine."""
os.environ[DIRECTORY_VARIABLE] = os.pathsep.join(filter(None, (os.environ.get(DIRECTORY_VARIABLE), str(WEIGHTS))))
GREY_QUALITIES = (1, 2, 4, 6, 8)
VOLUME_CHUNK = (16, 256, 256)


def planes(name: str, metric: str, channels: int, setting: float, given: Given) -> Any:
    """Return a learned codec of planes at a quality."""
    return ZooCodec(name, metric, int(setting), channels, low=given.low, high=given.high)


def volumes(metric: str, setting: float, given: Given) -> Any:
    """Return the learned codec of volumes at a quality."""
    return FactorizedPrior3D(int(setting), metric, low=given.low, high=given.high)


def entries() -> Iterator[Entry]:
    """Yield the learned codecs: three channels with published weights, one channel trained here, volumes."""
    for channels, suffix in ((3, ""), (1, "-grey")):
        for name in ARCHITECTURES:
            for metric in METRICS:
                wanted = range(1, RGB_QUALITIES[name] + 1) if channels == 3 else GREY_QUALITIES
                lacking = {quality: ZooCodec.missing(name, metric, quality, channels) for quality in wanted}
                here = [quality for quality, why in lacking.items() if not why]
                yield Entry(
                    f"{name}-{metric}{suffix}",
                    LEARNED,
                    "quality",
                    partial(planes, name, metric, channels),
                    _points(here),
                    missing="" if here else next(iter(lacking.values())),
                )
    for metric in METRICS:
        lacking = {quality: FactorizedPrior3D.missing(metric, quality) for quality in GREY_QUALITIES}
        here = [quality for quality, why in lacking.items() if not why]
        yield Entry(
            f"bmshj2018-factorized-3d-{metric}",
            LEARNED,
            "quality",
            partial(volumes, metric),
            _points(here),
            chunk=VOLUME_CHUNK,
            ndim=3,
            missing="" if here else next(iter(lacking.values())),
        )


def _points(qualities: list[int]) -> tuple[Point, ...]:
    return tuple(Point(f"q{quality}", float(quality)) for quality in qualities)
