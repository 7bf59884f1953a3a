"""Errors of the rooms below as lines of text and exit codes; libraries that are missing with how to install them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from zarr_neural.cli import INTERRUPTED
from zarr_neural.cli.terminal import complain, print_json
from zarr_neural.errors import ConfigurationError, ZarrNeuralError


@contextmanager
def reported(as_json: bool = False, *, resumes: bool = False) -> Iterator[None]:
    """Turn our errors into a line on stderr, an object on stdout where JSON is wanted, and an exit code.

    `resumes` says that the command goes on where it was when it is repeated.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (ZarrNeuralError, OSError, KeyboardInterrupt) as error:
        text = str(error) or type(error).__name__
        if isinstance(error, KeyboardInterrupt):
            text = "interrupted; run the same command again to go on from here" if resumes else "interrupted"
        complain(text)
        if as_json:
            print_json({"error": text})
        interrupted = isinstance(error, KeyboardInterrupt)
        code = INTERRUPTED if interrupted else 2 if isinstance(error, ConfigurationError) else 1
        raise typer.Exit(code) from error


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Name the extra to install where a library is missing that `what` needs."""
    try:
        yield
    except ImportError as error:
        complain(f"{what} needs {error.name}, which is not installed: pip install 'zarr-neural[{extra}]'")
        raise typer.Exit(1) from error
