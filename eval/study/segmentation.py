"""Phase 2: nuclei in the decoded fluorescence against those in the raw one."""

from __future__ import annotations

import math
from typing import Any

import dask
import numpy as np
from distributed import Client
from numpy.typing import NDArray

from eval.predictors import compare_labels, segment_nuclei
from eval.study.compare import blocks
from eval.study.reconstruction import SMALL_NBYTES, Decoded
from eval.study.rows import Segmentation
from eval.study.scan import Scan


def labels_of(block: NDArray[Any], valid: NDArray[np.bool_] | None) -> list[NDArray[Any]]:
    """Return the nuclei of every plane of a block; pixels that do not count hold none."""
    planes = block.reshape(-1, *block.shape[-2:])
    masks = np.ones(planes.shape, bool) if valid is None else valid.reshape(planes.shape)
    return [np.where(mask, segment_nuclei(plane), 0) for plane, mask in zip(planes, masks, strict=True)]


def raw_labels(client: Client, scan: Scan, tile: tuple[int, ...]) -> list[Any]:
    """Return the nuclei of the raw channel as tasks, block by block: computed once where they are small."""
    raw, valid = scan.channel.lazy(tile), scan.valid.lazy(tile)
    xs = blocks(raw, 0)
    tasks = [dask.delayed(labels_of, pure=False)(*pair) for pair in zip(xs, blocks(valid, len(xs)), strict=True)]
    if np.dtype(np.int32).itemsize * math.prod(scan.channel.shape) > SMALL_NBYTES:
        return tasks  # each is computed beside that of the decoded block, and let go
    return list(client.persist(tasks))


def segmentation(client: Client, of: Decoded, raw: list[Any]) -> Segmentation:
    """Return the row of one codec: figures are means over planes (or tiles of them) weighted by their nuclei."""
    tile = tuple(sizes[0] for sizes in of.lazy.chunks)
    masks = blocks(of.scan.valid.lazy(tile), len(raw))
    found = [
        dask.delayed(labels_of, pure=False)(block, mask) for block, mask in zip(blocks(of.lazy, 0), masks, strict=True)
    ]
    tasks = [dask.delayed(_compared, pure=False)(a, b) for a, b in zip(raw, found, strict=True)]
    parts = [part for block in client.gather(client.compute(tasks)) for part in block]
    weights = [nuclei for nuclei, _ in parts]
    total = sum(weights)

    def mean(name: str) -> float:
        return sum(nuclei * figures[name] for nuclei, figures in parts if nuclei) / total if total else float("nan")

    return Segmentation(
        of.scan.channel.image.name,
        of.scan.channel.image.group,
        of.scan.channel.name,
        of.entry.name,
        of.entry.kind,
        of.point.label,
        of.bits_per_pixel,
        total,
        mean("dice"),
        mean("f1"),
        mean("count_ratio"),
    )


def _compared(reference: list[NDArray[Any]], labels: list[NDArray[Any]]) -> list[tuple[int, dict[str, float]]]:
    return [(int(np.unique(a[a > 0]).size), compare_labels(a, b)) for a, b in zip(reference, labels, strict=True)]
