"""Reading TIFFs of every kind."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zarr_neural.archive.tiff import pages
from zarr_neural.archive.tiff.axes import map_axes
from zarr_neural.archive.tiff.find import find_tiffs
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ArchiveError, ConfigurationError


@dataclass(frozen=True)
class Kind:
    """One way to write pixels as TIFF, and what must come out: axes, and the transposition of the pixels."""

    id: str
    shape: tuple[int, ...]
    options: dict[str, Any]
    axes: str
    order: tuple[int, ...] | None = None
    dtype: str = "uint16"
    merged: tuple[int, ...] | None = None
    suffix: str = ".tif"
    writes: dict[str, Any] = field(default_factory=dict)


GREY = {"photometric": "minisblack"}
KINDS = [
    Kind("one page", (40, 50), GREY, "yx"),
    Kind("multi-page", (5, 40, 50), GREY, "zyx"),
    Kind("plain pages", (5, 40, 50), {**GREY, "metadata": None}, "zyx"),
    Kind("tiled and deflated", (3, 70, 90), {**GREY, "tile": (32, 32), "compression": "zlib"}, "zyx"),
    Kind("LZW strips", (2, 70, 90), {**GREY, "rowsperstrip": 16, "compression": "lzw"}, "zyx"),
    Kind("BigTIFF", (2, 40, 50), {**GREY, "bigtiff": True}, "zyx"),
    Kind("big-endian", (2, 40, 50), {**GREY, "byteorder": ">"}, "zyx"),
    Kind("ImageJ hyperstack", (2, 3, 2, 40, 50), {"imagej": True, "metadata": {"axes": "TZCYX"}}, "tczyx",
         (0, 2, 1, 3, 4)),
    Kind("OME, T C Z", (2, 3, 4, 40, 50), {"ome": True, **GREY, "metadata": {"axes": "TCZYX"}}, "tczyx"),
    Kind("OME, Z C", (4, 2, 40, 50), {"ome": True, **GREY, "metadata": {"axes": "ZCYX"}}, "czyx", (1, 0, 2, 3)),
    Kind("OME, time only", (4, 40, 50), {"ome": True, **GREY, "metadata": {"axes": "TYX"}}, "tyx"),
    Kind("RGB", (40, 50, 3), {"photometric": "rgb"}, "cyx", (2, 0, 1), "uint8"),
    Kind("planar RGB", (3, 40, 50), {"photometric": "rgb", "planarconfig": "separate"}, "cyx", None, "uint8"),
    Kind("RGB pages", (4, 40, 50, 3), {"photometric": "rgb"}, "czyx", (3, 0, 1, 2), "uint8"),
    Kind("OME, C of RGB", (2, 40, 50, 3), {"ome": True, "photometric": "rgb", "metadata": {"axes": "CYXS"}}, "cyx",
         (0, 3, 1, 2), "uint8", (6, 40, 50)),
    Kind("signed", (40, 50), GREY, "yx", dtype="int16"),
    Kind("float", (40, 50), GREY, "yx", dtype="float32"),
    Kind("bilevel", (40, 50), GREY, "yx", dtype="bool"),
]  # fmt: skip


def draw(kind: Kind) -> np.ndarray:
    numbers = np.random.default_rng(3).integers(0, 2 if kind.dtype == "bool" else 120, kind.shape)
    return numbers.astype(kind.dtype)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_pixels_come_in_ome_order(kind: Kind, tmp_path: Path) -> None:
    """Every kind of TIFF reads as T C Z Y X, samples as channels, and any region equals the same part of the whole."""
    pixels = draw(kind)
    path = tmp_path / ("image" + kind.suffix)
    tifffile.imwrite(path, pixels, **kind.options)
    expected = pixels if kind.order is None else pixels.transpose(kind.order)
    expected = expected if kind.merged is None else expected.reshape(kind.merged)
    with open_images(path) as images:
        (image,) = images
        assert (image.axes, image.shape, image.dtype) == (kind.axes, expected.shape, pixels.dtype)
        everything = tuple(slice(0, size) for size in image.shape)
        np.testing.assert_array_equal(image.read(everything), expected)
        part = tuple(slice(size // 3, max(size // 3 + 1, size - 1)) for size in image.shape)
        np.testing.assert_array_equal(image.read(part), expected[part])


def test_several_series_are_several_images(tmp_path: Path) -> None:
    """Pages of different shapes become images of their own."""
    with tifffile.TiffWriter(tmp_path / "two.tif") as tiff:
        tiff.write(np.zeros((20, 30), "uint8"), photometric="minisblack")
        tiff.write(np.ones((3, 25, 35), "uint16"), photometric="minisblack")
    with open_images(tmp_path / "two.tif") as images:
        assert [image.shape for image in images] == [(20, 30), (3, 25, 35)]


def test_only_the_full_resolution_of_a_pyramid_is_read(tmp_path: Path) -> None:
    """The reduced levels of a pyramidal TIFF are not images."""
    with tifffile.TiffWriter(tmp_path / "pyramid.ome.tif") as tiff:
        tiff.write(np.ones((64, 64), "uint8"), subifds=1, tile=(32, 32), metadata={"axes": "YX"})
        tiff.write(np.ones((32, 32), "uint8"), subfiletype=1, tile=(32, 32))
    with open_images(tmp_path / "pyramid.ome.tif") as images:
        assert [image.shape for image in images] == [(64, 64)]


def test_ome_calibration(write_ome: Callable[..., tuple[Path, np.ndarray]]) -> None:
    """Channel names, pixel sizes with units and the time increment of an OME-TIFF are read."""
    path, _ = write_ome("TCZYX", (2, 2, 3, 30, 40))
    with open_images(path) as images:
        found = images[0].record
    assert found.scale == {"x": 0.1, "y": 0.2, "z": 0.5, "t": 3.0}
    assert found.unit == {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"}
    assert found.names == ["dye 0", "dye 1"]


def test_imagej_calibration(tmp_path: Path) -> None:
    """Unit, spacing, frame interval and the resolution tags of an ImageJ hyperstack are read."""
    metadata = {"axes": "TZCYX", "unit": "um", "spacing": 0.7, "finterval": 2.5}
    pixels = np.zeros((2, 3, 2, 30, 40), "uint16")
    tifffile.imwrite(tmp_path / "stack.tif", pixels, imagej=True, resolution=(10.0, 5.0), metadata=metadata)
    with open_images(tmp_path / "stack.tif") as images:
        found = images[0].record
    assert found.scale == pytest.approx({"x": 0.1, "y": 0.2, "z": 0.7, "t": 2.5})
    assert found.unit == {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"}


def test_dots_per_inch_are_no_pixel_size(tmp_path: Path) -> None:
    """A printing resolution is left out rather than taken for a calibration."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8), "uint8"), resolution=(72, 72), resolutionunit="inch")
    with open_images(tmp_path / "a.tif") as images:
        assert images[0].record.scale == {}


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"compression": "lzw", "rowsperstrip": 8},
                                     {"ome": True}, {"imagej": True}, {"metadata": None}], ids=str)  # fmt: skip
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(options: dict[str, Any], kept: float, tmp_path: Path) -> None:
    """A file cut short never reads as a shorter stack or with made-up pixels."""
    whole, cut = tmp_path / "whole.tif", tmp_path / "cut.tif"
    pixels = np.random.default_rng(0).integers(0, 60000, (4, 50, 40), dtype=np.uint16)
    tifffile.imwrite(whole, pixels, **({} if options.get("imagej") else GREY), **options)
    cut.write_bytes(whole.read_bytes()[: int(kept * whole.stat().st_size)])
    with pytest.raises(ArchiveError, match=r"cut\.tif"), open_images(cut) as images:  # noqa: PT012
        for image in images:
            read = image.read(tuple(slice(0, size) for size in image.shape))
            np.testing.assert_array_equal(read, pixels)
        pytest.fail("a truncated file was read")


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\x08\0\0\0", b"hello world, this is no TIFF"], ids=repr)
def test_what_is_no_tiff_is_refused(content: bytes, tmp_path: Path) -> None:
    """Foreign and empty files end in our error that names the file."""
    path = tmp_path / "junk.tif"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"junk\.tif"), open_images(path):
        pass


def test_nothing_is_warned_or_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What tifffile logs about a bad file goes into the error, not onto the terminal."""
    path = tmp_path / "bad.tif"
    tifffile.imwrite(path, np.zeros((4, 50, 40), "uint16"), photometric="minisblack", compression="zlib", metadata=None)
    path.write_bytes(path.read_bytes()[:-30])
    with warnings.catch_warnings(record=True) as caught, pytest.raises(ArchiveError), open_images(path):
        pass
    assert (caught, capfd.readouterr()) == ([], ("", ""))


@pytest.mark.parametrize(("found", "mapped"), [("YX", "YX"), ("IYX", "ZYX"), ("QQYX", "TZYX"), ("QZYX", "TZYX"),
                                               ("QYXS", "ZYXS"), ("TQCYX", "TZCYX")])  # fmt: skip
def test_unknown_axes_take_the_first_free_letter(found: str, mapped: str) -> None:
    """Unknown axes become Z, T, C in that order, and it is noted."""
    letters, notes = map_axes(found)
    assert letters == mapped
    assert len(notes) == sum(a != b for a, b in zip(found, mapped, strict=True))


@pytest.mark.parametrize("axes", ["YX", "TTYX", "TZC", "AZYX"])
def test_wrong_axes_are_refused(axes: str) -> None:
    """Axes that the user gives must name every axis once."""
    with pytest.raises(ConfigurationError, match="axes"):
        map_axes("QQYX", axes)


def test_files_globs_and_folders_are_found(tmp_path: Path) -> None:
    """Folders are searched recursively, hidden files left out, every file found once and in order."""
    for name in ("b.tif", "a.ome.tiff", "sub/c.TIF", "sub/._c.tif", ".hidden/d.tif", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = ["a.ome.tiff", "b.tif", "sub/c.TIF"]
    assert [str(name) for _, name in find_tiffs([tmp_path]).files] == names
    assert [str(name) for _, name in find_tiffs([f"{tmp_path}/**/*.[tT][iI]*"]).files][:2] == names[:2]
    assert [str(name) for _, name in find_tiffs([tmp_path / "b.tif", tmp_path]).files] == [
        "b.tif",
        "a.ome.tiff",
        "sub/c.TIF",
    ]
    with pytest.raises(ArchiveError, match="no TIFF"):
        find_tiffs([tmp_path / "*.lsm"])


def test_rows_are_read_without_the_rest_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region of an uncompressed page in one strip costs its rows, not the page."""
    tifffile.imwrite(tmp_path / "page.tif", np.zeros((3, 500, 400), "uint16"), photometric="minisblack", metadata=None)
    read, sizes = pages._File.read, []

    def spy(self: Any, offset: int, nbytes: int, page: Any) -> bytearray:
        sizes.append(nbytes)
        return read(self, offset, nbytes, page)

    monkeypatch.setattr(pages._File, "read", spy)
    with open_images(tmp_path / "page.tif") as images:
        images[0].read((slice(1, 3), slice(100, 110), slice(50, 60)))
    assert sizes == [10 * 400 * 2] * 2


def test_a_large_compressed_strip_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbouring regions of one large strip share its decoding."""
    pixels = np.random.default_rng(0).integers(0, 255, (300, 200), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "strip.tif", pixels, compression="zlib", rowsperstrip=300)
    decode, count = pages.Pages._decode, []

    def spy(self: Any, page: Any, number: int) -> Any:
        count.append(number)
        return decode(self, page, number)

    monkeypatch.setattr(pages.Pages, "_decode", spy)
    with open_images(tmp_path / "strip.tif") as images:
        for start in range(0, 300, 50):
            part = (slice(start, start + 50), slice(20, 180))
            np.testing.assert_array_equal(images[0].read(part), pixels[part])
    assert len(count) == 1


def test_odd_metadata_do_not_stop_a_file(tmp_path: Path) -> None:
    """A calibration that is no number is left out; the pixels are read."""
    metadata = {"axes": "ZYX", "spacing": "unknown", "unit": "furlong"}
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((2, 8, 8), "uint8"), imagej=True, resolution=(0, 0), metadata=metadata
    )
    with open_images(tmp_path / "a.tif") as images:
        assert (images[0].shape, images[0].record.scale) == ((2, 8, 8), {})


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    """Pixels that no OME-Zarr viewer shows are refused with the reason."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8), "complex64"))
    with pytest.raises(ArchiveError, match="complex64"), open_images(tmp_path / "a.tif"):
        pass


@pytest.mark.parametrize(("colour", "shown"), [("-16776961", "FF0000"), ("red", None), ("1.5", None), ("", None)])
def test_a_colour_that_is_no_integer_is_left_out(colour: str, shown: str | None, tmp_path: Path) -> None:
    """A colour that OME does not allow costs the colour, not the file."""
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" '
        'Name="a"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="30" SizeY="20" SizeZ="1" SizeC="1" '
        f'SizeT="1"><Channel ID="Channel:0:0" Color="{colour}" SamplesPerPixel="1"/><TiffData/></Pixels></Image></OME>'
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((20, 30), "uint8"), description=xml, metadata=None)
    with open_images(tmp_path / "a.ome.tif") as (image,):
        assert image.record.colours == [shown]
