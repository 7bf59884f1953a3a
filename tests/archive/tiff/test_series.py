"""What becomes of the pages of a file: one stack where they are one, told where they are not, none lost unsaid."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from raw_tiff import page_of, write_raw
from vendor_files import NAMESPACE, ome_image, ome_xml, write_mm_stack, write_ome

from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.errors import ArchiveError

PLANES = np.random.default_rng(8).integers(0, 60000, (12, 40, 56)).astype("u2")
WAYS: list[dict[str, Any]] = [
    {"rows": 7}, {"rows": 40}, {"rows": 1}, {"rows": 7, "compression": 8}, {"rows": 9, "compression": 5},
    {"tile": 16}, {"rows": 7, "compression": 8, "predictor": 2},
]  # fmt: skip


def everything(image: SourceImage) -> np.ndarray:
    return np.asarray(image.read(tuple(slice(0, size) for size in image.shape)))


@pytest.mark.parametrize("second_look", [False, True])
@pytest.mark.parametrize(
    "ways", [[0, 1, 2], [0, 3, 4], [3, 0, 3, 0, 5, 6], [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 1, 0]], ids=str
)
def test_pages_stored_each_in_its_own_way_are_one_stack(ways: list[int], second_look: bool, tmp_path: Path) -> None:
    """Rows per strip, tiles and compression do not tell pages apart: one image of all pages, in their order."""
    pages = [page_of(plane, 16, **WAYS[way]) for plane, way in zip(PLANES, ways, strict=False)]
    (tmp_path / "a.tif").write_bytes(write_raw(pages))
    with open_images(tmp_path / "a.tif", second_look=second_look) as (image,):
        np.testing.assert_array_equal(everything(image), PLANES[: len(ways)])
        assert not any("became" in note or "left out" in note for note in image.notes)


def test_pages_that_cannot_be_one_image_are_told_apart(tmp_path: Path) -> None:
    """Pages with white at 0 among others, or of other numbers, are images of their own, and a note says which."""
    pages = [page_of(plane, 16, photometric=0 if i == 1 else 1) for i, plane in enumerate(PLANES[:4])]
    pages += [page_of((PLANES[4] >> 8).astype("u1"), 8)]
    (tmp_path / "a.tif").write_bytes(write_raw(pages))
    with open_images(tmp_path / "a.tif") as images:
        assert [image.shape for image in images] == [(3, 40, 56), (40, 56), (40, 56)]
        np.testing.assert_array_equal(everything(images[0]), PLANES[[0, 2, 3]])
        np.testing.assert_array_equal(everything(images[1]), PLANES[1])
        for image in images:
            (note,) = [note for note in image.notes if "became 3 images" in note]
            assert "image 0 has page 0, 2, 3" in note
            assert "image 1 has page 1 (40 x 56, uint16, miniswhite)" in note


@pytest.mark.parametrize("kind", ["ome", "imagej"])
def test_pages_that_no_image_uses_are_told(kind: str, tmp_path: Path) -> None:
    """Pages beyond those that the metadata name do not vanish without a word, whatever program wrote the file."""
    path = tmp_path / "a.ome.tif"
    if kind == "ome":
        write_ome(path, ome_xml(ome_image({"X": 56, "Y": 40, "Z": 3})), PLANES[:5])
    else:
        tifffile.imwrite(
            path,
            PLANES[:5],
            photometric="minisblack",
            compression="zlib",
            description="ImageJ=1.54f\nimages=3\nslices=3\n",
            metadata=None,
        )
    with open_images(path) as (image,):
        np.testing.assert_array_equal(everything(image), PLANES[:3])
        assert any("2 of the 5 pages of this file belong to none" in note and "3, 4" in note for note in image.notes)


def test_a_file_with_a_companion_has_no_pages_left_over(tmp_path: Path) -> None:
    """Metadata in a companion name the file itself: its pages are in use."""
    uuid = "urn:uuid:00000000-0000-4000-8000-000000000001"
    name = f'<UUID FileName="a.ome.tif">{uuid}</UUID>'
    data = f'<TiffData IFD="0" FirstZ="0" PlaneCount="3">{name}</TiffData>'
    xml = ome_xml(ome_image({"X": 56, "Y": 40, "Z": 3}, data)).replace("<OME ", f'<OME UUID="{uuid[:-1]}2" ')
    (tmp_path / "a.companion.ome").write_text(xml)
    within = (
        f'<OME xmlns="{NAMESPACE}" UUID="{uuid}"><BinaryOnly MetadataFile="a.companion.ome" UUID="{uuid[:-1]}2"/></OME>'
    )
    write_ome(tmp_path / "a.ome.tif", within, PLANES[:3])
    with open_images(tmp_path / "a.ome.tif") as (image,):
        np.testing.assert_array_equal(everything(image), PLANES[:3])
        assert not any("left out" in note for note in image.notes)


@pytest.mark.parametrize("options", [{"ome": True}, {"imagej": True}, {}, {"metadata": None}, {"compression": "zlib"}],
                         ids=str)  # fmt: skip
def test_a_file_whose_pages_are_all_used_says_nothing(options: dict[str, Any], tmp_path: Path) -> None:
    """Ordinary files, stacks with one directory for all planes among them, get no note on pages left over."""
    tifffile.imwrite(
        tmp_path / "a.tif", PLANES, **({} if "imagej" in options else {"photometric": "minisblack"}), **options
    )
    with open_images(tmp_path / "a.tif") as (image,):
        np.testing.assert_array_equal(everything(image), PLANES)
        assert not any("left out" in note or "became" in note for note in image.notes)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_integers_of_24_bits(byteorder: str, tmp_path: Path) -> None:
    """Three bytes a sample: tifffile and libtiff read them in different orders, so they are refused, not guessed."""
    page = page_of(PLANES[0].astype("u4") * 91, 24, byteorder)
    (tmp_path / "a.tif").write_bytes(write_raw([page], byteorder=byteorder))
    with pytest.raises(ArchiveError, match="24 bits"), open_images(tmp_path / "a.tif"):
        pass


@pytest.mark.parametrize(("number", "told"), [(1, None), (3, "180 degrees"), (6, "turned clockwise"), (9, None)])
def test_orientation_is_told(number: int, told: str | None, tmp_path: Path) -> None:
    """Pixels are kept as they are stored, and the user hears that viewers may have shown the image turned."""
    page = page_of(PLANES[0], 16)
    page.tags[274] = (3, [number])
    (tmp_path / "a.tif").write_bytes(write_raw([page]))
    with open_images(tmp_path / "a.tif") as (image,):
        np.testing.assert_array_equal(everything(image), PLANES[0])
        assert any(f"Orientation {number}" in note and (told or "") in note for note in image.notes) == (
            told is not None
        )


@pytest.mark.parametrize("second_look", [False, True])
@pytest.mark.parametrize("how", [{"gap": 38}, {"pixels_first": True}, {"pixels_first": True, "gap": 400}], ids=str)
def test_micro_manager_pixels_lie_where_their_directories_say(
    how: dict[str, Any], second_look: bool, tmp_path: Path
) -> None:
    """A stack that another program wrote: pixels come from the place that their directory names, wherever it is."""
    pixels = PLANES[:6].reshape(3, 2, 40, 56)
    path = write_mm_stack(tmp_path / "run_MMStack.ome.tif", pixels, "ZC", {}, **how)
    with open_images(path, second_look=second_look) as (image,):
        np.testing.assert_array_equal(everything(image), pixels.swapaxes(0, 1))
        assert not any("zeroed" in note for note in image.notes)


def test_a_micro_manager_index_that_leads_nowhere_is_damage(tmp_path: Path) -> None:
    """A place in the index at which there is no directory is an error that names the page."""
    path = write_mm_stack(tmp_path / "run_MMStack.ome.tif", PLANES[:4], "Z", {})
    raw = bytearray(path.read_bytes())
    at = raw.index(struct.pack("<II", 3453623, 4)) + 8 + 20 * 2 + 16
    struct.pack_into("<I", raw, at, struct.unpack_from("<I", raw, at)[0] + 162)
    path.write_bytes(raw)
    with pytest.raises(ArchiveError, match=r"MMStack\.ome\.tif"), open_images(path) as (image,):
        everything(image)


@pytest.mark.parametrize("second_look", [False, True])
@pytest.mark.parametrize("how", [{"rows": 7}, {"rows": 40}, {"rows": 7, "gap": 10}, {"tile": 16}], ids=str)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_byte_counts_of_zero_where_pixels_lie(
    bits: int, how: dict[str, Any], second_look: bool, tmp_path: Path
) -> None:
    """Offsets without byte counts, as some old programs wrote uncompressed pixels: they are read and it is told."""
    planes = (PLANES[:3] >> (16 - bits)).astype("u1" if bits == 8 else "u2")
    pages = [
        page_of(p, bits, **how, counts=lambda counts, i=i: [0 for _ in counts] if i else counts)
        for i, p in enumerate(planes)
    ]
    (tmp_path / "a.tif").write_bytes(write_raw(pages))
    with open_images(tmp_path / "a.tif", second_look=second_look) as (image,):
        np.testing.assert_array_equal(everything(image), planes)
        assert second_look or any("byte counts of 2 pages are 0" in note for note in image.notes)


def test_byte_counts_of_zero_at_the_end_of_the_file(tmp_path: Path) -> None:
    """Without byte counts too, pixels that would lie beyond the end of the file are truncation."""
    pages = [page_of(PLANES[0], 16, rows=40, counts=lambda counts: [0 for _ in counts])]
    pages[0].tags[257] = (4, [80])
    pages[0].tags[278] = (4, [80])
    (tmp_path / "a.tif").write_bytes(write_raw(pages))
    with pytest.raises(ArchiveError, match="truncated: page 0"), open_images(tmp_path / "a.tif"):
        pass


def test_a_strip_that_holds_too_much_is_named_as_such(tmp_path: Path) -> None:
    """A deflated strip with more rows than its page: the error says so, not only what the library calls it."""
    page = page_of(PLANES[0], 16, rows=40, compression=8)
    page.segments = [zlib.compress(PLANES[0].tobytes() + bytes(112))]
    (tmp_path / "a.tif").write_bytes(write_raw([page]))
    with (
        pytest.raises(ArchiveError, match=r"page 0: .* holds more pixels"),
        open_images(tmp_path / "a.tif") as (image,),
    ):
        everything(image)
