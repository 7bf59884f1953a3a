"""Picture sheets: original, decoded, difference, prediction and truth of the codecs at one rate, as PNGs in a table."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from eval.study import pictures
from eval.study.rows import Reconstruction

Image = NDArray[Any]
SHOWN = 2
"""Predictions of so many predictors, the first ones, are shown."""


@dataclass(frozen=True)
class Cell:
    """A picture and the words below it."""

    png: str
    caption: str = ""


@dataclass(frozen=True)
class Sheet:
    """Pictures of one image: headings, and for each codec a name and as many cells."""

    image: str
    headings: tuple[str, ...]
    first: tuple[Cell, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    notes: str


def png(values: Image, low: float, high: float) -> str:
    """Return a grey picture as a data URI, `low` black and `high` white."""
    grey = np.clip((values.astype(np.float64) - low) / max(high - low, 1e-12) * 255, 0, 255)
    data = imagecodecs.png_encode(np.rint(grey).astype(np.uint8), level=9)
    return "data:image/png;base64," + base64.b64encode(data).decode()


def difference(values: Image, other: Image, most: float) -> str:
    """Return a difference as a data URI: white for none, blue below and red above, full colour at `most`.

    It has 31 colours, which is all that is seen of it and a third of the bytes.
    """
    part = np.clip((other.astype(np.float64) - values.astype(np.float64)) / max(most, 1e-12), -1, 1)[..., None]
    part = np.rint(part * 15) / 15
    red, blue = np.array([178, 24, 43.0]), np.array([33, 102, 172.0])
    colour = 255 + np.where(part > 0, part * (red - 255), -part * (blue - 255))
    colours = np.ascontiguousarray(np.rint(colour).astype(np.uint8))
    data = imagecodecs.png_encode(colours, level=9, filter=imagecodecs.PNG.FILTER.NO)
    return "data:image/png;base64," + base64.b64encode(data).decode()


def sheet_of(out: Path, image: str, rows: Sequence[Reconstruction], codecs: Sequence[str], rate: float) -> Sheet | None:
    """Return the sheet of one image: each codec at its point nearest to a rate; None where no pictures were kept."""
    original = pictures.read(out, image, pictures.ORIGINAL)
    if original is None:
        return None
    raw = original["image"]
    low, high = np.percentile(raw, (0.2, 99.8))
    names = [name.removeprefix("truth ") for name in original if name.startswith("truth ")][:SHOWN]
    found: list[tuple[str, Reconstruction, dict[str, Image]]] = []
    for codec in codecs:
        some = [row for row in rows if row.codec == codec and row.image == image]
        for row in sorted(some, key=lambda row: abs(np.log(row.bits_per_pixel / rate)))[:1]:
            kept = pictures.read(out, image, f"{codec}@{row.point}")
            if kept is not None and 0.4 < row.bits_per_pixel / rate < 2.5:
                found.append((codec, row, kept))
    if not found:
        return None
    most = float(np.median([np.percentile(np.abs(kept["image"] - raw.astype(np.float64)), 99) for _, _, kept in found]))
    most = most or 1.0
    scales = {name: np.percentile(original[f"prediction {name}"], (0.5, 99.8)) for name in names}
    truths = {name: np.percentile(original[f"truth {name}"], (0.5, 99.8)) for name in names}
    first = [Cell(png(raw, low, high), "original"), Cell("", "")]
    for name in names:
        first += [Cell(png(original[f"prediction {name}"], *scales[name]), f"predicted from the original, {name}")]
    first += [Cell(png(original[f"truth {name}"], *truths[name]), "truth") for name in names[:1]]
    table = []
    for codec, row, kept in found:
        cells = [
            Cell(png(kept["image"], low, high), f"{row.bits_per_pixel:.2f} bpp, {row.psnr_db:.1f} dB"),
            Cell(difference(raw, kept["image"], most), f"largest error {row.max_error:.0f}"),
        ]
        for name in names:
            here = kept.get(f"prediction {name}")
            if here is not None:
                both = original[f"prediction {name}"].ravel(), here.ravel()
                alike = np.corrcoef(*both)[0, 1] if np.ptp(here) and np.ptp(both[0]) else np.nan
                caption = f"correlation to that from the original {alike:.3f}"
                cells.append(Cell(png(here, *scales[name]), caption))
        table.append((codec, tuple(cells)))
    headings = ("image", "difference", *(f"prediction {name}" for name in names), *(("truth",) if names else ()))
    notes = (
        f"Middle {raw.shape[0]} x {raw.shape[1]} pixels, each codec at its point nearest to {rate:g} bits per pixel. "
        f"Differences: red brighter, blue darker, full colour at {most:.0f} grey levels, in all rows alike."
    )
    return Sheet(image, headings, tuple(first), tuple(table), notes)
