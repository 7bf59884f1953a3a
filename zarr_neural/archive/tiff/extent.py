"""Whether the pixels of a series lie within its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zarr_neural.errors import ArchiveError


def check_extent(path: Path, series: Any) -> int:
    """Refuse a series whose pixels reach beyond its file; return the number of planes that were never stored."""
    size = path.stat().st_size
    if series.dataoffset is not None:
        if not series.is_multifile and series.dataoffset + series.nbytes > size:
            raise ArchiveError(
                f"{path.name}: truncated: {size} bytes, its pixels need {series.dataoffset + series.nbytes}"
            )
        return 0
    missing = 0
    for page in series.pages:
        if page is None:
            missing += 1
        elif not series.is_multifile:
            ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False))
            end = max(ends, default=0)
            if end > size:
                raise ArchiveError(f"{path.name}: truncated: {size} bytes, its pixels need {end}")
    return missing
