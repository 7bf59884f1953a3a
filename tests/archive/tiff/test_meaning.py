"""What OME-XML, ImageJ and plain resolution tags mean: sizes in their own units, channels, images, wells."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
import zarr
from vendor_files import ome_image, ome_xml, write_ome

from zarr_neural.archive import convert, export
from zarr_neural.archive.tiff.dialects.ome_xml import metadata_only
from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.errors import ArchiveError

PIXELS = np.random.default_rng(4).integers(0, 60000, (6, 20, 30), dtype=np.uint16)
SIZES = {"X": 30, "Y": 20}


def everything(image: SourceImage) -> np.ndarray:
    return image.read(tuple(slice(0, size) for size in image.shape))


@pytest.mark.parametrize(
    ("told", "scale", "unit"),
    [
        ({"unit": "microns", "spacing": 0.5}, {"x": 0.1, "y": 0.1, "z": 0.5}, {"x": "micrometer", "z": "micrometer"}),
        ({"unit": "\\u00b5m", "spacing": 2}, {"x": 0.1, "y": 0.1, "z": 2}, {"x": "micrometer", "z": "micrometer"}),
        ({"unit": "nanometers"}, {"x": 0.1, "y": 0.1}, {"x": "nanometer"}),
        ({"unit": "um", "yunit": "nm", "zunit": "mm", "spacing": 3}, {"x": 0.1, "y": 0.1, "z": 3},
         {"x": "micrometer", "y": "nanometer", "z": "millimeter"}),
        ({"unit": "pixel", "spacing": 3}, {}, {}),
        ({"unit": "furlong", "spacing": 3}, {}, {}),
    ],
)  # fmt: skip
def test_imagej_sizes(told: dict[str, Any], scale: dict[str, float], unit: dict[str, str], tmp_path: Path) -> None:
    """ImageJ: every axis has its own unit, in any spelling; no unit means no size."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, imagej=True, resolution=(10, 10), metadata={"axes": "ZYX", **told})
    with open_images(path) as (image,):
        assert image.record.scale == pytest.approx(scale)
        assert unit.items() <= image.record.unit.items()


@pytest.mark.parametrize(("per_inch", "size"), [(72, None), (300, None), (25400, 1 / 25400)])
def test_imagej_inches(per_inch: float, size: float | None, tmp_path: Path) -> None:
    """ImageJ turns the printing resolution of a file into inches: that is no pixel size, and the user is told."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, imagej=True, resolution=(per_inch,) * 2, metadata={"axes": "ZYX", "unit": "inch"})
    with open_images(path) as (image,):
        assert image.record.scale.get("x") == size
        assert any("printing" in note for note in image.notes) == (size is None)


def test_imagej_calibrated_values_are_told(tmp_path: Path) -> None:
    """Values that ImageJ shows through a calibration (signed 16 bits) are kept as stored, with a note."""
    told = {"axes": "ZYX", "cf": 0, "c0": -32768, "c1": 1, "vunit": "Gray Value"}
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, imagej=True, metadata=told)
    with open_images(tmp_path / "a.tif") as (image,):
        assert any("-32768" in note for note in image.notes)


@pytest.mark.parametrize(("labels", "names"), [(["DAPI", "GFP"] * 3, ["DAPI", "GFP"]), (list("abcdef"), [])])
def test_imagej_labels(labels: list[str], names: list[str], tmp_path: Path) -> None:
    """Slice labels name channels only where all slices of a channel have the same one."""
    told = {"axes": "ZCYX", "Labels": labels}
    tifffile.imwrite(tmp_path / "a.tif", PIXELS.reshape(3, 2, 20, 30), imagej=True, metadata=told)
    with open_images(tmp_path / "a.tif") as (image,):
        assert (image.axes, image.record.names) == ("czyx", names)


def test_images_of_ome_xml_are_matched_by_order(tmp_path: Path) -> None:
    """Images of one name, the second image's pages first in the file: each has its own pixels and sizes."""
    first = ome_image({**SIZES, "Z": 4}, '<TiffData IFD="2" PlaneCount="4"/>', Name="well", PhysicalSizeX=3)
    second = ome_image({**SIZES, "Z": 2}, '<TiffData IFD="0" PlaneCount="2"/>', number=1, Name="well", PhysicalSizeX=2)
    path = write_ome(tmp_path / "a.ome.tif", ome_xml(first, second), PIXELS)
    with open_images(path) as images:
        assert [image.record.scale for image in images] == [{"x": 3}, {"x": 2}]
        np.testing.assert_array_equal(everything(images[0]), PIXELS[2:])
        np.testing.assert_array_equal(everything(images[1]), PIXELS[:2])


@pytest.mark.parametrize(("order", "swapped"), [("XYZTC", False), ("XYTZC", True)])
def test_order_of_dimensions(order: str, swapped: bool, tmp_path: Path) -> None:
    """Z and T are where DimensionOrder says."""
    path = write_ome(tmp_path / "a.ome.tif", ome_xml(ome_image({**SIZES, "Z": 2, "T": 3}, order=order)), PIXELS)
    truth = PIXELS.reshape(2, 3, 20, 30).swapaxes(0, 1) if swapped else PIXELS.reshape(3, 2, 20, 30)
    with open_images(path) as (image,):
        assert image.axes == "tzyx"
        np.testing.assert_array_equal(everything(image), truth)


def test_ome_xml_that_points_to_no_pages(tmp_path: Path) -> None:
    """Without TiffData the meaning of one page is clear; that of several is not, and nothing is guessed."""
    inside = '<Channel ID="Channel:0" Name="GFP"/>'
    one = write_ome(tmp_path / "1.ome.tif", ome_xml(ome_image(SIZES, inside, PhysicalSizeX=3)), PIXELS[:1])
    with open_images(one) as (image,):
        assert (image.channel_names, image.record.scale) == (["GFP"], {"x": 3})
    several = write_ome(tmp_path / "6.ome.tif", ome_xml(ome_image({**SIZES, "T": 6}, inside)), PIXELS)
    with pytest.raises(ArchiveError, match="--axes"), open_images(several):
        pass


@pytest.mark.parametrize("size", ["0", "NaN", "INF", "-1", "", "1,5"])
def test_a_size_that_is_none_is_left_out(size: str, tmp_path: Path) -> None:
    """A size of zero, of no number, or below zero is left out with a note."""
    path = write_ome(tmp_path / "a.ome.tif", ome_xml(ome_image({**SIZES, "Z": 6}, PhysicalSizeX=size)), PIXELS)
    with open_images(path) as (image,):
        assert image.record.scale == {}
        assert any("along x was left out" in note for note in image.notes)


@pytest.mark.parametrize("unit", ["pixel", "reference frame", "s", "?"])
def test_a_unit_that_is_no_length_is_left_out(unit: str, tmp_path: Path) -> None:
    """Pixels, reference frames and seconds are no lengths."""
    image = ome_image({**SIZES, "Z": 6}, PhysicalSizeX=2, PhysicalSizeXUnit=unit)
    with open_images(write_ome(tmp_path / "a.ome.tif", ome_xml(image), PIXELS)) as (found,):
        assert found.record.scale == {}


def test_colours_and_names_of_ome_xml(tmp_path: Path) -> None:
    """Colours without opacity count, black does not; names may be the same and in any script."""
    inside = '<Channel ID="c:0" Color="-16777216" Name="核 µ"/><Channel ID="c:1" Color="255" Name="核 µ"/><TiffData/>'
    path = write_ome(tmp_path / "a.ome.tif", ome_xml(ome_image({**SIZES, "C": 2, "Z": 3}, inside)), PIXELS)
    with open_images(path) as (image,):
        assert (image.record.names, image.record.colours) == (["核 µ", "核 µ"], ["FF0000", None])


def test_fields_of_a_plate(tmp_path: Path) -> None:
    """Every field of a well knows plate, row, column and its number."""
    fields = "".join(f'<WellSample ID="s:{i}" Index="{i}"><ImageRef ID="Image:{i}"/></WellSample>' for i in range(2))
    tail = f'<Plate ID="Plate:0" Name="P1"><Well ID="Well:0" Row="27" Column="11">{fields}</Well></Plate>'
    images = [ome_image({**SIZES, "Z": 3}, f'<TiffData IFD="{3 * i}" PlaneCount="3"/>', number=i) for i in range(2)]
    with open_images(write_ome(tmp_path / "a.ome.tif", ome_xml(*images, tail=tail), PIXELS)) as found:
        wells = [image.record.well or {} for image in found]
        assert [(well["plate"], well["well"], well["field"]) for well in wells] == [
            ("P1", "AB12", "0"),
            ("P1", "AB12", "1"),
        ]


def test_metadata_only_changes_nothing_else() -> None:
    """Pixel data become one MetadataOnly in each image; all else stays, to the letter; comments are no pixel data."""
    data = '<TiffData IFD="0"><UUID FileName="a > b.tif">urn:1</UUID></TiffData><TiffData IFD="1"/>'
    text = ome_xml(ome_image(SIZES, f'<Channel ID="c" Name="µ &lt;"/><!-- <TiffData> -->{data}<Plane TheZ="0"/>'))
    assert metadata_only("\ufeff" + text) == text.replace(data, "<MetadataOnly/>")
    prefixed = text.replace("<", "<O:").replace("<O:/", "</O:").replace("<O:?", "<?").replace("<O:!", "<!")
    prefixed = prefixed.replace("xmlns=", "xmlns:O=")
    assert "<O:MetadataOnly/>" in metadata_only(prefixed)
    ElementTree.fromstring(metadata_only(prefixed))


def test_hostile_ome_xml_takes_no_time(tmp_path: Path) -> None:
    """Entities that grow without end are refused; a text of a million openings is read in time."""
    lines = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(12))
    laughs = f'<!DOCTYPE x [<!ENTITY e0 "ha">{lines}]>'
    text = ome_xml(ome_image({**SIZES, "Z": 6}, Name="&e12;")).replace("<OME", f"{laughs}<OME", 1)
    with pytest.raises(ArchiveError, match="OME-XML"), open_images(write_ome(tmp_path / "a.ome.tif", text, PIXELS)):
        pass
    opened = f"<!-- {'<TiffData ' * 200_000} -->"
    assert "<MetadataOnly/>" in metadata_only(ome_xml(ome_image(SIZES, f"{opened}<TiffData/>")))  # or hours later


@pytest.mark.parametrize("kind", ["miniswhite", "palette"])
def test_the_way_values_are_shown_comes_back(kind: str, tmp_path: Path) -> None:
    """Min-is-white and palettes are kept as they are, and export writes the same interpretation."""
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)
    table = np.random.default_rng(1).integers(0, 65535, (3, 256), dtype=np.uint16) if kind == "palette" else None
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind, colormap=table, metadata=None)
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr")
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "a.zarr", mode="r")["0"][...], pixels)
    export(tmp_path / "a.zarr", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as tiff:
        assert tiff.pages[0].photometric.name.lower() == kind
        np.testing.assert_array_equal(tiff.asarray(), pixels)
        if table is not None:
            np.testing.assert_array_equal(tiff.pages[0].colormap, table)


def test_texts_of_the_instrument_are_kept(tmp_path: Path) -> None:
    """Make, model, date and the block of an electron microscope go along with the pixels."""
    sem = b"\r\n".join([b"0", b"AP_MAG", b"Mag = 5.00 K X", b""])
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], metadata=None, software="Acquire 3", datetime="2026:12:01 10:00:00",
                     extratags=[(271, 2, None, "Zeiss", True), (34118, 2, None, sem, True)])  # fmt: skip
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr")
    texts = {path.name: path.read_text() for path in (tmp_path / "a.zarr" / "OME").iterdir()}
    for word in ("Zeiss", "Acquire 3", "2026:12:01 10:00:00"):
        assert word in texts["tiff-tags.json"]
    assert "5.0" in texts["sem.json"]
