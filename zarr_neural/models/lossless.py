"""A lossless model: what path L codes planes with."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from .contract import validate
from .file import write_model
from .model import Model

KIND = "lossless"


class LosslessModel(Model):
    """A model of path L, with arrays as `validate` describes them."""


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
