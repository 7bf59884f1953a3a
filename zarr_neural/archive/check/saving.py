"""What `--noise 1` would have saved after a lossless run, estimated on a few pieces of a few of its stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from zarr_neural.archive.ask.request import Request, make_codec
from zarr_neural.archive.check.report import ImageReport
from zarr_neural.errors import ZarrNeuralError

STORES = 4
SIDE = 512


def with_noise_saving(reports: Sequence[ImageReport]) -> list[ImageReport]:
    """Return the reports with an estimate in up to four of those that were just stored losslessly.

    At most four pieces of 512 x 512 pixels are coded anew, however many files there were: one of each of four stores,
    or several planes of fewer.

    Parameters
    ----------
    reports : sequence of ImageReport
        Of one run.
    """
    suited = [number for number, report in enumerate(reports) if _is_suited(report)]
    found = list(reports)
    chosen = suited if len(suited) <= STORES else [suited[part * len(suited) // STORES] for part in range(STORES)]
    for number in chosen:
        saving = _saving(Path(reports[number].target), max(1, STORES // len(chosen)))
        found[number] = replace(reports[number], noise_saving=saving)
    return found


def _is_suited(report: ImageReport) -> bool:
    """Whether an image was converted losslessly, and could have been converted with a loss in its noise."""
    dtype = np.dtype(report.dtype or "f4")
    lossless = report.status == "converted" and report.method == "lossless" and not report.labels
    return lossless and dtype.kind in "iu" and dtype.itemsize <= 2


def _saving(store: Path, pieces: int) -> float | None:
    """The share of bytes saved on some pieces of the full resolution, None where that cannot be read any more."""
    try:
        found = _pieces(zarr.open_array(store / "0", mode="r"), pieces)
    except (ZarrNeuralError, OSError, ValueError):
        return None
    exact = noisy = 0
    for piece in found:
        exact += len(make_codec(Request(), 3).configuration.encode(piece, False))
        noisy += len(make_codec(Request("noise", 1.0), 3).configuration.encode(piece, False))
    return round(max(0.0, 1 - noisy / exact), 3) if exact else None


def _pieces(array: Any, count: int) -> list[npt.NDArray[Any]]:
    """Pieces of the middle of some planes, spread evenly over all of them."""
    leading = array.shape[:-2]
    planes = int(np.prod(leading, dtype=np.int64))
    starts = [(size - min(size, SIDE)) // 2 for size in array.shape[-2:]]
    middle = tuple(slice(start, start + SIDE) for start in starts)
    numbers = sorted({(2 * part + 1) * planes // (2 * count) for part in range(count)})
    return [np.asarray(array[(*np.unravel_index(n, leading), *middle)] if leading else array[middle]) for n in numbers]
