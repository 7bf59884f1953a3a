"""Phase 2: what a trained predictor makes of the decoded image, against what it makes of the raw one and the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dask.array as da
from distributed import Client
from numcodecs import Blosc

from eval.predictors import normalisation
from eval.study.compare import Comparison, compare, summed
from eval.study.image import StudyImage
from eval.study.recode import create, reading, writing
from eval.study.reconstruction import SMALL_NBYTES, Decoded
from eval.study.rows import LabelFree
from eval.study.scan import Scan
from eval.study.structure import tile_shape
from eval.study.sums import Sums, moments
from eval.study.valid import Valid

PAIRS = ("decoded/raw", "decoded/truth", "raw/truth")
ORIGINAL = "original"


@dataclass(frozen=True)
class Raw:
    """What all codecs of one image are compared with for one predictor.

    Attributes
    ----------
    image
        The image.
    predictor
        The predictor.
    low, high
        The numbers by which it normalises its input, measured on the raw image.
    prediction
        From the raw image; of a volume whose truth is one plane, its mean over Z.
    truth
        Scan of the channel that it predicts.
    valid
        Pixels that count.
    """

    image: StudyImage
    predictor: Any
    low: float
    high: float
    prediction: da.Array
    truth: Scan
    valid: Valid

    @property
    def tile(self) -> tuple[int, ...]:
        """Blocks in which predictions are compared."""
        return tuple(sizes[0] for sizes in self.prediction.chunks)

    def predicted(self, image: da.Array) -> da.Array:
        """Return the prediction from an image of the shape of the raw one, of the truth's shape and lazy."""
        found = self.predictor.predict(image, self.low, self.high)
        return found.mean(axis=0) if found.ndim > self.truth.channel.ndim else found


def raw_prediction(client: Client, predictor: Any, scan: Scan, truth: Scan, path: Path) -> Raw:
    """Return the prediction from the raw image, kept in memory where it is small and else in a store."""
    image = scan.channel.lazy(tile_shape(scan.channel.shape, (1,) * scan.channel.ndim))
    low, high = normalisation(_readable(scan, image))
    projected = truth.channel.ndim < scan.channel.ndim
    if projected:  # a chunk that is lost in one plane is lost in the mean over planes
        shadows = tuple(replace(damage, region=damage.region[-truth.channel.ndim :]) for damage in scan.channel.damaged)
        valid = truth.valid.without(shadows)
    else:
        valid = scan.valid.without(truth.channel.damaged)
    raw = Raw(scan.channel.image, predictor, low, high, image, truth, valid)
    tile = tile_shape(truth.channel.shape, (1,) * truth.channel.ndim)
    return replace(raw, prediction=kept(client, raw.predicted(image), tile, path))


def _readable(scan: Scan, image: da.Array) -> da.Array:
    """Return the image with 0, which normalisation leaves out, where chunks cannot be read."""
    if not scan.channel.damaged:
        return image
    there = Valid(scan.channel.image, "", scan.channel.damaged).lazy(tuple(sizes[0] for sizes in image.chunks))
    return da.where(there, image, 0)


def kept(client: Client, array: da.Array, tile: tuple[int, ...], path: Path) -> da.Array:
    """Return an array that is computed once: in the workers' memory where it is small, else in a store."""
    array = array.rechunk(tile)
    if array.nbytes <= SMALL_NBYTES:
        return client.persist(array)
    target = create(path, array.shape, array.dtype, tile, Blosc("lz4"))
    client.compute(writing(array, target)).result()
    return reading(path, tile)


def label_free(client: Client, raw: Raw, of: Decoded, path: Path) -> tuple[list[LabelFree], da.Array]:
    """Return the rows of the pairs with the prediction from the decoded image, and that prediction."""
    prediction = kept(client, raw.predicted(of.lazy), raw.tile, path)
    head = (of.entry.name, of.entry.kind, of.point.label, of.bits_per_pixel)
    rows = [
        _row(raw, head, "decoded/raw", _against(client, raw, raw.prediction, prediction)),
        _row(raw, head, "decoded/truth", _against_truth(client, raw, prediction)),
    ]
    return rows, prediction


def of_the_raw(client: Client, raw: Raw, bits: float) -> LabelFree:
    """Return the row of the prediction from the raw image against the truth."""
    return _row(raw, (ORIGINAL, ORIGINAL, "raw", bits), "raw/truth", _against_truth(client, raw, raw.prediction))


def _range_of_reference(sums: Sums) -> float:
    return float(sums.x_ends[1] - sums.x_ends[0])


def _against(client: Client, raw: Raw, reference: da.Array, other: da.Array) -> Comparison:
    """Compare two predictions in their common units; figures are then given in deviations of the reference."""
    return compare(client, reference, other, raw.valid.lazy(raw.tile), _range_of_reference, several=False)


def _against_truth(client: Client, raw: Raw, prediction: da.Array) -> Comparison:
    """Compare a prediction with the truth, each z-scored by itself."""
    truth = raw.truth.channel.lazy(raw.tile).astype("f4")
    valid = raw.valid.lazy(raw.tile)
    sums = summed(client, truth, prediction, valid)
    of_truth, of_prediction = moments(sums.count, sums.x, sums.xx), moments(sums.count, sums.y, sums.yy)
    x = (truth - of_truth.mean) / (of_truth.deviation or 1.0)
    y = (prediction - of_prediction.mean) / (of_prediction.deviation or 1.0)
    return compare(client, x.astype("f4"), y.astype("f4"), valid, _range_of_reference, several=False)


def _row(raw: Raw, head: tuple[str, str, str, float], pair: str, found: Comparison) -> LabelFree:
    deviation = found.x.deviation
    return LabelFree(
        raw.image.name,
        raw.image.group,
        *head,
        predictor=raw.predictor.id[:12],
        architecture=raw.predictor.architecture,
        trained_on=raw.predictor.trained_on,
        target=raw.truth.channel.name,
        pair=pair,
        valid=found.sums.count,
        data_range=found.data_range / deviation if deviation > 0 else float("nan"),
        mse=found.mse / deviation**2 if deviation > 0 else float("nan"),
        ssim=found.ssim,
        psnr_db=found.psnr_db,
        correlation=found.correlation,
        mse_z=found.mse_z,
        ssim_z=found.ssim_z,
        psnr_z_db=found.psnr_z_db,
    )
