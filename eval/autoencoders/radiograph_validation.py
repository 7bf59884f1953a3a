"""The study's measures of decoded images: squared error, MS-SSIM, divergence of histograms, intersection over union."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from eval.autoencoders.losses import custom_iou
from eval.autoencoders.radiograph_images import Images
from eval.autoencoders.radiograph_networks import PUBLISHED, Published
from eval.autoencoders.radiograph_sizes import Windows
from eval.autoencoders.training import Trained
from eval.confidence import mean_interval
from eval.metrics import ms_ssim
from zarr_neural.zoo.autoencoders.networks import TwoStages


@dataclass(frozen=True)
class ValidationRow:
    """Means over validation windows of decoded images, rounded to grey levels, white being 1.

    `kl` is the Kullback-Leibler divergence of the histogram of grey levels of the decoded window from that of the
    original, in nats, one added to every count; `iou` is equation 2 of the study. `iou_of_rest` is that of what a
    second stage made of what the first left. `published` columns are the study's.
    """

    model: str
    sha256: str
    parameters: int
    code_elements: int
    loss: str
    rate_asked: float
    rate: float
    steps: int
    windows: int
    mse: float
    mse_low: float
    mse_high: float
    ms_ssim: float
    kl: float
    iou: float
    iou_of_rest: float
    published_mse: float
    published_ms_ssim: float
    published_kl: float
    published_iou: float


def validate_all(trained: Sequence[Trained], given: Windows) -> list[ValidationRow]:
    """Return the measures of every network on windows."""
    rows = []
    for one in trained:
        decoded = one.model.decode(one.model.encode(given.images))
        errors = [float(np.mean(np.square(_unit(a) - _unit(b)))) for a, b in zip(given.images, decoded, strict=True)]
        pairs = list(zip(given.images, decoded, strict=True))
        known = PUBLISHED.get(one.recipe.name, Published(float("nan"), float("nan"), 0))
        rows.append(
            ValidationRow(
                one.recipe.name,
                one.digest,
                one.parameters,
                int(np.prod(one.model.network.code_shape)),
                one.recipe.loss,
                one.recipe.rate,
                one.rate,
                one.recipe.steps,
                len(pairs),
                *mean_interval(errors, [str(i) for i in range(len(errors))]),
                float(np.mean([ms_ssim(a, b, 255) for a, b in pairs])),
                float(np.mean([divergence(a, b) for a, b in pairs])),
                float(custom_iou(torch.from_numpy(_unit(given.images)), torch.from_numpy(_unit(decoded)))),
                _iou_of_rest(one, given.images),
                known.mse,
                known.ms_ssim,
                known.kl,
                known.iou,
            )
        )
    return rows


def divergence(original: Images, decoded: Images) -> float:
    """Return the Kullback-Leibler divergence of the histograms of two images, in nats.

    Examples
    --------
    >>> divergence(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    0.0
    """
    p, q = (1.0 + np.bincount(image.reshape(-1), minlength=256) for image in (original, decoded))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())


def _unit(images: Images) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(images, np.float64) / 255


def _iou_of_rest(one: Trained, images: Images) -> float:
    network = one.model.network
    if not isinstance(network, TwoStages):
        return float("nan")
    found = []
    with torch.inference_mode():
        for image in images:
            x = torch.from_numpy(_unit(image).astype(np.float32))[None, None]
            rest = x - network.encoder(x)
            found.append(custom_iou(rest, network.decoder(rest)).item())
    return float(np.mean(found))
