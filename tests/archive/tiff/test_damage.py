"""Files that are damaged, irregular or hostile: an error that names file and page, or a note, never wrong pixels."""

from __future__ import annotations

import logging
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from raw_tiff import RawPage, page_of, write_raw

from zarr_neural.archive.tiff import second_look
from zarr_neural.archive.tiff.complaints import is_damage, notes_of
from zarr_neural.archive.tiff.pages import _File
from zarr_neural.archive.tiff.planes import plan_of_series
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.errors import ArchiveError

PLANES = np.random.default_rng(6).integers(0, 60000, (4, 40, 56)).astype("u2")
BYTES = np.random.default_rng(7).integers(0, 255, (40, 56)).astype("u1")
OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{own}><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="56" SizeY="40" SizeZ="{planes}" SizeC="1" '
    'SizeT="1">{data}</Pixels></Image></OME>'
)


def read(content: bytes, folder: Path, name: str = "a.tif", *, again: bool = False) -> list[np.ndarray]:
    """Return the pixels of all images of a file."""
    (folder / name).write_bytes(content)
    with open_images(folder / name, second_look=again) as images:
        return [np.asarray(image.read(tuple(slice(0, size) for size in image.shape))) for image in images]


def stream_of(compression: int) -> bytes:
    """A compressed stream of `BYTES`."""
    encode: dict[int, Any] = {
        5: lambda: imagecodecs.lzw_encode(BYTES.tobytes()),
        7: lambda: imagecodecs.jpeg8_encode(BYTES, level=98),
        8: lambda: imagecodecs.zlib_encode(BYTES.tobytes()),
        32773: lambda: imagecodecs.packbits_encode(BYTES.tobytes()),
        34712: lambda: imagecodecs.jpeg2k_encode(BYTES, level=0),
        34934: lambda: imagecodecs.jpegxr_encode(BYTES),
        50000: lambda: imagecodecs.zstd_encode(BYTES.tobytes()),
        50002: lambda: imagecodecs.jpegxl_encode(BYTES, lossless=True),
    }
    return bytes(encode[compression]())


CODECS = (5, 7, 8, 32773, 34712, 34934, 50000, 50002)
CUTS = [(codec, lost) for codec in CODECS for lost in (1, 5, 60, 1000) if (codec, lost) != (5, 1)]  # 5, 1: see below


@pytest.mark.parametrize(("compression", "lost"), CUTS)
def test_a_stream_that_ends_early_is_an_error(compression: int, lost: int, tmp_path: Path) -> None:
    """No codec fills in for a stream that lost its end, be it one byte: the error names the page."""
    page = page_of(BYTES, 8, rows=40)
    page.tags[259] = (3, [compression])
    whole = stream_of(compression)
    for stream in (whole, whole + (b"\0\0\0" if compression in (5, 7, 8) else b"")):
        (pixels,) = read(write_raw([replace(page, segments=[stream])]), tmp_path)
        assert np.abs(pixels.astype(int) - BYTES).max() <= (30 if compression == 7 else 0)
    with pytest.raises(ArchiveError, match=r"a\.tif: page 0"):
        read(write_raw([replace(page, segments=[whole[:-lost]])]), tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_no_lost_byte_of_lzw_alters_a_pixel(seed: int, tmp_path: Path) -> None:
    """Wherever the last code of an LZW stream lies: one byte less is refused, or decodes to the same pixels."""
    rng = np.random.default_rng(seed)
    plane = rng.integers(0, 255 if seed % 2 else 4, (8, int(rng.integers(10, 90)))).astype("u1")
    page = page_of(plane, 8, rows=8, compression=5)
    (segment,) = page.segments
    assert segment is not None
    try:
        (pixels,) = read(write_raw([replace(page, segments=[segment[:-1]])]), tmp_path)
    except ArchiveError:
        return
    np.testing.assert_array_equal(pixels, plane)


@pytest.mark.parametrize("compression", [1, 8])
def test_too_few_strips_are_damage(compression: int, tmp_path: Path) -> None:
    """A page that names fewer strips than its height needs is refused when the file is opened, by its number."""
    pages = [page_of(plane, 16, compression=compression) for plane in PLANES]
    pages[1] = replace(pages[1], segments=pages[1].segments[:3])
    with pytest.raises(ArchiveError, match="page 1 has 3 strips or tiles, but its size needs 6"):
        read(write_raw(pages), tmp_path)


@pytest.mark.parametrize(
    ("counts", "sound"),
    [
        (lambda counts: [max(counts)] * len(counts), True),
        (lambda counts: [2 * count for count in counts], True),
        (lambda counts: [*counts, 9, 9], True),
        (lambda counts: [count // 2 for count in counts], False),
        (lambda counts: [count - 1 for count in counts], False),
    ],
    ids=["full strips", "double", "too many", "half", "one byte less"],
)
def test_wrong_byte_counts(counts: Any, sound: bool, tmp_path: Path) -> None:
    """Byte counts that are too large cost no pixel; counts that are too small are refused, not filled in."""
    pages = [page_of(plane, 16, counts=counts if i == 2 else lambda c: c) for i, plane in enumerate(PLANES)]
    if sound:
        (pixels,) = read(write_raw(pages), tmp_path)
        np.testing.assert_array_equal(pixels, PLANES)
    else:
        with pytest.raises(ArchiveError, match="page 2"):
            read(write_raw(pages), tmp_path)


def own_layouts() -> list[RawPage]:
    """Pages of one stack that are stored in four ways."""
    return [
        page_of(PLANES[0], 16, rows=40, compression=8, predictor=2),
        page_of(PLANES[1], 16, rows=3, gap=8),
        page_of(PLANES[2], 16, rows=7, compression=5, order=[3, 1, 0, 2, 5, 4]),
        page_of(PLANES[3], 16, tile=16),
    ]


@pytest.mark.parametrize("again", [False, True])
def test_pages_of_one_image_may_be_stored_each_in_its_own_way(again: bool, tmp_path: Path) -> None:
    """One OME image whose pages differ in strips, tiles and compression is one image with all its pixels."""
    pages = own_layouts()
    pages[0].tags[270] = (2, OME.format(own="", planes=4, data="<TiffData/>").encode() + b"\0")
    (pixels,) = read(write_raw(pages), tmp_path, "a.ome.tif", again=again)
    np.testing.assert_array_equal(pixels, PLANES)


def test_a_large_page_is_looked_at_again_outside_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages beyond what is held in memory, such as slides, are decoded into a temporary file: the same pixels."""
    monkeypatch.setattr(second_look, "HELD_NBYTES", 1000)
    made, plain = [], tifffile.TiffPage.asarray

    def watched(*arguments: Any, **named: Any) -> Any:
        made.append(plain(*arguments, **named))
        return made[-1]

    monkeypatch.setattr(tifffile.TiffPage, "asarray", watched)
    (pixels,) = read(write_raw([page_of(p, 16, tile=16, compression=8) for p in PLANES]), tmp_path, again=True)
    np.testing.assert_array_equal(pixels, PLANES)
    assert all(isinstance(array, np.memmap) for array in made)


def test_pages_that_differ_in_kind_are_no_image(tmp_path: Path) -> None:
    """Pages of another size or type of pixel than the first are refused where metadata call them one image."""
    for odd in (page_of(PLANES[1].astype("u4"), 32), page_of(PLANES[1, :30], 16)):
        pages = [page_of(plane, 16) for plane in PLANES]
        pages[1] = odd
        pages[0].tags[270] = (2, OME.format(own="", planes=4, data="<TiffData/>").encode() + b"\0")
        with pytest.raises(ArchiveError, match="page 1 holds"):
            read(write_raw(pages), tmp_path, "a.ome.tif")


@pytest.mark.parametrize("again", [False, True])
def test_a_set_of_more_files_than_may_be_open(again: bool, tmp_path: Path) -> None:
    """A set of hundreds of files, one plane each, is read with the few open files that a system allows."""
    count = 60
    planes = np.random.default_rng(3).integers(0, 999, (count, 40, 56)).astype("u2")
    uuids = [f"urn:uuid:00000000-0000-4000-8000-{i:012d}" for i in range(count)]
    data = "".join(
        f'<TiffData FirstZ="{i}" IFD="0" PlaneCount="1"><UUID FileName="f{i}.ome.tif">{uuid}</UUID></TiffData>'
        for i, uuid in enumerate(uuids)
    )
    for i, uuid in enumerate(uuids):
        text = OME.format(own=f' UUID="{uuid}"', planes=count, data=data) if i == 0 else None
        tifffile.imwrite(tmp_path / f"f{i}.ome.tif", planes[i], description=text, metadata=None)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(entry.name) for entry in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(used + 40, hard), hard))
    try:
        with open_images(tmp_path / "f0.ome.tif", second_look=again) as (image,):
            pixels = image.read((slice(0, count), slice(0, 40), slice(0, 56)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    np.testing.assert_array_equal(pixels, planes)


def test_a_page_that_only_the_index_of_micromanager_names_is_truncation(tmp_path: Path) -> None:
    """Micro-Manager's index names a page beyond the end of the file: that is an error, not a plane never stored."""
    path = tmp_path / "a_MMStack.ome.tif"
    path.write_bytes(write_raw([page_of(plane, 16, rows=40) for plane in PLANES]))
    with tifffile.TiffFile(path) as tiff:
        key = tiff.pages.first
        frames: list[Any] = [tiff.pages[number] for number in range(3)]
        counts = key.databytecounts
        lost = tifffile.TiffFrame(tiff, index=3, offset=0, dataoffsets=(0,), databytecounts=counts, keyframe=key)
        series = tifffile.TiffPageSeries([*frames, lost], PLANES.shape, key.dtype, "ZYX", kind="mmstack")
        with pytest.raises(ArchiveError, match="truncated: page 3"):
            plan_of_series(series, path)
        series = tifffile.TiffPageSeries([*frames, None], PLANES.shape, key.dtype, "ZYX", kind="mmstack")
        assert plan_of_series(series, path).notes[0].startswith("1 of 4 planes is not in the file")


def test_a_member_of_a_set_is_read_by_its_master(tmp_path: Path) -> None:
    """A file that leaves its metadata to the master of its set, a TIFF, gives the whole set, each plane in place."""
    uuids = [f"urn:uuid:00000000-0000-4000-8000-{i:012d}" for i in range(3)]
    data = "".join(
        f'<TiffData FirstZ="{i}" IFD="0" PlaneCount="1"><UUID FileName="{i}.ome.tif">{uuid}</UUID></TiffData>'
        for i, uuid in enumerate(uuids)
    )
    for i, uuid in enumerate(uuids):
        only = f'<BinaryOnly MetadataFile="0.ome.tif" UUID="{uuids[0]}"/>'
        start = OME.partition("<Image")[0].format(own=f' UUID="{uuid}"')
        text = OME.format(own=f' UUID="{uuid}"', planes=3, data=data) if i == 0 else f"{start}{only}</OME>"
        tifffile.imwrite(tmp_path / f"{i}.ome.tif", PLANES[i], description=text, metadata=None)
    for name in ("0.ome.tif", "2.ome.tif"):
        with open_images(tmp_path / name) as (image,):
            np.testing.assert_array_equal(image.read((slice(0, 3), slice(0, 40), slice(0, 56))), PLANES[:3])
            assert {file.name for file in image.files} == {"0.ome.tif", "1.ome.tif", "2.ome.tif"} | {name}


def test_a_wide_image_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regions that lie side by side read the bytes of their own columns, so that no byte is read twice."""
    plane = np.random.default_rng(1).integers(0, 255, (20, 17_000)).astype("u1")
    (tmp_path / "a.tif").write_bytes(write_raw([page_of(plane, 8, rows=20)]))
    nbytes, plain = [], _File.read

    def counted(self: Any, offset: int, count: int, page: Any) -> bytearray:
        nbytes.append(count)
        return plain(self, offset, count, page)

    monkeypatch.setattr(_File, "read", counted)
    with open_images(tmp_path / "a.tif") as (image,):
        parts = [image.read((slice(0, 20), slice(x, min(x + 1000, 17_000)))) for x in range(0, 17_000, 1000)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), plane)
    assert sum(nbytes) == plane.nbytes


def test_the_files_of_a_note_do_not_excuse_damage() -> None:
    """Complaints are judged by tifffile's own words: a name or text out of a file never turns damage into a note."""
    loud = logging.WARNING
    for name in ("ScanImage series.tif", "andor_tags> raised.tif", "imagej_metadata 'x'.tif"):
        text = f"<tifffile.TiffFile {name!r}> OME series failed to read {name!r}, raised OSError('DateTime'). Missing"
        assert is_damage(loud, text)
        assert is_damage(loud, f"<tifffile.TiffFile {name!r}> MMStack series is missing files. Returning subset")
    harmless = "<tifffile.TiffPage 0 @8> <tifffile.imagej_metadata> raised ValueError('corrupted')"
    assert not is_damage(loud, harmless)
    assert len(notes_of([(loud, harmless), (loud, harmless)])) == 1


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    """A file of 0 bytes is an error that says so."""
    with pytest.raises(ArchiveError, match=r"a\.tif: the file is empty"):
        read(b"", tmp_path)


def test_pixels_of_unknown_width_are_refused(tmp_path: Path) -> None:
    """Samples of 40 bits, which nothing decodes, are refused by their width."""
    page = page_of(BYTES, 8)
    page.tags[258] = (3, [40])
    with pytest.raises(ArchiveError, match="pixels of 40 bits"):
        read(write_raw([page]), tmp_path)


def test_a_file_whose_end_is_zeros_is_damaged(tmp_path: Path) -> None:
    """A copy of the right length that ends in zeros never passes for a shorter stack."""
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(0).integers(0, 999, (4, 40, 56), dtype=np.uint16)
    with tifffile.TiffWriter(path) as tiff:
        for plane in pixels:
            tiff.write(plane, photometric="minisblack", metadata=None, contiguous=False)
    with tifffile.TiffFile(path) as tiff:
        last = tiff.pages[3].offset
    content = path.read_bytes()
    path.write_bytes(content[:last] + bytes(len(content) - last))
    with pytest.raises(ArchiveError, match=r"a\.tif.*page 3 is empty"), open_images(path):
        pass
