"""Reading: files to 2D planes, planes to tiles, and the committed list of held-out images."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

Image = NDArray[Any]
HELDOUT = Path(__file__).with_name("heldout.tsv")


@dataclass(frozen=True)
class Source:
    """One image file of an evaluation.

    Attributes
    ----------
    set
        The data set that it counts towards.
    name
        What results call it: the path below the data root, or as given (of an absolute path the last part).
    path
        Where the file lies.
    planes
        Which of its planes are measured, counted over all leading axes; None for all of them.
    """

    set: str
    name: str
    path: Path
    planes: tuple[int, ...] | None = None


def read_planes(path: Path) -> list[Image]:
    """Return every 2D plane of the file, leading axes in order, colours as planes of their own.

    Raises
    ------
    ValueError
        For a file of a kind that is not read here, or whose data have less than two axes.
    """
    suffix = path.suffix.lower()
    axes = ""
    if suffix in (".tif", ".tiff"):
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            image, axes = np.asarray(series.asarray()), series.axes
    elif suffix == ".npy":
        image = np.load(path, allow_pickle=False)
    elif suffix == ".png":
        image = imagecodecs.imread(path)
        axes = "YXS"[: image.ndim]
    elif suffix == ".dcm":
        image = importlib.import_module("pydicom").dcmread(path).pixel_array
    else:
        raise ValueError(f"{path.name}: expected .tif, .tiff, .png, .npy or .dcm")
    if image.ndim < 2:
        raise ValueError(f"{path.name}: expected at least two axes, found shape {image.shape}")
    if axes.endswith("S"):
        image = np.moveaxis(image, -1, 0)
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    return [np.ascontiguousarray(plane) for plane in image.reshape(-1, *image.shape[-2:])]


def spread(count: int, limit: int | None) -> tuple[int, ...]:
    """Return at most `limit` indices below `count`, evenly spread, first and last among them.

    Examples
    --------
    >>> spread(10, 4)
    (0, 3, 6, 9)
    >>> spread(3, None)
    (0, 1, 2)
    """
    if limit is None or limit >= count:
        return tuple(range(count))
    if limit == 1:
        return (count // 2,)
    return tuple(round(i * (count - 1) / (limit - 1)) for i in range(limit))


def tiles(plane: Image, size: int) -> list[Image]:
    """Return the plane cut into equal tiles of about `size` pixels a side, as the converter cuts chunks.

    Equal tiles leave no thin strip at the edge; they differ by one pixel at most.

    Examples
    --------
    >>> [tile.shape for tile in tiles(np.zeros((1080, 700)), 512)]
    [(540, 700), (540, 700)]
    """
    rows = np.array_split(plane, max(1, round(plane.shape[0] / size)), axis=0)
    cut = [tile for row in rows for tile in np.array_split(row, max(1, round(plane.shape[1] / size)), axis=1)]
    return [np.ascontiguousarray(tile) for tile in cut]


def given_sources(paths: list[Path], set_name: str | None) -> list[Source]:
    """Return the files named by a user as sources; without `set_name` each counts towards its folder.

    Of absolute paths results keep the name alone: the folders of a machine are nobody else's business.
    """
    return [
        Source(set_name or path.resolve().parent.name, path.name if path.is_absolute() else str(path), path)
        for path in paths
    ]


def package_file(reference: str) -> Path | None:
    """Return where ``package:NAME/PATH`` lies, or None where that package is not installed."""
    name, _, rest = reference.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / rest
    if path.suffix == ".dcm" and importlib.util.find_spec("pydicom") is None:
        return None
    return path if path.exists() else None


def heldout_sources(data: Path | None, table: Path = HELDOUT) -> tuple[list[Source], list[str]]:
    """Return the held-out images, and the names of those that are not on this machine.

    Parameters
    ----------
    data
        The folder below which the data sets lie. None leaves only the images inside installed packages.
    table
        TSV with the columns ``set``, ``path`` (below `data`, or ``package:NAME/PATH``) and ``planes`` (``all`` or
        indices between commas).
    """
    found: list[Source] = []
    missing: list[str] = []
    with table.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            name = row["path"]
            path = package_file(name) if name.startswith("package:") else data / name if data else None
            planes = None if row["planes"] == "all" else tuple(int(i) for i in row["planes"].split(","))
            if path is None or not path.exists():
                missing.append(name)
            else:
                found.append(Source(row["set"], name, path, planes))
    return found, missing
