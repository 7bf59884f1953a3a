"""Which file holds the weights of a codec, where it is looked for, and whether it is the right one; never a network."""

from __future__ import annotations

from pathlib import Path

from zarr_neural.errors import ModelError, ModelNotFoundError
from zarr_neural.models.folders import first_sound, readable
from zarr_neural.zoo.weights import directories, is_digest, named, remember, sha256

TRAINED = "made by zarr-neural train zoo; "
"""How to come by a file of weights trained here."""


def directories_for(weights: str | None) -> list[Path]:
    """Return the folders that are searched: the given one, the wheel, those of `$ZARR_NEURAL_ZOO`, the user's own."""
    given = [Path(weights)] if weights is not None and Path(weights).is_dir() else []
    return [*given, *directories()]


def grey_file_name(name: str) -> str:
    """Return the name of the file of an architecture trained here, for all metrics and qualities."""
    return f"{name}-grey.safetensors"


def rgb_file_name(name: str, metric: str, quality: int) -> str:
    """Return the name that CompressAI gives to a file of weights: the end of its address."""
    return rgb_address(name, metric, quality).rpartition("/")[2]


def rgb_address(name: str, metric: str, quality: int) -> str:
    """Return where CompressAI publishes a file of weights."""
    from .library import model_urls  # heavy: needed where a file is looked for, not where a codec is configured

    return str(model_urls[name][metric][quality])


def locate(file_name: str, weights: str | None, *, advice: str = "") -> Path:
    """Return the path of a file of weights.

    Parameters
    ----------
    file_name : str
    weights : str, optional
        The file itself under any name, a folder that is searched first, or the SHA-256 that the file must have.
    advice : str
        How to come by the file, for the error.

    Raises
    ------
    ModelNotFoundError
        If it lies in none of the `directories_for`; says which file to put where.
    ModelError
        If only files of other contents than were asked for lie there.
    """
    if weights is not None and is_digest(weights):
        return _of_digest(file_name, weights, advice)
    if weights is not None and Path(weights).is_file():
        return remember(Path(weights))
    searched = directories_for(weights)
    for path in readable(file_name, searched):
        return path if weights is None else remember(path)
    wanted = f"file {file_name} ({advice}put it into one of the folders searched, or name it with weights=)"
    if weights is not None and not Path(weights).is_dir():
        wanted += f"; weights={weights!r} is no file or folder here"
    raise ModelNotFoundError(wanted, [str(directory) for directory in searched])


def _of_digest(file_name: str, digest: str, advice: str) -> Path:
    """Return the path of the file of that name and SHA-256."""
    if (path := named(digest)) is not None:
        return path
    try:
        return first_sound(file_name, digest, directories(), lambda path: (sha256(path), path))
    except ModelNotFoundError as error:
        wanted = f"file {file_name} of SHA-256 {digest} ({advice}put it into one of the folders searched)"
        raise ModelNotFoundError(wanted, error.searched) from None


def checked_digest(path: Path, file_name: str) -> str:
    """Return the SHA-256 of a file of CompressAI's after comparing it with the eight digits in its name.

    Raises
    ------
    ModelError
        If they differ: the file was damaged on its way, or is another one.
    """
    expected = file_name.split(".")[0].rpartition("-")[2]
    found = sha256(path)
    if not found.startswith(expected):
        raise ModelError(f"the SHA-256 of {path} is {found}, expected one that starts with {expected}")
    return found
