"""Texts of a page and blocks of instruments that no other reader looks at: kept as they are, never interpreted.

Specification: TIFF 6.0, Exif 2.32 (tags 34665, 34853); tifffile for the blocks of the instruments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from zarr_neural.archive.tiff.dialects.record import Record, text_of
from zarr_neural.archive.tiff.dialects.resolution_tags import tag

_TEXTS = (
    "DocumentName", "PageName", "Make", "Model", "Software", "DateTime", "Artist", "HostComputer", "Copyright",
)  # fmt: skip
_BLOCKS = ("ExifTag", "GPSTag")
_INSTRUMENTS = ("andor", "fei", "fluoview", "mdgel", "metaseries", "nih", "sem", "sis")
_LONGEST = 2**20


def keep_tags(record: Record, tiff: Any, page: Any) -> None:
    """Put the texts of a page, and what an instrument of another kind wrote into the file, into the documents."""
    found: dict[str, Any] = {name: text for name in _TEXTS if (text := text_of(tag(page, name)))}
    found |= {name: dict(block) for name in _BLOCKS if isinstance(block := tag(page, name), Mapping)}
    if found:
        _keep(record, "tiff-tags.json", found)
    for name in _INSTRUMENTS:
        if getattr(tiff, f"is_{name}", False) and (block := getattr(tiff, f"{name}_metadata", None)):
            _keep(record, f"{name}.json", block)


def _keep(record: Record, name: str, content: Any) -> None:
    text = json.dumps(content, default=str, indent=1)
    if len(text) <= _LONGEST:
        record.documents[name] = text
    else:
        record.notes.append(f"the original metadata {name} were left out: they exceed {_LONGEST} characters")
