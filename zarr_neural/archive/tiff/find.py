"""Finding the files of an archive: files, folders and patterns in, paths of TIFFs out, and what is passed over."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zarr_neural.errors import ArchiveError

SUFFIXES = (
    ".tif", ".tiff", ".btf", ".tf8", ".tf2", ".stk", ".lsm", ".svs", ".qptiff", ".scn", ".ndpi", ".flex", ".gel",
)  # fmt: skip
"""Suffixes of the TIFFs that are looked for in folders; a file that is named is read whatever its suffix."""

OTHER_IMAGES = (
    ".nd2", ".czi", ".lif", ".lof", ".oib", ".oif", ".oir", ".vsi", ".ets", ".ims", ".zvi", ".dv", ".mrxs", ".vms",
    ".bif", ".dcm", ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".jp2", ".j2k", ".jxl", ".webp", ".avi", ".mp4", ".mov",
    ".sif", ".spe", ".mrc", ".nrrd", ".nii", ".h5", ".hdf5", ".raw", ".xdce", ".cif", ".ipl", ".psd", ".eer",
)  # fmt: skip
"""Suffixes of images in other formats, which are named as passed over."""


@dataclass(frozen=True)
class Found:
    """What lies in the sources: (file, path relative to the source that named it), and images that are not TIFFs."""

    files: tuple[tuple[Path, Path], ...]
    passed_over: tuple[Path, ...] = ()


def find_tiffs(sources: Sequence[str | Path]) -> Found:
    """Return the TIFFs of files, globs and folders, which are searched recursively.

    Sorted within each source, each file once, hidden files left out. A folder that a link leads back to is searched
    once. Images of other formats that lie in folders are listed as passed over.

    Raises
    ------
    ArchiveError
        A source does not exist or holds no TIFF.
    """
    found: dict[Path, Path] = {}
    passed: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            inside = list(_walk(path))
            files = [(file, file.relative_to(path)) for file in inside if file.suffix.lower() in SUFFIXES]
            other = [file for file in inside if file.suffix.lower() in OTHER_IMAGES]
            if not files:
                also = ""
                if other:
                    number = f"{len(other)} images of other formats" if len(other) > 1 else "an image of another format"
                    also = f"; it holds {number} ({other[0].name}{', ...' if len(other) > 1 else ''})"
                what = "the folder is empty" if not any(path.iterdir()) else "there is no TIFF in the folder"
                raise ArchiveError(f"{source}: {what}{also}; TIFFs end in {', '.join(SUFFIXES)}")
            passed |= dict.fromkeys(other)
        elif path.exists():
            files = [(path, Path(path.name))]
        else:
            files = [(file, file.relative_to(base)) for base, file in _glob(path)]
            if not files:
                pattern = any(sign in str(source) for sign in "*?[")
                what = "no TIFF matches this pattern" if pattern else "there is no such file or folder"
                raise ArchiveError(f"{source}: {what}")
        for file, relative in files:
            found.setdefault(file, relative)
    return Found(tuple(found.items()), tuple(passed))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files at or below a folder, sorted; hidden ones, stores and folders met before are left out."""
    seen: set[Path] = set()
    for base, folders, names in os.walk(folder, followlinks=True):
        here = Path(base)
        real = here.resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith((".zarr", ".zarr.partial"))
        )
        for name in sorted(names):
            file = here / name
            if not name.startswith(".") and (file.is_file() or (file.is_symlink() and not file.exists())):
                yield file  # a link to nothing too: that an image is missing is told when it cannot be opened


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
