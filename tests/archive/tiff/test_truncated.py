"""The end of a file, to the byte: what is whole is read, and one byte less is an error."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from raw_tiff import page_of, write_raw

from zarr_neural.archive.tiff.planes import Page, _check_extent
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ArchiveError

PLANES = np.random.default_rng(3).integers(0, 60000, (3, 40, 56)).astype("u2")


@pytest.mark.parametrize("lost", [1, 100, 4096])
def test_a_page_that_lacks_its_last_bytes_is_truncated(lost: int, tmp_path: Path) -> None:
    """The directory first and the pixels last: a file that lacks its last byte is refused, with the page."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PLANES[0], metadata=None)
    with tifffile.TiffFile(path) as tiff:
        end = max(page.dataoffsets[-1] + page.databytecounts[-1] for page in tiff.pages)
    whole = path.read_bytes()[:end]
    path.write_bytes(whole)
    with open_images(path) as (image,):
        np.testing.assert_array_equal(image.read((slice(0, 40), slice(0, 56))), PLANES[0])
    path.write_bytes(whole[:-lost])
    with pytest.raises(ArchiveError, match="truncated: page 0"), open_images(path):
        pass


def test_the_end_of_a_file_is_its_end() -> None:
    """A strip may end with the file; a byte beyond is one too many."""
    page = Page(Path("a.tif"), 7, (8, 108), (100, 100), None, None, None)
    _check_extent(page, 208)
    with pytest.raises(ArchiveError, match="page 7 ends at byte 208, but the file has only 207"):
        _check_extent(page, 207)


def test_planar_pages_are_looked_at_again_in_their_order(tmp_path: Path) -> None:
    """A stack of pages with planes of their own for each sample is the same by both ways of reading."""
    colour = np.random.default_rng(5).integers(0, 250, (4, 3, 24, 31)).astype("u1")
    (tmp_path / "a.tif").write_bytes(write_raw([page_of(p, 8, planar=True, photometric=2) for p in colour]))
    for again in (False, True):
        with open_images(tmp_path / "a.tif", second_look=again) as (image,):
            pixels = image.read(tuple(slice(0, size) for size in image.shape))
        order = [image.axes.index(axis) for axis in "zcyx"]
        np.testing.assert_array_equal(np.transpose(pixels, order), colour)


@pytest.mark.parametrize("again", [False, True])
def test_what_was_never_stored_is_the_fill_value_of_the_file(again: bool, tmp_path: Path) -> None:
    """GDAL's tag names what missing pixels are: a page that was never stored is full of it by both ways."""
    pages = [page_of(plane, 16, rows=40) for plane in PLANES]
    for page in pages:
        page.tags[42113] = (2, b"77\0")
    pages[1].segments = [None]
    (tmp_path / "a.tif").write_bytes(write_raw(pages))
    with open_images(tmp_path / "a.tif", second_look=again) as (image,):
        pixels = image.read((slice(0, 3), slice(0, 40), slice(0, 56)))
    np.testing.assert_array_equal(pixels, np.stack([PLANES[0], np.full_like(PLANES[1], 77), PLANES[2]]))
