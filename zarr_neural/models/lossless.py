"""A lossless model: what path L codes planes with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from .contract import validate
from .file import write_model

KIND = "lossless"


@dataclass(frozen=True)
class LosslessModel:
    """A model of path L; two are equal when their files are.

    Attributes
    ----------
    id : str
        SHA-256 of the file, 64 lower-case hexadecimal digits.
    arrays : mapping of str to ndarray
        The integers, read-only, as `validate` describes them.
    metadata : mapping of str to str
        `format`, `kind`, and where the model comes from.
    """

    id: str
    arrays: Mapping[str, NDArray[Any]] = field(compare=False, repr=False)
    metadata: Mapping[str, str] = field(compare=False, repr=False)


def pack(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return the file of a lossless model; equal content gives equal bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `validate` describes them.
    metadata : mapping of str to str
        Provenance. `format` and `kind` are added.

    Raises
    ------
    ModelError
        If the arrays break the numeric contract, or the file would have `MAX_NBYTES` bytes or more.
    """
    validate(arrays)
    return write_model(arrays, metadata, KIND)
