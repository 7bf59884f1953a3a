"""Codes of cells as bytes, beside other codecs at equal size and at equal error, image by image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.autoencoders.cells import Cell, stacked
from eval.autoencoders.stores import chunk_bytes, store
from eval.autoencoders.training import Trained
from eval.confidence import mean_interval
from eval.lossy_ours import ours
from eval.matched import OnePlane, Search
from eval.metrics import psnr_db, rmse
from zarr_neural.zoo.autoencoders import AutoencoderCodec
from zarr_neural.zoo.autoencoders.codes import Statistics
from zarr_neural.zoo.classical import FAMILIES
from zarr_neural.zoo.classical.library import imagecodecs
from zarr_neural.zoo.classical.record import Settings

FACTORS = (2.0, 1.0, 0.5, 0.25, 0.125, 0.0625)
"""Steps, in root mean squares of the codes of training images."""
SIZE_TOLERANCE, ERROR_TOLERANCE_DB = 0.05, 0.2
JPEG_SCAN = "jpeg-scan"
"""JPEG with the Huffman tables of the standard, of which only what follows the headers is counted: as if a store kept
them once. The row ``jpeg`` has tables of its own for each image, and counts them."""


@dataclass(frozen=True)
class RateRow:
    """One image coded by one auto-encoder at one step, and what another codec makes of it.

    Sizes are bytes of chunks, errors PSNR in dB against the range of the image. ``_reached`` says whether the other
    codec has a setting of that size (5 %) or that error (0.2 dB); where not, its nearest one is given.
    """

    model: str
    step: float
    well: str
    image: str
    nbytes: int
    rmse: float
    psnr_db: float
    codec: str
    size_nbytes: float
    size_psnr_db: float
    size_reached: bool
    error_nbytes: float
    error_psnr_db: float
    error_reached: bool


@dataclass(frozen=True)
class RateSummary:
    """Means over images with 95 % intervals by wells; `bytes_ratio` is how many times the bytes of the other codec."""

    model: str
    step: float
    bits_per_pixel: float
    psnr_db: float
    codec: str
    images: int
    better_db_at_equal_size: float
    better_db_low: float
    better_db_high: float
    size_reached: int
    bytes_ratio_at_equal_error: float
    bytes_ratio_low: float
    bytes_ratio_high: float
    error_reached: int


def steps_for(statistics: Statistics) -> list[float]:
    """Return the steps that make a curve, of three digits."""
    counts = np.bincount(statistics.classes)
    squares = np.square(statistics.quantiles.astype(np.float64)).mean(1)
    size = math.sqrt(float((counts * squares).sum() / counts.sum()))
    return [float(f"{factor * max(size, 1e-6):.3g}") for factor in FACTORS]


def rivals(image: NDArray[np.uint8]) -> dict[str, Search]:
    """Return the codecs that are compared, ready to be searched for one image."""
    span = float(np.ptp(image))
    wide = Settings(10.0, 75.0)
    records = [FAMILIES["jpeg"], FAMILIES["jpeg2000"]]
    records += [replace(ours(preset), settings=wide) for preset in ("fast", "dense")]
    planes = {record.name: OnePlane(record, image, span) for record in records if not record.missing}
    found = {name: Search(plane.codec.settings, plane.measure) for name, plane in planes.items()}
    if "jpeg" in planes:
        found[JPEG_SCAN] = Search(planes["jpeg"].codec.settings, partial(_scan_alone, image, span))
    return found


def _scan_alone(image: NDArray[np.uint8], span: float, setting: float) -> tuple[int, float]:
    codec = FAMILIES["jpeg"]
    prepared = codec.prepare(image)
    data = bytes(imagecodecs().jpeg8_encode(prepared.plane, int(setting)))
    start = data.index(b"\xff\xda")
    header = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return len(data) - header, psnr_db(rmse(image, codec.restore(data, image.shape, prepared.scale)), span)


def compare(trained: Sequence[Trained], cells: Sequence[Cell], folder: Path) -> list[RateRow]:
    """Return the rows of every network, step, image and codec; chunks lie in stores in `folder` afterwards."""
    rows: list[RateRow] = []
    images = stacked(list(cells))
    searches = [rivals(image) for image in images]
    for one in trained:
        for step in steps_for(one.model.statistics):
            path = folder / f"{one.recipe.name}-step-{step:g}.zarr"
            array = store(path, AutoencoderCodec(str(one.path), step), images, [cell.name for cell in cells])
            decoded, sizes = np.asarray(array[:]), [len(data) for data in chunk_bytes(path)]
            for cell, image, there, nbytes, found in zip(cells, images, decoded, sizes, searches, strict=True):
                error = rmse(image, there)
                quality = psnr_db(error, float(np.ptp(image)))
                rows += [
                    RateRow(
                        one.recipe.name,
                        step,
                        cell.well,
                        cell.name,
                        nbytes,
                        error,
                        quality,
                        name,
                        *_at_size(search, nbytes),
                        *_at_error(search, quality),
                    )
                    for name, search in found.items()
                ]
    return rows


def _at_size(search: Search, nbytes: int) -> tuple[float, float, bool]:
    trial = search.at_rate(nbytes)
    return trial.nbytes, trial.psnr_db, abs(trial.nbytes / nbytes - 1) <= SIZE_TOLERANCE


def _at_error(search: Search, quality: float) -> tuple[float, float, bool]:
    """Return bytes and PSNR at an error: between two trials along the line through them."""
    trials = search.nearest(quality)
    if len(trials) == 2 and trials[1].psnr_db - trials[0].psnr_db > 0 and not trials[1].lossless:
        part = (quality - trials[0].psnr_db) / (trials[1].psnr_db - trials[0].psnr_db)
        return math.exp((1 - part) * math.log(trials[0].nbytes) + part * math.log(trials[1].nbytes)), quality, True
    trial = min(trials, key=lambda one: abs(one.psnr_db - quality))
    return trial.nbytes, trial.psnr_db, abs(trial.psnr_db - quality) <= ERROR_TOLERANCE_DB


def summarise(rows: Sequence[RateRow]) -> list[RateSummary]:
    """Return means over the images of each network, step and codec, over those that the other codec reached."""
    result = []
    for key in dict.fromkeys((row.model, row.step, row.codec) for row in rows):
        of = [row for row in rows if (row.model, row.step, row.codec) == key]
        sized, wrong = [row for row in of if row.size_reached], [row for row in of if row.error_reached]
        better = mean_interval([row.size_psnr_db - row.psnr_db for row in sized], [row.well for row in sized])
        ratio = mean_interval([math.log(row.error_nbytes / row.nbytes) for row in wrong], [row.well for row in wrong])
        result.append(
            RateSummary(
                key[0],
                key[1],
                8 * float(np.mean([row.nbytes for row in of])) / 128**2,
                float(np.mean([row.psnr_db for row in of])),
                key[2],
                len(of),
                *better,
                len(sized),
                math.exp(ratio[0]),
                math.exp(ratio[1]),
                math.exp(ratio[2]),
                len(wrong),
            )
        )
    return result
