"""A lossy model: what path Y codes planes with."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from .file import write_model
from .lossy_contract import validate_lossy
from .model import Model

KIND = "lossy"


class LossyModel(Model):
    """A model of path Y, with arrays as `validate_lossy` describes them."""


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
