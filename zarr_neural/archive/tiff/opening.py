"""Opening a TIFF with what belongs to it: the file that holds its metadata, its OME-XML, the files beside it.

Names that metadata give are checked before anything of that name is opened.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile

from zarr_neural.archive.tiff.confine import check_beside, file_beside
from zarr_neural.archive.tiff.dialects.ome_xml import companion_of, files_named, parse
from zarr_neural.errors import ArchiveError

Xml = tuple[str, ElementTree.Element]


def open_tiff(path: Path, stack: ExitStack) -> tuple[Any, Xml | None, tuple[Path, ...], list[str]]:
    """Return the open file, the OME-XML that belongs to it, the files beside it that hold metadata, and notes.

    Parameters
    ----------
    path : Path
        The file.
    stack : ExitStack
        Closes what was opened.

    Raises
    ------
    ArchiveError
        The metadata name a file that is missing or lies elsewhere, or are no XML that can be read.
    """
    tiff = stack.enter_context(tifffile.TiffFile(path))
    if tiff.is_ndtiff and (index := path.parent / "NDTiff.index").exists():
        names = {entry[1] for entry in tifffile.tifffile.read_ndtiff_index(index)}
        check_beside(path, names)
        return tiff, None, (index,), []
    if not tiff.is_ome:
        return tiff, None, (), []
    text = tiff.ome_metadata
    try:
        root = parse(text)
        name = companion_of(root)
    except ArchiveError as error:
        if len(tiff.pages) > 1:
            raise
        return tiff, None, (), [f"the original metadata were left out: {error}"]
    more: tuple[Path, ...] = ()
    if name is not None:
        file = file_beside(path, name)
        if not file.is_file():
            raise ArchiveError(f"its metadata are in the companion file {name!r}, which is not in the same folder")
        master = _master(file, stack)
        text = file.read_text("utf-8-sig").rstrip() if master is None else master.ome_metadata
        root, more = parse(text), (file,)
        check_beside(path, files_named(root))
        tiff = master or stack.enter_context(tifffile.TiffFile(path, omexml=text))
    check_beside(path, files_named(root))
    return tiff, (text, root), more, []


def _master(file: Path, stack: ExitStack) -> Any:
    """The master of a set of OME-TIFFs, opened; None if the file that holds the metadata is a companion in XML."""
    with file.open("rb") as handle:
        if handle.read(2) not in (b"II", b"MM"):
            return None
    master = stack.enter_context(tifffile.TiffFile(file))
    if not master.is_ome or companion_of(parse(master.ome_metadata)) is not None:
        raise ArchiveError(f"its metadata should be in {file.name}, which holds none")
    return master
