"""The images that a TIFF holds, as tifffile finds them, and what it does not tell: images torn apart, pages left over.

tifffile makes an image of its own of every page that is stored in another way (rows per strip, tiles, compression).
How pixels are stored says nothing about what they are: such pages are one stack here, in the order of the file.
"""

from __future__ import annotations

from typing import Any

import tifffile

from zarr_neural.archive.tiff.dialects.mm_index import place_frames
from zarr_neural.archive.tiff.dialects.scanimage import order_of_pages
from zarr_neural.archive.tiff.photometric import photometric_of
from zarr_neural.errors import ArchiveError

_MOST_NAMED = 8


def series_of(tiff: Any) -> list[str]:
    """Set the series of an open file, and return notes on what became of its pages.

    Parameters
    ----------
    tiff : tifffile.TiffFile
        Its `series` are right afterwards.

    Raises
    ------
    ArchiveError
        Pixels of a form that cannot be read.
    """
    if len(tiff.pages) and tiff.pages.first.dtype is None:
        raise ArchiveError(f"it has pixels of {tiff.pages.first.bitspersample} bits in a form that cannot be read")
    try:
        found = tiff.series
    except RuntimeError as error:
        if "incompatible keyframe" not in str(error):
            raise
        for number in range(len(tiff.pages)):
            tiff.pages.get(number, cache=True, aspage=True)
        tiff.is_uniform = False
        found = tiff.series
    notes = []
    if len(found) > 1 and all(one.kind == "generic" and len(one.levels) == 1 for one in found):
        tiff.series = found = _joined(found)
        notes += _told_apart(found)
    if len(found) == 1 and found[0].kind == "scanimage":
        tiff.series = found = [_in_order(tiff, found[0])]
    for one in found:
        if one.kind == "mmstack":
            place_frames(one)
    return notes + _left_over(tiff, found)


def _joined(found: list[Any]) -> list[Any]:
    """The series, with those as one whose pages differ only in how they are stored."""
    groups: dict[Any, list[Any]] = {}
    for one in found:
        groups.setdefault(_kind_of(one.keyframe), []).extend(one)
    series = []
    for number, pages in enumerate(groups.values()):
        ordered = sorted(pages, key=_place)
        first = ordered[0]
        shape, axes = (len(ordered), *first.shape), f"I{first.axes}"
        one = tifffile.TiffPageSeries(ordered, shape, first.dtype, axes, index=number, kind="generic")
        series.append(one)
    return series


def _in_order(tiff: Any, series: Any) -> Any:
    """The series of a ScanImage file by its header; plain pages where that does not tell: tifffile takes time for z."""
    pages = list(series)
    axes, sizes = order_of_pages(tiff, len(pages)) or ("I", (len(pages),))
    shape, first = (*sizes, *series.keyframe.shape), series.keyframe
    return tifffile.TiffPageSeries(pages, shape, first.dtype, axes + first.axes, index=0, kind="scanimage")


def _kind_of(page: Any) -> tuple[Any, ...]:
    """What the pages of one image have in common; pages in a directory of another page stay apart from the others."""
    within = None if isinstance(page.index, int) else page.index[1:]
    return (
        page.shape, page.axes, page.dtype, page.bitspersample, photometric_of(page), page.subfiletype,
        page.extrasamples, str(page.nodata), within,
    )  # fmt: skip


def _place(page: Any) -> tuple[int, ...]:
    return (page.index,) if isinstance(page.index, int) else tuple(page.index)


def _told_apart(found: list[Any]) -> list[str]:
    """A note where pages of one size, in a row, are several images because they cannot be one."""
    images = [one for one in found if not one.keyframe.is_reduced and not one.keyframe.is_mask]
    if len(images) < 2:
        return []
    parts = []
    for number, one in enumerate(images[:_MOST_NAMED]):
        numbers = [_place(page)[0] for page in one]
        pages = ", ".join(map(str, numbers[:_MOST_NAMED])) + (", ..." if len(numbers) > _MOST_NAMED else "")
        size = " x ".join(map(str, one.keyframe.shape))
        parts.append(f"image {number} has page {pages} ({size}, {one.dtype}, {photometric_of(one.keyframe)})")
    more = f"; and {len(images) - _MOST_NAMED} more" if len(images) > _MOST_NAMED else ""
    return [
        f"the pages of this file differ in size, data type or photometric interpretation, so it became "
        f"{len(images)} images: {'; '.join(parts)}{more}"
    ]


def _left_over(tiff: Any, found: list[Any]) -> list[str]:
    """A note on the pages of the file that belong to none of its images."""
    if any(one.kind in ("mmstack", "ndtiff") for one in found):
        return []  # an index names the pages; the chain of directories ends wherever a run ended
    used: set[int] = set()
    places: set[int] = set()
    for level in (level for one in found for level in one.levels):
        needed = max(1, level.size // level.keyframe.size)  # an image may be given more pages than it shows
        pages = [page for page in list(level)[:needed] if page is not None and _is_in(page, tiff)]
        used.update(_place(page)[0] for page in pages)
        places.update(page.offset for page in pages)
        if len(pages) == 1 and level.size > pages[0].size:
            used.update(_without_directory(tiff, pages[0], level.size // pages[0].size))
    left = [number for number in range(len(tiff.pages)) if number not in used]
    left = [number for number in left if not _is_nothing_new(tiff.pages.get(number), places)]
    _refuse_empty(tiff, left)
    if not left:
        return []
    which = ", ".join(map(str, left[:_MOST_NAMED])) + (", ..." if len(left) > _MOST_NAMED else "")
    one = len(left) == 1
    return [
        f"{len(left)} of the {len(tiff.pages)} pages of this file {'belongs' if one else 'belong'} to none of the "
        f"images that its metadata name and {'was' if one else 'were'} left out (counted from 0: {which}); keep the "
        f"TIFF if you need {'it' if one else 'them'}"
    ]


def _refuse_empty(tiff: Any, numbers: list[int]) -> None:
    """Refuse a file with a directory without entries: its end was never written. Fibics ends its files with one."""
    if 51023 in tiff.pages.first.tags:
        return
    for number in numbers:
        if not tiff.pages.get(number, aspage=True).tags:
            raise ArchiveError(
                f"page {number} is empty: its directory has no entries, as after a copy or an acquisition that did not "
                "end; the file is damaged"
            )


def _is_in(page: Any, tiff: Any) -> bool:
    """Whether a page lies in a file: one whose metadata are in a companion is opened a second time by its name."""
    return page.parent is tiff or page.parent.filehandle.path == tiff.filehandle.path


def _without_directory(tiff: Any, page: Any, count: int) -> range:
    """The pages that lie in a stack which the directory of its first page stands for, if there are any."""
    after = _place(page)[0] + 1
    if after < len(tiff.pages) and tiff.pages.get(after).dataoffsets[:1] == (page.dataoffsets[0] + page.nbytes,):
        return range(after, after + count - 1)
    return range(after, after)


def _is_nothing_new(page: Any, places: set[int]) -> bool:
    """Whether a page is a reduced image of another one, or a directory that the chain leads to twice."""
    return page.is_reduced or page.offset in places
