"""Whether a store that is there already is what would be made now: what was asked decides, and what the source holds.

The version of the package plays no part, nor does the time of a source that was copied or touched: where size and time
are not those that were recorded, the pixels are read and their digest is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zarr_neural.archive.ask.options import Options
from zarr_neural.archive.layout import grid, region_shape
from zarr_neural.archive.provenance import KEY, task_of
from zarr_neural.archive.stores import attributes, open_node
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.archive.write.pixels import read_digest
from zarr_neural.archive.write.regions import pyramid_of
from zarr_neural.errors import ArchiveError


def finished_record(store: Path) -> dict[str, Any] | None:
    """Return what a converted store says about itself, None if it is not one of ours."""
    try:
        record = attributes(open_node(store)).get(KEY)
    except ArchiveError:
        return None
    return dict(record) if isinstance(record, Mapping) else None


def difference(record: Mapping[str, Any], image: SourceImage, options: Options) -> str | None:
    """Return in what a finished store differs from what is asked now, None where it is the same.

    Parameters
    ----------
    record : mapping
        See `finished_record`.
    image : SourceImage
        The source now; read in full where its files have other sizes or times than were recorded.
    options : Options
        What is asked now.
    """
    task = task_of(image, options)
    source, recorded = task.pop("source"), record.get("source")
    for name, value in task.items():
        if record.get(name) != value:
            return f"with {name.removesuffix('_option')} {record.get(name)!r}, but {value!r} is asked for now"
    if not isinstance(recorded, Mapping) or recorded.get("series") != source["series"]:
        return "from another image of its source"
    if recorded.get("name") != source["name"]:
        return f"from a file called {recorded.get('name')!r}"
    if recorded.get("stamp") == source["stamp"] and recorded.get("digest") == source["digest"]:
        return None
    if recorded.get("digest") == source["digest"] and recorded.get("pixels") == _digest(image, options):
        return None
    return "from different content of its source"


def _digest(image: SourceImage, options: Options) -> str:
    first = pyramid_of(image, options)[0]
    regions = grid(image.shape, region_shape(first, image.dtype.itemsize, image.interleaved, image.samples))
    return read_digest(image, regions, first.block, options.threads)
