"""The detector of labels on real images, on what segmentation makes of them, and on images of light that look alike."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters, measure, segmentation
from skimage.morphology import disk, h_maxima, white_tophat

from eval.images import read_planes, spread
from zarr_neural.chunk import holds_names
from zarr_neural.chunk.names import hardly_varies

Image = NDArray[Any]
MASKS = ("xy_8bit_glialcells.tif", "xy_8bit_glialcells2.tif")
"""Files among the shared ones that are segmentations themselves."""
TILE = 256
"""Side of the chunks that are judged one by one, as the codec judges them."""
LARGEST = 768
"""Labels are made of the middle of a plane, at most of this side in pixels."""
LEAST = 64
"""Of planes with shorter sides nothing is made."""
COLUMNS = ("kind", "made", "part", "images", "wrong", "tiles", "tiles_wrong", "first_wrong")


@dataclass
class Tally:
    """What the detector said of one way of making images, on tuned or on held-out specimens."""

    kind: str
    made: str
    part: str
    images: int = 0
    wrong: int = 0
    tiles: int = 0
    tiles_wrong: int = 0
    first_wrong: str = ""

    def add(self, name: str, image: Image) -> None:
        """Judge an image as a whole, and its tiles; constant ones are neither and do not count."""
        names = self.kind == "names"
        if image.min() == image.max():
            return
        self.images += 1
        if holds_names(image) != names:
            self.wrong += 1
            self.first_wrong = self.first_wrong or name
        for tile in tiles(image):
            if tile.min() != tile.max():
                self.tiles += 1
                self.tiles_wrong += (holds_names(tile) or (names and hardly_varies(tile[None]))) != names


def tiles(image: Image) -> Iterator[Image]:
    """Whole tiles of an image; the image itself where it is smaller."""
    for top in range(0, max(1, image.shape[0] - TILE + 1), TILE):
        for left in range(0, max(1, image.shape[1] - TILE + 1), TILE):
            yield image[top : top + TILE, left : left + TILE]


def specimens(data: Path) -> list[tuple[str, list[Path]]]:
    """Folders of images below a root, each a group of its own; single files of mixed collections are groups too."""
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in (".tif", ".png"))

    def group(path: Path) -> str:
        inside = path.relative_to(data)
        alone = len(inside.parts) == 2 and inside.parts[0] != "neurons-phase-zstack"
        return str(inside) if alone else str(inside.parent)

    return [(name, list(paths)) for name, paths in groupby(sorted(files, key=group), key=group)]


def middle(plane: Image) -> Image:
    """The middle of a plane."""
    top, left = (max(0, n - LARGEST) // 2 for n in plane.shape)
    return np.ascontiguousarray(plane[top : top + LARGEST, left : left + LARGEST])


def made_names(plane: Image) -> Iterator[tuple[str, Image]]:
    """Masks, classes and labels as programs of the field make them of a plane."""
    smooth = ndimage.gaussian_filter(plane.astype("f4"), 1.5)
    if np.ptp(smooth) == 0:
        return
    mask = smooth > filters.threshold_otsu(smooth)
    labels = measure.label(mask)
    yield "mask of 0 and 1", mask.astype("u1")
    yield "mask of 0 and 255", mask.astype("u1") * np.uint8(255)
    yield "mask, not smoothed, of 0 and 255", (plane > filters.threshold_otsu(plane)).astype("u1") * np.uint8(255)
    yield "connected components", labels.astype("u2")
    yield "connected components, floats", labels.astype("f4")
    few = np.minimum(labels, 255).astype("u1")
    yield "connected components, 8 bits", few
    yield (
        "small objects",
        measure.label(white_tophat(smooth, disk(3)) > _spread(smooth)).astype("u2"),
    )
    yield "outlines", np.where(segmentation.find_boundaries(labels, mode="inner"), labels, 0).astype("i4")
    yield "classes", np.digitize(smooth, np.quantile(smooth, [0.4, 0.7, 0.9])).astype("u1")
    distance = ndimage.distance_transform_edt(mask)
    seeds = measure.label(h_maxima(ndimage.gaussian_filter(distance, 1), 0.7))
    split = segmentation.watershed(-distance, seeds, mask=mask)
    yield "watershed", split.astype("u2")
    yield "watershed, shuffled", np.where(split > 0, (split * 40503) % 65521, 0).astype("u2")
    basins = segmentation.watershed(filters.sobel(ndimage.gaussian_filter(plane.astype("f4"), 3)))
    yield "basins without a background", basins.astype("u2")
    yield "grown", segmentation.expand_labels(split, 9).astype("i4")
    yield "superpixels", segmentation.slic(smooth, 300, 0.1, channel_axis=None).astype("u2")


def made_light(plane: Image) -> Iterator[tuple[str, Image]]:
    """Images of light that have something of a label image: plateaus, one value that prevails, few levels."""
    rng = np.random.default_rng(0)
    low, high = (float(value) for value in np.percentile(plane, [1, 99]))
    unit = np.clip((plane - low) / max(1.0, high - low), 0, None).astype("f4")
    yield "cut at zero", np.maximum(plane.astype("i8") - int(np.percentile(plane, 75)), 0).astype("u2")
    yield "saturated", np.minimum(plane, np.percentile(plane, 60)).astype(plane.dtype)
    yield "padded", np.pad(plane, max(plane.shape) // 3)
    yield "median of 5 x 5", ndimage.median_filter(plane, 5)
    yield "8 bits", np.clip(unit * 200, 0, 255).astype("u1")
    yield "16 levels", np.clip(unit * 15, 0, 15).astype("u1")
    yield "smooth, 8 bits", np.clip(ndimage.gaussian_filter(unit, 4) * 200, 0, 255).astype("u1")
    yield "enlarged by interpolation", np.clip(ndimage.zoom(unit[:384, :384], 2, order=1) * 250, 0, 255).astype("u1")
    yield "whole numbers as floats", np.clip(unit * 4000, 0, 65535).round().astype("f4")
    for photons in (0.05, 0.5, 3):
        yield f"{photons:g} photons", rng.poisson(np.clip(unit, 0, 2) * photons + photons / 20).astype("u2")
    yield "one bright region in the dark", np.where(unit > np.percentile(unit, 97), plane, plane.min())


def _spread(smooth: Image) -> float:
    return 3 * 1.48 * float(np.median(np.abs(smooth - np.median(smooth)))) + 1e-6


def judge(data: Path, say: Callable[[str], None]) -> list[Tally]:
    """Judge all files below a root as they are, and what is made of the middle plane of a few of each specimen."""
    tallies: dict[tuple[str, str, str], Tally] = {}

    def add(kind: str, made: str, part: str, name: str, image: Image) -> None:
        key = (kind, made, part)
        tallies.setdefault(key, Tally(*key)).add(name, image)

    for number, (group, paths) in enumerate(specimens(data)):
        part = "held out" if number % 2 else "tuned"
        say(f"{group}: {len(paths)} files")
        for place, path in enumerate(paths):
            planes = read_planes(path)
            kind = "names" if path.name in MASKS else "light"
            made = f"as they are, {path.relative_to(data).parts[0]}"
            for index in spread(len(planes), 6):
                add(kind, made, part, str(path.relative_to(data)), planes[index])
            if kind == "light" and min(planes[0].shape) >= LEAST and place in (0, len(paths) // 2):
                plane = middle(planes[len(planes) // 2])
                for kind, maker in (("names", made_names), ("light", made_light)):
                    for made, image in maker(plane):
                        add(kind, made, part, str(path.relative_to(data)), image)
    return sorted(tallies.values(), key=lambda tally: (tally.kind, tally.made, tally.part))


def write(tallies: Sequence[Tally], command: str, file: TextIO) -> None:
    """A table of all tallies, the command above it."""
    file.write(f"# {command}\n# wrong: of images as a whole; tiles_wrong: of their parts of {TILE} x {TILE}\n")
    table = csv.writer(file, delimiter="\t", lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([getattr(tally, column) for column in COLUMNS] for tally in tallies)
