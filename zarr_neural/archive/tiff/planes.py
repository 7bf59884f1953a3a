"""Where every plane of a TIFF series lies in its file, proven page by page before a pixel is read.

tifffile takes the later pages of a series to be laid out like the first. Here every page is read by its own directory:
its strips or tiles with their own offsets and byte counts, its own compression. What reaches beyond its file is an
error that names the page; what was never stored (an offset or byte count of zero) is counted, so that it can be told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from zarr_neural.archive.tiff.dialects.mm_index import page_at
from zarr_neural.errors import ArchiveError

_LAYOUT = (
    "shaped", "dtype", "compression", "predictor", "fillorder", "planarconfig", "photometric", "bitspersample",
    "sampleformat", "rowsperstrip", "tilewidth", "tilelength", "tiledepth", "samplesperpixel", "extrasamples",
    "subsampling", "nodata",
)  # fmt: skip
_PLAIN_BITS = (8, 16, 32, 64)


@dataclass(frozen=True)
class Page:
    """One page of a series: its file, its strips or tiles, and the tifffile page whose `decode` reads them.

    `raw` is where its pixels begin if they lie in the file as they are, one row after the other and whole, else None.
    `implied` pages have byte counts of 0 in the file, and here those that their size gives.
    """

    path: Path
    number: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    decoder: Any
    jpegtables: bytes | None
    raw: int | None
    implied: bool = False


@dataclass(frozen=True)
class Plan:
    """The pages of a series in order (None: no such page in the file), and notes on what is not there."""

    pages: tuple[Page | None, ...]
    notes: tuple[str, ...]


def plan_of_series(series: Any, path: Path) -> Plan:
    """Return where the pixels of a series lie.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Of an open file.
    path : Path
        That file, for messages.

    Raises
    ------
    ArchiveError
        A page is truncated, or of another size or kind of pixel than the first.
    """
    pages = list(_pages(series, path))
    sizes = {found: found.stat().st_size for found in {page.path for page in pages if page is not None}}
    absent = sum(page is None for page in pages)
    empty = 0
    for page in pages:
        if page is not None:
            _check_extent(page, sizes[page.path])
            if page.raw is None:
                empty += sum(not offset or not count for offset, count in zip(page.offsets, page.counts, strict=True))
    fill, notes = series.keyframe.nodata, []
    if absent:
        notes.append(
            f"{absent} of {len(pages)} planes {'is' if absent == 1 else 'are'} not in the file: "
            f"{'it was' if absent == 1 else 'they were'} never stored and "
            f"{'is' if absent == 1 else 'are'} filled with {fill}"
        )
    if empty:
        what = "1 strip or tile was" if empty == 1 else f"{empty} strips or tiles were"
        notes.append(
            f"{what} never stored (the offset or byte count is 0) and "
            f"{'is' if empty == 1 else 'are'} filled with {fill}"
        )
    if implied := sum(page is not None and page.implied for page in pages):
        notes.append(
            f"the byte counts of {implied} {'page' if implied == 1 else 'pages'} are 0, although the file says where "
            "their pixels are, so the number of bytes to read was computed from the size of the image"
        )
    return Plan(tuple(pages), tuple(notes))


def _pages(series: Any, path: Path) -> Iterator[Page | None]:
    keyframe = series.keyframe
    found = list(series)
    if len(found) == 1 and found[0] is not None and series.size > found[0].size:
        yield from _one_directory(found[0], series, path)
        return
    for page in found:
        yield None if page is None or page.keyframe is None else _page(page, keyframe, series.kind)


def _one_directory(page: Any, series: Any, path: Path) -> Iterator[Page]:
    """The planes of a stack that has one directory for all of them: ImageJ beyond 4 GiB, MetaMorph, tifffile."""
    first = _page(page, page, series.kind)
    if first.raw is None:
        raise ArchiveError(
            f"{path.name}: one directory stands for {series.size // page.size} planes that are not a stack"
        )
    for number in range(series.size // page.size):
        offset = first.raw + number * page.nbytes
        yield Page(first.path, number, (offset,), (page.nbytes,), page, None, offset)


def _page(page: Any, keyframe: Any, kind: str) -> Page:
    virtual = page.is_frame and page.is_virtual
    if virtual and kind == "mmstack":
        whole, virtual = page_at(page), False
    else:
        whole = _whole(page) if page.is_frame and not virtual and kind != "lsm" else page
    file = Path(page.parent.filehandle.path)
    if not whole.is_frame and (whole.shape != keyframe.shape or whole.dtype != keyframe.dtype):
        raise ArchiveError(
            f"{file.name}: page {page.index} holds {whole.shape} pixels of {whole.dtype}, but the first page of its "
            f"image has {keyframe.shape} of {keyframe.dtype}: such pages cannot form one image"
        )
    alike = whole.is_frame or whole is page.keyframe or _layout(whole) == _layout(page.keyframe)
    decoder = page.keyframe if alike else whole
    offsets, counts = tuple(whole.dataoffsets), tuple(whole.databytecounts)
    if not offsets:
        raise ArchiveError(f"{file.name}: page {page.index} does not say where its pixels are")
    implied = _lost_counts(decoder, offsets, counts)
    if implied or (_is_plain(decoder) and len(counts) != len(offsets)):
        counts = _implied_counts(decoder, len(offsets))
    if len(counts) != len(offsets):
        raise ArchiveError(
            f"{file.name}: page {page.index} has {len(offsets)} strips or tiles but {len(counts)} byte counts"
        )
    if len(offsets) == 1 and _is_plain(decoder) and offsets[0] and (virtual or counts[0]):
        counts = (decoder.nbytes,)  # a single uncompressed strip: what it holds is known, whatever the count says
    raw = offsets[0] if _is_whole(decoder, offsets, counts) else None
    if raw is None and len(offsets) < _segment_count(decoder):
        raise ArchiveError(
            f"{file.name}: page {page.index} has {len(offsets)} strips or tiles, but its size needs "
            f"{_segment_count(decoder)}: the file is damaged"
        )
    return Page(file, page.index, offsets, counts, decoder, whole.jpegtables, raw, implied)


def _whole(page: Any) -> Any:
    """A page with all its tags, read from its file, which is closed again if it was (a set may have thousands)."""
    handle = page.parent.filehandle
    closed = handle.closed
    if closed:
        handle.open()
    try:
        return page.aspage()
    finally:
        if closed:
            handle.close()


def _segment_count(page: Any) -> int:
    """The strips or tiles that a page has by its sizes."""
    parts, planes, length, width, _ = page.shaped
    if page.is_tiled:
        down, across = math.ceil(length / page.tilelength), math.ceil(width / page.tilewidth)
        return int(parts * math.ceil(planes / page.tiledepth) * down * across)
    return int(parts * planes * math.ceil(length / page.rowsperstrip))


def _layout(page: Any) -> tuple[Any, ...]:
    return tuple(getattr(page, name, None) for name in _LAYOUT)


def _is_plain(page: Any) -> bool:
    """Whether the rows of a page are stored as they are: no compression, no packing, whole tiles of full width."""
    if (
        page.compression != 1
        or page.bitspersample not in _PLAIN_BITS
        or page.sampleformat == 5
        or page.fillorder != 1
        or page.predictor != 1
        or page.is_subsampled
    ):
        return False
    if not page.is_tiled:
        return True
    return bool(page.tilewidth == page.imagewidth and page.imagelength % page.tilelength == 0 and page.tiledepth == 1)


def _is_whole(page: Any, offsets: tuple[int, ...], counts: tuple[int, ...]) -> bool:
    """Whether the strips follow each other without a gap and hold all the pixels."""
    ends = (offset + count for offset, count in zip(offsets, counts, strict=True))
    return (
        _is_plain(page)
        and all(offsets)
        and all(counts)
        and sum(counts) == page.nbytes
        and all(end == start for end, start in zip(ends, offsets[1:], strict=False))
    )


def _lost_counts(page: Any, offsets: tuple[int, ...], counts: tuple[int, ...]) -> bool:
    """Whether all byte counts of a page are 0 where its strips or tiles lie, each at a place of its own.

    What was never stored has no place either. Some old programs wrote no counts for uncompressed pixels.
    """
    plain = page.compression == 1 and isinstance(page.bitspersample, int) and not page.is_subsampled
    return plain and all(offsets) and not any(counts) and len(set(offsets)) == len(offsets)


def _implied_counts(page: Any, number: int) -> tuple[int, ...]:
    """Byte counts of uncompressed strips or tiles whose tag is missing."""
    length, width, samples = page.shaped[2:]
    if page.is_tiled:
        return (page.tiledepth * page.tilelength * _row_nbytes(page, page.tilewidth * samples),) * number
    row = _row_nbytes(page, width * samples)
    per_plane = math.ceil(length / page.rowsperstrip)
    rows = [min(page.rowsperstrip, length - i * page.rowsperstrip) for i in range(per_plane)]
    return tuple(rows[i % per_plane] * row for i in range(number))


def _row_nbytes(page: Any, samples: int) -> int:
    return -(-samples * int(page.bitspersample) // 8)


def _check_extent(page: Page, size: int) -> None:
    """Refuse a page whose strips or tiles reach beyond the file."""
    ends = np.add(page.offsets, page.counts, dtype=np.int64)[np.asarray(page.counts) != 0]
    end = int(ends.max()) if ends.size else 0
    if end > size:
        raise ArchiveError(
            f"{page.path.name}: truncated: page {page.number} ends at byte {end}, but the file has only {size}"
        )


def segment_nbytes(page: Page) -> int:
    """Return the bytes of one decoded strip or tile of a page."""
    decoder: tifffile.TiffPage = page.decoder
    if decoder.is_tiled:
        pixels = decoder.tiledepth * decoder.tilelength * decoder.tilewidth
    else:
        pixels = min(decoder.rowsperstrip, decoder.imagelength) * decoder.imagewidth
    samples = decoder.samplesperpixel if decoder.planarconfig == 1 else 1
    return int(pixels * samples * decoder.dtype.itemsize)
