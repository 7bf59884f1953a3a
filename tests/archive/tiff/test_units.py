"""Units of length and time in the spellings of TIFFs, and the sizes that resolution tags give."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.archive.tiff.source import open_images
from zarr_neural.archive.tiff.units import unit_name

SPELLINGS = {
    "mm": "millimeter", "Mm": "megameter", "MM": "millimeter", "pm": "picometer", "Pm": "petameter",
    "nm": "nanometer", "\u00b5m": "micrometer", "\u03bcm": "micrometer", "um": "micrometer", "Microns": "micrometer",
    "\\u00B5m": "micrometer", "\u212b": "angstrom", "dm": "decimeter", "cm": "centimeter", "in": "inch", '"': "inch",
    "ms": "millisecond", "min": "minute", "MILLIMETRES": "millimeter", "pixel": None, "voxel": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings(text: str) -> None:
    """Symbols are told apart by their case, words are not, and what is no unit gives none."""
    assert unit_name(text) == SPELLINGS[text]


@pytest.mark.parametrize(("unit", "micrometres"), [("centimeter", 10_000), ("inch", 25_400)])
def test_resolution_tags_give_the_size_of_a_pixel(unit: str, micrometres: int, tmp_path: Path) -> None:
    """Pixels per centimetre and per inch become micrometres, along x and along y."""
    resolution = (31_000, 62_000)
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((8, 9), "u2"), resolution=resolution, resolutionunit=unit, metadata=None
    )
    with open_images(tmp_path / "a.tif") as (image,):
        found = [image.record.scale[axis] for axis in "xy"]
        assert found == pytest.approx([micrometres / value for value in resolution])
        assert image.record.unit == {"x": "micrometer", "y": "micrometer"}
