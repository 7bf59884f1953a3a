"""Bits per pixel of code and residual in stores that give back every pixel, beside codecs that need no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.autoencoders.cell_rates import steps_for
from eval.autoencoders.radiograph_images import Images
from eval.autoencoders.radiograph_networks import PUBLISHED, PUBLISHED_PNG_BPP
from eval.autoencoders.stores import chunk_bytes, store
from eval.autoencoders.training import Trained
from eval.confidence import mean_interval
from zarr_neural import NeuralCodec
from zarr_neural.zoo.autoencoders import ResidualCodec
from zarr_neural.zoo.autoencoders.residual_codec import CODERS
from zarr_neural.zoo.classical import ClassicalCodec

OTHERS = {"png-9": "PNG", "jpegxl-7": "JPEG XL", "jpegls": "JPEG-LS"}
"""Lossless codecs of the zoo, and what they are called here."""
TRIED = 6
"""Windows on which the step of the codes is chosen: that of the smallest chunks with PNG, as in the study."""


NAN = float("nan")


class LossError(Exception):
    """A store gave back other pixels than were written to it."""


@dataclass(frozen=True)
class Windows:
    """Windows (N, 256, 256), and the name of the image that each is from."""

    images: Images
    names: list[str]


@dataclass(frozen=True)
class SizeRow:
    """One codec on the windows of a part; bits per pixel, nan where something has no such part."""

    model: str
    residual: str
    code: str
    step: float
    part: str
    windows: int
    code_bpp: float
    residual_bpp: float
    as_published_bpp: float
    total_bpp: float
    total_low: float
    total_high: float
    against_path_l_percent: float
    lossless: bool
    published_residual_bpp: float
    published_total_bpp: float


@dataclass(frozen=True)
class _Part:
    name: str
    windows: Windows
    path_l: float  # mean bytes of a window

    def bpp(self, nbytes: Sequence[int]) -> float:
        return float(8 * np.mean(nbytes) / self.windows.images[0].size)

    def row(
        self,
        names: tuple[str, str, str],
        sizes: Sequence[int],
        step: float = NAN,
        parts_bpp: tuple[float, float, float] = (NAN, NAN, NAN),
        published: tuple[float, float] = (NAN, NAN),
    ) -> SizeRow:
        bits = [8 * size / self.windows.images[0].size for size in sizes]
        interval = mean_interval(bits, [str(i) for i in range(len(bits))])
        against = 100 * (float(np.mean(sizes)) / self.path_l - 1)
        return SizeRow(*names, step, self.name, len(sizes), *parts_bpp, *interval, against, True, *published)


def measure_sizes(
    trained: Sequence[Trained], parts: Mapping[str, Windows], folder: Path, say: Callable[[str], None]
) -> list[SizeRow]:
    """Return sizes of original windows, and of code and residual by each network and coder, part by part.

    Raises
    ------
    LossError
        If one pixel comes back changed.
    """
    steps = {one.recipe.name: _best_step(one, parts["training"].images) for one in trained}
    rows = []
    for name, given in parts.items():
        own = _sizes(folder / f"path-l-{name}.zarr", NeuralCodec(lossless=True), given.images)
        part = _Part(name, given, float(np.mean(own)))
        rows.append(part.row(("none: path L", "neural", ""), own))
        for family, title in OTHERS.items():
            sizes = _sizes(folder / f"{family}-{name}.zarr", ClassicalCodec(family, lossless=True), given.images)
            published = (NAN, PUBLISHED_PNG_BPP) if title == "PNG" and name == "validation" else (NAN, NAN)
            rows.append(part.row((f"none: {title}", family, ""), sizes, published=published))
        for one in trained:
            for step in (None, steps[one.recipe.name]):
                for coder in CODERS:
                    say(f"{name}: {one.recipe.name}, {coder}, step {step}")
                    rows.append(_measure(one, part, coder, step, folder))
    return rows


def _measure(one: Trained, part: _Part, coder: str, step: float | None, folder: Path) -> SizeRow:
    codec = ResidualCodec(str(one.path), coder, step)
    kind = "float32" if step is None else "quantised"
    path = folder / f"{one.recipe.name}-{coder}-{kind}-{part.name}.zarr"
    sizes = _sizes(path, codec, part.windows.images)
    found = [codec.parts(data) for data in chunk_bytes(path)]
    code_bpp, residual_bpp = part.bpp([each.codes for each in found]), part.bpp([each.residuals for each in found])
    floats = 32 * one.model.statistics.classes.size / part.windows.images[0].size
    known = PUBLISHED.get(one.recipe.name)
    published = (NAN, NAN)
    if known and coder == "png" and step is None and part.name == "validation":
        published = (known.residual_bpp, known.total_bpp)
    bits = (code_bpp, residual_bpp, residual_bpp + floats if step is None else NAN)
    return part.row((one.recipe.name, coder, kind), sizes, NAN if step is None else step, bits, published)


def _sizes(path: Path, codec: Any, images: Images) -> list[int]:
    """Return the bytes of every chunk of a store that gives back what was written."""
    array = store(path, codec, images)
    if not np.array_equal(np.asarray(array[:]), images):
        raise LossError(f"{path.name} gives back other pixels than were written")
    return [len(data) for data in chunk_bytes(path)]


def _best_step(one: Trained, images: Images) -> float:
    few = images[:: max(1, len(images) // TRIED)]

    def size(step: float) -> int:
        codec = ResidualCodec(str(one.path), "png", step)
        return sum(len(codec.encode(image)) for image in few)

    return min(steps_for(one.model.statistics), key=size)
