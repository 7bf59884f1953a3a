"""Where the stores of a conversion go: one place for every file, apart from the sources, with a name that can be."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zarr_neural.archive.stores import is_store
from zarr_neural.archive.tiff.find import SUFFIXES
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.errors import ArchiveError, ConfigurationError

NAME_NBYTES = 255
"""The longest name of a file or folder on the usual file systems."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?=/)")
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Place:
    """Where the images of one file go: `target` if the file holds one image and nothing else is asked, or a folder."""

    target: Path
    single: bool

    def of(self, image: SourceImage, count: int) -> Path:
        """The store of one of `count` images of the file."""
        return self.target if count == 1 else self.target.with_name(stem(self.target) + f"-{image.series}.ome.zarr")


def places_for(
    files: Sequence[tuple[Path, Path]], sources: Sequence[str | Path], given: str | Path
) -> list[tuple[Path, Place]]:
    """Return (file, its place) for (file, path relative to the source that named it).

    Raises
    ------
    ConfigurationError
        The target cannot take them: it is named like one store, is a store or a file, or is, holds or lies in a source.
    """
    target, slashed = Path(given), ends_in_slash(given)
    if target.is_file():
        tiff = target.suffix.lower() in SUFFIXES
        forgotten = "; the last argument is the target: was it left out?" if tiff else ""
        raise ConfigurationError(f"{target} is a file: name a store (a path ending in .zarr) or a folder{forgotten}")
    alone = len(files) == 1 and not Path(sources[0]).is_dir()
    if slashed and is_store(target):
        raise ConfigurationError(
            f"{given}: a slash at the end means a folder, but this is a Zarr store: leave out the slash to mean the "
            "store itself"
        )
    if alone and not slashed and not (target.is_dir() and not is_store(target)):
        places = [(files[0][0], Place(target, single=True))]
    elif target.suffix == ".zarr" and alone and not slashed:
        raise ConfigurationError(
            f"{target} is named like a store but is an ordinary folder: choose another name, or add a slash at the "
            "end to put the store inside"
        )
    elif target.suffix == ".zarr" and not alone:
        raise ConfigurationError(f"{len(files)} files need a folder, but {target} is named like a single store")
    elif is_store(target):
        raise ConfigurationError(f"{target} is a Zarr store, but several images need a folder")
    else:
        places = [(file, Place(target / name, single=False)) for file, name in _names(files)]
    _check_apart(target, [Path(source) for source in sources], [place.target for _, place in places], files)
    return places


def ends_in_slash(path: str | Path) -> bool:
    """Whether a path was written with a slash at its end, which means a folder; a `Path` has lost it."""
    return str(path).endswith(tuple(sign for sign in ("/", os.sep, os.altsep) if sign))


def check_local(paths: Sequence[str | Path]) -> None:
    """Refuse URLs, which would be taken for folders of that name, and files that are written like folders.

    Raises
    ------
    ConfigurationError
        With what to do instead.
    """
    for path in paths:
        if (found := _URL.match(str(path))) and not Path(found[0]).exists():
            raise ConfigurationError(
                f"{path}: {found[0]}// addresses are not supported: convert to a local folder and copy the "
                "store, or mount the storage as a folder"
            )
        if ends_in_slash(path) and Path(path).is_file():
            raise ConfigurationError(f"{path}: a slash at the end means a folder, but this is a file")


def check_text(file: Path) -> None:
    """Refuse a source whose name is no text: the metadata of a store could not hold it.

    Raises
    ------
    ArchiveError
        Its bytes are not UTF-8.
    """
    try:
        file.name.encode()
    except UnicodeEncodeError as error:
        raise ArchiveError(
            f"the name of the file is not valid UTF-8 ({os.fsencode(file.name)!r}), and a store could not record it: "
            "rename the file"
        ) from error


def check_name(store: Path) -> None:
    """Refuse a store whose name, or that of its unfinished form, is longer than file systems allow.

    Raises
    ------
    ArchiveError
        With the lengths.
    """
    nbytes = len(os.fsencode(store.name + _PARTIAL))
    if nbytes > NAME_NBYTES:
        raise ArchiveError(
            f"the name of the store would be too long: {nbytes} bytes with {_PARTIAL}, which it carries until it is "
            f"finished, but only {NAME_NBYTES} are allowed; rename the file, or convert it alone to a target with a "
            "shorter name"
        )


def _check_apart(target: Path, sources: list[Path], stores: list[Path], files: Sequence[tuple[Path, Path]]) -> None:
    """Refuse a target that is a source, holds one where a store is to be, or lies in a source."""
    given = {source.resolve() for source in sources if source.exists()}
    inside = {target.resolve(), *target.resolve().parents} & given
    if inside:
        raise ConfigurationError(f"{target} is, or lies in, the source {inside.pop()}: choose a target outside")
    originals = given | {file.resolve() for file, _ in files}
    above = {parent for original in originals for parent in (original, *original.parents)}
    for store in stores:
        if store.resolve() in above:
            raise ConfigurationError(f"{store} is, or contains, a source: choose another target")


def stem(path: Path) -> str:
    """The name of a TIFF or store without .tif, .ome.tif, .zarr, .ome.zarr."""
    return re.sub(r"(\.ome)?\.(tiff?|btf|tf8|stk|lsm|zarr)$", "", path.name, flags=re.IGNORECASE)


def _names(files: Sequence[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Return (file, store path relative to the target folder), every path different."""
    relative = [name for _, name in files]
    if len(set(relative)) < len(relative):
        common = os.path.commonpath([file.resolve().parent for file, _ in files])
        relative = [file.resolve().relative_to(common) for file, _ in files]
    stores = [name.with_name(stem(name) + ".ome.zarr") for name in relative]
    whole = [name.with_name(name.name + ".ome.zarr") for name in relative]
    while True:  # a long name may be the short one of another file
        times = Counter(stores)
        longer = [long if times[short] > 1 else short for short, long in zip(stores, whole, strict=True)]
        if longer == stores:
            return [(file, store) for (file, _), store in zip(files, stores, strict=True)]
        stores = longer
