"""What every model is: integers and where they come from, named by the SHA-256 of the file that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Model:
    """A model; two of a kind are equal when their files are.

    Attributes
    ----------
    id : str
        SHA-256 of the file, 64 lower-case hexadecimal digits.
    arrays : mapping of str to ndarray
        The integers, read-only, as the numeric contract of its kind describes them.
    metadata : mapping of str to str
        `format`, `kind`, and where the model comes from.
    """

    id: str
    arrays: Mapping[str, NDArray[Any]] = field(compare=False, repr=False)
    metadata: Mapping[str, str] = field(compare=False, repr=False)
