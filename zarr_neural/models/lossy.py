"""A lossy model: what path Y codes planes with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from .file import write_model
from .lossy_contract import validate_lossy

KIND = "lossy"


@dataclass(frozen=True)
class LossyModel:
    """A model of path Y; two are equal when their files are.

    Attributes
    ----------
    id : str
        SHA-256 of the file, 64 lower-case hexadecimal digits.
    arrays : mapping of str to ndarray
        The integers, read-only, as `validate_lossy` describes them.
    metadata : mapping of str to str
        `format`, `kind`, and where the model comes from.
    """

    id: str
    arrays: Mapping[str, NDArray[Any]] = field(compare=False, repr=False)
    metadata: Mapping[str, str] = field(compare=False, repr=False)


def pack_lossy(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Return the file of a lossy model; equal content gives equal bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `validate_lossy` describes them.
    metadata : mapping of str to str
        Provenance. `format` and `kind` are added.

    Raises
    ------
    ModelError
        If the arrays break the numeric contract, or the file would have `MAX_NBYTES` bytes or more.
    """
    validate_lossy(arrays)
    return write_model(arrays, metadata, KIND)
