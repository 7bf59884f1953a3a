"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from zarr_neural.errors import ConfigurationError

Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON and nothing else.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print neither the progress nor the result; print errors only.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print the details of every image and channel.")]
Axes = Annotated[str | None, typer.Option(help="The meaning of the axes, such as TYX, for files that do not state it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the target if it exists.")]

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def numbers(text: str) -> tuple[int, ...]:
    """Return the whole numbers of a shape such as "512,512" or "512x512".

    Raises
    ------
    ConfigurationError
        The text is no shape.
    """
    try:
        return tuple(int(part) for part in re.split(r"[,x×]", text))
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is not a shape such as 512,512") from error


def nbytes(text: str) -> int:
    """Return the bytes of a size such as "512M", "2G", "1.5 GiB" or "1000000".

    Raises
    ------
    ConfigurationError
        The text is no size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, flags=re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise ConfigurationError(f"{text!r} is not a size such as 512M or 2G")
    return int(float(found[1]) * _UNITS[found[2].upper()])
