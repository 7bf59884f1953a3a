"""TIFFs of every layout: what `convert` stores is what the pages hold, by the writer's account and by tifffile's."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_tiff import DTYPES, page_of, write_raw

from zarr_neural.archive import Options, convert, fidelity_from, verify
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ArchiveError

LOSSLESS = Options(fidelity=fidelity_from(lossless=True))


BITS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 31, 32, 64)
OME_TYPES = {8: "uint8", 16: "uint16", 32: "uint32"}


@dataclass
class Layouts:
    """Draws one page after the other, each laid out in its own way where `free`."""

    draw: Any
    bits: int
    byteorder: str
    shape: tuple[int, ...]
    planar: bool
    rng: np.random.Generator
    free: bool = True
    how: dict[str, Any] = field(default_factory=dict)

    def page(self) -> tuple[Any, np.ndarray]:
        """A page and its pixels, some of which may never have been stored."""
        if self.free or not self.how:
            height = self.shape[1] if self.planar else self.shape[0]
            compression = self.draw(st.sampled_from([1, 1, 5, 8, 32773]))
            self.how = {
                "rows": self.draw(st.integers(1, height)),
                "tile": self.draw(st.sampled_from([None, None, 16])) if self.bits in (1, 8, 16, 32, 64) else None,
                "compression": compression,
                "predictor": self.draw(st.sampled_from([1, 2])) if compression in (5, 8) and self.bits in OME_TYPES
                else 1,
            }  # fmt: skip
        kind = np.uint64 if self.bits == 64 else np.int64
        plane = self.rng.integers(0, 2**self.bits, self.shape, dtype=kind).astype(DTYPES[self.bits])
        page = page_of(
            plane, self.bits, self.byteorder, planar=self.planar, photometric=2 if plane.ndim == 3 else 1,
            gap=self.draw(st.sampled_from([0, 0, 6])), **self.how,
        )  # fmt: skip
        number = len(page.segments)
        if self.draw(st.booleans()):
            page = replace(page, order=self.draw(st.permutations(range(number))))
        if number > 1 and self.draw(st.integers(0, 3)) == 0:
            lost = self.draw(st.integers(0, number - 1))
            page = replace(page, segments=[None if i == lost else part for i, part in enumerate(page.segments)])
            plane = without(plane, lost, self.how["rows"], self.how["tile"], self.planar)
        return page, plane


@st.composite
def stacks(draw: Any) -> tuple[list[bytes], np.ndarray]:
    """One file or a set of files that hold a stack of one to four pages, and its pixels.

    A plain TIFF (with reduced images as SubIFDs, perhaps) has pages of one layout, which otherwise would be several
    images; an OME-TIFF has pages that are laid out each in its own way; a set has a file for every page.
    """
    kind = draw(st.sampled_from(["plain", "subifds", "ome", "set"]))
    bits = draw(st.sampled_from(tuple(OME_TYPES) if kind in ("ome", "set") else BITS))
    byteorder, big = draw(st.sampled_from("<>")), draw(st.booleans())
    count, height, width = draw(st.integers(1, 4)), draw(st.integers(1, 40)), draw(st.integers(1, 40))
    samples = draw(st.sampled_from([1, 1, 3])) if bits in (8, 16) and kind == "plain" else 1
    planar = samples > 1 and draw(st.booleans())
    shape = (height, width) if samples == 1 else (samples, height, width) if planar else (height, width, samples)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layouts = Layouts(draw, bits, byteorder, shape, planar, rng, free=kind == "ome")
    pages, truth = map(list, zip(*(layouts.page() for _ in range(count)), strict=True))
    if kind == "subifds" and min(height, width) > 1:
        pages = [replace(p, subifds=[page_of(t[::2, ::2], bits, byteorder)]) for p, t in zip(pages, truth, strict=True)]
        for page in pages:
            page.subifds[0].tags[254] = (4, [1])
    files = [pages] if kind != "set" else [[page] for page in pages]
    if kind in ("ome", "set"):
        for number, own in enumerate(files):
            own[0].tags[270] = (2, ome_xml(len(files), count, number, bits, (height, width)))
    stack = np.stack(truth)
    stack = stack if samples == 1 or planar else np.moveaxis(stack, -1, 1)
    contents = [write_raw(own, big=big, byteorder=byteorder) for own in files]
    return contents, stack.swapaxes(0, 1) if samples > 1 else stack


def ome_xml(files: int, planes: int, number: int, bits: int, size: tuple[int, int]) -> bytes:
    """The OME-XML of one file of a set, whose planes lie in its files in order."""
    uuids = [f"urn:uuid:00000000-0000-4000-8000-{i:012d}" for i in range(files)]
    data = "<TiffData/>" if files == 1 else "".join(
        f'<TiffData FirstZ="{i}" IFD="0" PlaneCount="1"><UUID FileName="{i}.ome.tif">{uuid}</UUID></TiffData>'
        for i, uuid in enumerate(uuids)
    )  # fmt: skip
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="{uuids[number]}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="{OME_TYPES[bits]}" SizeX="{size[1]}" SizeY="{size[0]}" SizeZ="{planes}" SizeC="1" SizeT="1">{data}'
        "</Pixels></Image></OME>\0"
    ).encode()


def without(plane: np.ndarray, number: int, rows: int, tile: int | None, planar: bool) -> np.ndarray:
    """The plane with one strip or tile at zero."""
    left = plane.copy()
    whole = left if planar else left[None]
    height, width = whole.shape[1:3]
    if tile is None:
        down = -(-height // rows)
        part, y = divmod(number, down)
        whole[part, y * rows : (y + 1) * rows] = 0
    else:
        across = -(-width // tile)
        part, rest = divmod(number, across * -(-height // tile))
        y, x = divmod(rest, across)
        whole[part, y * tile : (y + 1) * tile, x * tile : (x + 1) * tile] = 0
    return left


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(stacks())
def test_what_is_stored_is_what_the_pages_hold(stack: tuple[list[bytes], np.ndarray]) -> None:
    """Any layout: convert stores the pixels that were written, tifffile decodes the same, and verify agrees."""
    contents, truth = stack
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / (f"{i}.ome.tif" if b"openmicroscopy" in contents[0] else f"{i}.tif")
                 for i in range(len(contents))]  # fmt: skip
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        (Path(folder) / "out").mkdir()
        report, *_ = convert(paths[:1], Path(folder) / "out", LOSSLESS)
        assert report.status == "converted", report.error
        stored = zarr.open_array(report.target, path="0", mode="r")[...]
        truth = truth.astype(bool) if stored.dtype == bool else truth
        np.testing.assert_array_equal(stored.reshape(truth.shape), truth)
        planes = []
        for path in paths:
            with tifffile.TiffFile(path) as tiff:
                tiff.pages.useframes = False
                planes += [page.aspage().asarray() for page in tiff.pages]
        np.testing.assert_array_equal(np.sort(np.stack(planes), axis=None), np.sort(stored, axis=None))
        (checked,) = verify(report.target, paths[0])
        assert checked.sound, checked.damaged


PLANES = np.random.default_rng(5).integers(0, 60000, (4, 40, 56)).astype("u2")


def converted(content: bytes, folder: Path, name: str = "a.tif") -> tuple[Any, np.ndarray | None]:
    path = folder / name
    path.write_bytes(content)
    (report,) = convert([path], folder / "a.ome.zarr", LOSSLESS)
    store = folder / "a.ome.zarr" / "0"
    return report, zarr.open_array(store, mode="r")[...] if store.exists() else None


def test_gaps_on_a_later_page_are_no_pixels(tmp_path: Path) -> None:
    """Strips that follow each other on the first page and have gaps on a later one are read where they are."""
    pages = [page_of(plane, 16, gap=10 if i == 2 else 0) for i, plane in enumerate(PLANES)]
    report, stored = converted(write_raw(pages), tmp_path)
    np.testing.assert_array_equal(stored, PLANES)
    assert report.status == "converted"


def test_what_was_never_stored_is_told(tmp_path: Path) -> None:
    """Strips and pages with an offset and byte count of zero read as the fill value, and a note says how many."""
    first, *rest = [page_of(plane, 16) for plane in PLANES]
    rest[1] = replace(rest[1], segments=[None] * len(rest[1].segments))
    rest[2] = replace(rest[2], segments=[None, *rest[2].segments[1:]])
    report, stored = converted(write_raw([first, *rest]), tmp_path)
    assert stored is not None
    np.testing.assert_array_equal(stored[:2], PLANES[:2])
    assert not stored[2].any()
    assert not stored[3, :7].any()
    np.testing.assert_array_equal(stored[3, 7:], PLANES[3, 7:])
    assert any("never stored" in note and note.startswith("7 ") for note in report.notes)


def test_missing_byte_counts_of_plain_strips_are_a_note(tmp_path: Path) -> None:
    """Uncompressed strips without byte counts have the sizes that their rows give; that is told."""
    pages = [page_of(plane, 16, counts=lambda counts: None) for plane in PLANES]
    report, stored = converted(write_raw(pages), tmp_path)
    np.testing.assert_array_equal(stored, PLANES)
    assert any("missing data ByteCounts" in note and "4 times" in note for note in report.notes)


@pytest.mark.parametrize("lost", [1, 3000])
def test_a_file_that_ends_early_is_truncated(lost: int, tmp_path: Path) -> None:
    """Not one byte of pixels may be missing at the end of a file: the error names the file and the page."""
    last = PLANES[3].tobytes()
    whole = bytearray(write_raw([page_of(plane, 16, rows=40) for plane in PLANES]))
    at = whole.rfind(whole.find(last).to_bytes(4, "little"))  # the pixels of the last page go behind all directories
    whole[at : at + 4] = len(whole).to_bytes(4, "little")
    whole += last
    report, _ = converted(bytes(whole), tmp_path)
    assert report.status == "converted"
    (tmp_path / "short").mkdir()
    short, stored = converted(bytes(whole[:-lost]), tmp_path / "short")
    assert (short.status, stored) == ("failed", None)
    assert "a.tif: truncated: page 3" in (short.error or "")


def test_a_large_claim_of_a_small_file_takes_no_memory(tmp_path: Path) -> None:
    """A compressed strip that claims 100,000 x 100,000 pixels is refused before memory is taken for it."""
    page = page_of(PLANES[0], 16, compression=8, rows=40)
    page.tags.update({256: (4, [100_000]), 257: (4, [100_000]), 278: (4, [100_000])})
    report, stored = converted(write_raw([page]), tmp_path)
    assert (report.status, stored) == ("failed", None)
    assert "limit" in (report.error or "")


def test_a_damaged_stream_names_its_page(tmp_path: Path) -> None:
    """A deflate stream that was cut is an error that names the file and the page, never zeros."""
    pages = [page_of(plane, 16, compression=8) for plane in PLANES]
    broken = [part[: len(part) // 2] if i == 3 else part for i, part in enumerate(pages[2].segments)]
    pages[2] = replace(pages[2], segments=broken)
    report, stored = converted(write_raw(pages), tmp_path)
    assert report.status == "failed"
    assert "page 2" in (report.error or "")
    assert stored is None


def test_a_second_file_that_is_truncated_is_an_error(tmp_path: Path) -> None:
    """The files of a set are held to their ends one by one."""
    plane = PLANES[0]
    uuids = [f"urn:uuid:00000000-0000-4000-8000-00000000000{i}" for i in "ab"]
    data = "".join(
        f'<TiffData FirstZ="{i}" IFD="0" PlaneCount="1"><UUID FileName="{name}.ome.tif">{uuid}</UUID></TiffData>'
        for i, (name, uuid) in enumerate(zip("ab", uuids, strict=True))
    )
    for name, uuid in zip("ab", uuids, strict=True):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}"><Image '
            'ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="56" SizeY="40" SizeZ="2" '
            f'SizeC="1" SizeT="1">{data}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", plane, description=xml, metadata=None)
    with open_images(tmp_path / "a.ome.tif") as (image,):
        assert image.shape == (2, 40, 56)
    second = tmp_path / "b.ome.tif"
    second.write_bytes(second.read_bytes()[:-100])
    with pytest.raises(ArchiveError, match=r"b\.ome\.tif.*page 0"), open_images(tmp_path / "a.ome.tif"):
        pass


def test_a_fault_of_the_reader_is_found_by_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify reads the source in another way than convert does: what convert read wrongly, it reports."""
    from zarr_neural.archive.tiff import pages

    raw = pages.Pages._raw
    monkeypatch.setattr(pages.Pages, "_raw", lambda *arguments: np.roll(raw(*arguments), 1, axis=0))
    report, stored = converted(write_raw([page_of(plane, 16, rows=40) for plane in PLANES]), tmp_path)
    assert report.status == "converted"
    np.testing.assert_array_equal(stored, np.roll(PLANES, 1, axis=1))
    (checked,) = verify(tmp_path / "a.ome.zarr", tmp_path / "a.tif")
    assert not checked.sound
    assert json.dumps(checked.as_json())
