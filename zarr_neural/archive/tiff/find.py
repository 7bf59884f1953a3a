"""Finding the files of an archive: files, folders and patterns in, paths of TIFFs out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from zarr_neural.errors import ArchiveError

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".stk", ".lsm")


def _glob(pattern: Path) -> list[tuple[Path, Path]]:
    """Return (folder before the first wildcard, file) for every file that matches, sorted."""
    plain = list(itertools.takewhile(lambda part: not any(sign in part for sign in "*?["), pattern.parts))
    base = Path(*plain)
    if len(plain) == len(pattern.parts) or not base.is_dir():
        return []
    found = sorted(base.glob(str(Path(*pattern.parts[len(plain) :]))))
    return [(base, file) for file in found if file.is_file() and not _hidden(file.relative_to(base))]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def find_tiffs(sources: Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """Return (file, path relative to the source that named it) for files, globs and folders (searched recursively).

    Sorted within each source, each file once, hidden files left out.

    Raises
    ------
    ArchiveError
        A source does not exist or matches nothing.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = [
                (file, file.relative_to(path))
                for file in sorted(path.rglob("*"))
                if file.suffix.lower() in SUFFIXES and file.is_file() and not _hidden(file.relative_to(path))
            ]
        elif path.exists():
            files = [(path, Path(path.name))]
        else:
            files = [(file, file.relative_to(base)) for base, file in _glob(path)]
        if not files:
            raise ArchiveError(f"{source}: no TIFF found there")
        for file, relative in files:
            found.setdefault(file, relative)
    return list(found.items())
