"""The original metadata of a source, kept in its store: OME/METADATA.ome.xml and what else the program wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import zarr

FOLDER = "OME"
"""Where bioformats2raw and its readers expect metadata; no array lies in it."""


def write_documents(group: zarr.Group, store: Path, documents: Mapping[str, str]) -> None:
    """Write every document into the folder OME of a store, which becomes a group.

    Parameters
    ----------
    group : zarr.Group
        The root of the store.
    store : Path
        Its folder.
    documents : mapping of str to str
        Text by file name.
    """
    if not documents:
        return
    group.require_group(FOLDER)
    for name, text in documents.items():
        (store / FOLDER / name).write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
