"""Radiographs: those inside the package pydicom-data, or a folder of the user's, as grey levels of 8 bits.

That package holds one chest. The folder of the committed results holds both its radiographs and the images that lie in
``tests`` of https://github.com/mlmed/torchxrayvision at f4087a0b (chests: five PNG, two JPEG, one DICOM); the hashes
of all files stand in the heads of the results. None of them is part of this repository.
"""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from eval.images import package_file
from eval.jpeg_past import was_jpeg
from zarr_neural.zoo.weights import sha256

Images = NDArray[np.uint8]
SIDE = 256
PACKAGED = ("package:data_store/data/RG1_UNCR.dcm", "package:data_store/data/RG3_UNCR.dcm")
"""A chest (posterior-anterior) and a lower leg: all radiographs that pydicom-data holds without loss."""
PACKAGED_VALIDATION = "RG1*"
EVERY = 4
"""Of a folder each fourth image validates, unless images are named."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")


@dataclass(frozen=True)
class Radiograph:
    """One image.

    Attributes
    ----------
    name
        Of its file.
    image
        (Y, X) uint8, bone bright.
    mapping
        How its values became grey levels, in words.
    jpeg_past
        Whether it was once a JPEG: sizes of lossless codecs are then flattered.
    digest
        SHA-256 of the file.
    """

    name: str
    image: Images
    mapping: str
    jpeg_past: bool
    digest: str = ""


def packaged() -> list[Radiograph]:
    """Return the radiographs of pydicom-data.

    Raises
    ------
    ValueError
        If pydicom or pydicom-data is not installed.
    """
    paths = [package_file(reference) for reference in PACKAGED]
    if any(path is None for path in paths):
        raise ValueError("radiographs are in pydicom-data: pip install pydicom pydicom-data, or name a folder of yours")
    return [read_radiograph(path) for path in paths if path is not None]


def read_folder(folder: Path) -> list[Radiograph]:
    """Return the images of a folder in the order of their names.

    Raises
    ------
    ValueError
        If there are fewer than two, or one is not grey, too small or cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(paths) < 2:
        raise ValueError(f"expected two images or more ({', '.join(SUFFIXES)}) in {folder}, found {len(paths)}")
    return [read_radiograph(path) for path in paths]


def read_radiograph(path: Path) -> Radiograph:
    """Return an image as grey levels.

    8 bits are taken as they are; others are stretched from their smallest to their largest value. MONOCHROME1 is
    inverted, so that bone is bright everywhere.

    Raises
    ------
    ValueError
        If it is not grey, smaller than a window, of one value only, or cannot be read.
    """
    invert = False
    try:
        if path.suffix.lower() == ".dcm":
            samples, invert = _read_dicom(path)
        elif path.suffix.lower() in (".tif", ".tiff"):
            samples = np.asarray(tifffile.imread(path))  # imagecodecs would read the first page alone
        else:
            samples = np.asarray(imagecodecs.imread(path))
    except (ValueError, RuntimeError, AttributeError, NotImplementedError, tifffile.TiffFileError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    samples = np.squeeze(samples)
    if samples.ndim == 3 and samples.shape[-1] in (3, 4):
        if np.ptp(samples[..., :3].astype(np.int64), axis=-1).any():
            raise ValueError(f"{path.name}: expected grey, found colours")
        samples = samples[..., 0]
    if samples.ndim != 2:
        raise ValueError(f"{path.name}: expected one plane, found {samples.shape}")
    if min(samples.shape) < SIDE:
        raise ValueError(f"{path.name}: expected at least {SIDE} x {SIDE} pixels, found {samples.shape}")
    low, high = float(samples.min()), float(samples.max())
    if not high > low:
        raise ValueError(f"{path.name}: every pixel is {low:g}")
    mapping = "as it is"
    if samples.dtype != np.uint8:
        mapping = f"{low:g}..{high:g} to 0..255"
        samples = np.rint((samples.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8)
    if invert:
        mapping += ", inverted"
        samples = 255 - samples
    image = np.ascontiguousarray(samples)
    return Radiograph(path.name, image, mapping, was_jpeg(image), sha256(path))


def _read_dicom(path: Path) -> tuple[NDArray[Any], bool]:
    if importlib.util.find_spec("pydicom") is None:
        raise ValueError("DICOM needs pydicom: pip install pydicom")
    library = importlib.import_module("pydicom")
    try:
        data = library.dcmread(path)
    except library.errors.InvalidDicomError as error:
        raise ValueError("it is no DICOM file") from error
    kind = str(data.PhotometricInterpretation)
    if not kind.startswith("MONOCHROME"):
        raise ValueError(f"expected MONOCHROME1 or MONOCHROME2, found {kind}")
    return np.asarray(data.pixel_array), kind == "MONOCHROME1"


def split(images: Sequence[Radiograph], validate: str | None) -> tuple[list[Radiograph], list[Radiograph]]:
    """Return training and validation images; none is in both.

    Parameters
    ----------
    images
    validate
        Patterns of names between commas; None for every fourth image (`EVERY`), of few the last.

    Raises
    ------
    ValueError
        If one of the two would be empty.
    """
    if validate is None:
        held = {image.name for image in images[EVERY - 1 :: EVERY]} or {images[-1].name}
    else:
        patterns = validate.split(",")
        held = {image.name for image in images if any(fnmatch.fnmatch(image.name, each) for each in patterns)}
    parts = [image for image in images if image.name not in held], [image for image in images if image.name in held]
    if not all(parts):
        names = ", ".join(image.name for image in images)
        raise ValueError(f"{validate!r} leaves nothing to train on or to validate with, of {names}")
    return parts


def windows(image: Images) -> Images:
    """Return the windows (N, 256, 256) of an image, from its upper left corner; what is left over is left out."""
    rows, columns = (side // SIDE for side in image.shape)
    cut = image[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    return np.ascontiguousarray(cut.swapaxes(1, 2).reshape(-1, SIDE, SIDE))


def draw_windows(images: Sequence[Radiograph], rng: np.random.Generator, count: int) -> Images:
    """Return windows at random places, half of them mirrored; large images count for more (root of area)."""
    weight = np.sqrt([image.image.size for image in images])
    drawn = []
    for k in rng.choice(len(images), count, p=weight / weight.sum()):
        image = images[k].image
        y, x = (int(rng.integers(0, side - SIDE + 1)) for side in image.shape)
        window = image[y : y + SIDE, x : x + SIDE]
        drawn.append(window[:, ::-1] if rng.random() < 0.5 else window)
    return np.stack(drawn)
