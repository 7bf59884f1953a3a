"""What a study found, in plain sentences that are made from its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from eval.study.entry import LEARNED, LOSSLESS, OURS
from eval.study.rows import Reconstruction
from eval.study.tables import ERROR_MATCHED, FIXED, NUCLEI_THRESHOLD, RATE_MATCHED, THRESHOLD, Figure

LESS = 0.98
"""A codec is only called better where it needs less than this part of the bits."""


def summary(
    rows: Sequence[Reconstruction], figures: Sequence[Figure], channel: str, predictors: Mapping[str, str]
) -> list[str]:
    """Return the sentences of the summary: what was measured, what is smallest, where ours lose.

    `predictors` has the name of each model in words.
    """
    images = sorted({row.image for row in rows if row.channel == channel})
    groups = {row.group for row in rows if row.channel == channel}
    found = [
        f"{len(images)} image{'s'[: len(images) != 1]} in {len(groups)} group{'s'[: len(groups) != 1]}, channel "
        f"“{channel}”, {len({row.codec for row in rows})} codecs, {len(rows)} stores written and read back."
    ]
    here = [figure for figure in figures if figure.of == channel]
    found += _lossless(here)
    found += _equal_error(here)
    found += _equal_rate(here)
    found += _learned(here)
    found += _thresholds(figures, predictors)
    found += _nuclei(figures)
    return found


def ranked(figures: Sequence[Figure], table: str, at: str, metric: str, *, least: bool) -> list[Figure]:
    """Return the figures of one column of a table, the best median first; only codecs that all images have."""
    some = [f for f in figures if (f.table, f.at, f.metric) == (table, at, metric) and not math.isnan(f.median)]
    most = max((f.images for f in some), default=0)
    return sorted((f for f in some if f.images == most), key=lambda f: f.median if least else -f.median)


def _lossless(figures: Sequence[Figure]) -> list[str]:
    some = ranked(figures, FIXED, "lossless", "bits_per_pixel", least=True)
    own = [f for f in some if f.codec.startswith("zarr_neural")]
    others = [f for f in some if f.kind == LOSSLESS and f not in own]
    if not own or not others:
        return []
    return [
        f"Without any loss {own[0].codec} needs {own[0].median:.2f} bits per pixel (median over images), "
        f"{others[0].codec} {others[0].median:.2f}: {_more_or_less(own[0].median, others[0].median)}."
    ]


def _equal_error(figures: Sequence[Figure]) -> list[str]:
    wins: list[str] = []
    losses: list[str] = []
    for at in _places(figures, ERROR_MATCHED):
        order = ranked(figures, ERROR_MATCHED, at, "bits_per_pixel", least=True)
        own, others = [f for f in order if f.kind == OURS], [f for f in order if f.kind != OURS]
        if not own or not others:
            continue
        text = (
            f"at {at} {own[0].codec} {_bits(own[0])}, {others[0].codec} {_bits(others[0])} "
            f"({_more_or_less(own[0].median, others[0].median)})"
        )
        (wins if own[0].median < others[0].median else losses).append(text)
    found = []
    if wins:
        found.append(
            "At an equal error (PSNR against each image's range) ours is smaller than the best of the others: "
            + "; ".join(wins) + "."
        )  # fmt: skip
    if losses:
        found.append("At an equal error ours loses to the best of the others: " + "; ".join(losses) + ".")
    return found


def _equal_rate(figures: Sequence[Figure]) -> list[str]:
    losses, cells = [], 0
    for metric, name, digits in (("psnr_db", "PSNR", 1), ("ssim", "SSIM", 3), ("ms_ssim", "MS-SSIM", 4)):
        for at in _places(figures, RATE_MATCHED):
            order = ranked(figures, RATE_MATCHED, at, metric, least=False)
            own = [f for f in order if f.kind == OURS]
            if not own or len(order) < 2:
                continue
            cells += 1
            if order[0].kind != OURS and f"{order[0].median:.{digits}f}" != f"{own[0].median:.{digits}f}":
                losses.append(
                    f"{name} at {at}: {order[0].codec} {order[0].median:.{digits}f}, "
                    f"{own[0].codec} {own[0].median:.{digits}f}"
                )
    if not cells:
        return []
    if not losses:
        return [f"At equal rates ours is the best in all {cells} places of the table (PSNR, SSIM, MS-SSIM)."]
    return [f"At equal rates ours is not the best in {len(losses)} of {cells} places: " + "; ".join(losses) + "."]


def _learned(figures: Sequence[Figure]) -> list[str]:
    learned = [f for f in figures if f.kind == LEARNED and f.table == ERROR_MATCHED]
    for at in ("40 dB", "35 dB", "30 dB"):
        some = [f for f in learned if f.at == at and f.images]
        own = [f for f in figures if (f.table, f.at, f.kind) == (ERROR_MATCHED, at, OURS) and f.images]
        if some and own:
            best, ours = min(some, key=lambda f: f.median), min(own, key=lambda f: f.median)
            return [
                f"Of the learned codecs {best.codec} comes closest at {at}: {_bits(best)} on {best.images} images that "
                f"reach it, {ours.codec} {_bits(ours)}."
            ]
    return []


def _thresholds(figures: Sequence[Figure], predictors: Mapping[str, str]) -> list[str]:
    found = []
    for predictor in dict.fromkeys(f.of for f in figures if f.table == THRESHOLD):
        some = [f for f in figures if f.table == THRESHOLD and f.of == predictor]
        parts = []
        for at in dict.fromkeys(f.at for f in some):
            order = ranked(some, THRESHOLD, at, "bits_per_pixel", least=True)
            if not order or math.isinf(order[0].median):
                parts.append(f"{at} at no measured rate")
                continue
            own = [f for f in order if f.kind == OURS]
            text = f"{at} from {_rate(order[0])} on with {order[0].codec}"
            if own and own[0] is not order[0]:
                text += f" (ours, {own[0].codec}, from {_rate(own[0])}{_why(some, at, order[0], own[0])})"
            elif len(order) > 1:
                others = [f for f in order if f.kind != OURS]
                text += f" (best of the others: {others[0].codec}, {_rate(others[0])})" if others else ""
            parts.append(text)
        found.append(
            f"Predictions of {predictors[predictor]} stay correlated with those from the raw image by "
            + "; ".join(parts)
            + "."
        )
    return found


def _why(figures: Sequence[Figure], at: str, best: Figure, own: Figure) -> str:
    """Return why another codec is ahead of ours at a threshold, by the PSNR that each has there."""
    errors = {f.codec: f.median for f in figures if f.at == at and f.metric == "psnr_db" and f.images}
    if best.codec not in errors or own.codec not in errors:
        return ""
    words = f"{errors[best.codec]:.1f} dB do with {best.codec}, {errors[own.codec]:.1f} dB are needed with ours"
    if errors[best.codec] < errors[own.codec] - 0.1:
        return f": its errors disturb the prediction less, {words}"
    return f": it needs fewer bits for its error, {words}"


def _nuclei(figures: Sequence[Figure]) -> list[str]:
    parts = []
    for at in _places(figures, NUCLEI_THRESHOLD):
        order = ranked(figures, NUCLEI_THRESHOLD, at, "bits_per_pixel", least=True)
        if not order or math.isinf(order[0].median):
            parts.append(f"F1 {at} at no measured rate")
            continue
        text = f"F1 {at} from {_rate(order[0])} on with {order[0].codec}"
        other = next((f for f in order if (f.kind == OURS) != (order[0].kind == OURS)), None)
        if other is not None:
            whose = "ours" if other.kind == OURS else "best of the others"
            text += f" ({whose}: {other.codec}, {_rate(other)})"
        parts.append(text)
    if not parts:
        return []
    return ["Nuclei found in decoded fluorescence agree with those in the raw one: " + "; ".join(parts) + "."]


def _places(figures: Sequence[Figure], table: str) -> list[str]:
    return list(dict.fromkeys(f.at for f in figures if f.table == table))


def _bits(figure: Figure) -> str:
    return f"{figure.median:.2f} bits per pixel" if figure.median >= 0.1 else f"{figure.median:.3f} bits per pixel"


def _rate(figure: Figure) -> str:
    if math.isinf(figure.median):
        return "no measured rate"
    return f"{_bits(figure)}, the least measured," if figure.bound else _bits(figure)


def _more_or_less(ours: float, other: float) -> str:
    percent = 100 * (ours / other - 1)
    return f"{abs(percent):.0f} % {'less' if percent < 0 else 'more'}"
