"""The one place that prints: what comes out of files and file names is cleaned on the way to the terminal.

Names, notes and attributes are other people's text. A control character in them could move the cursor, change the
title of the window or hide a line; a lone surrogate (a file name that is not UTF-8) could not be printed at all.
"""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, invisible formats such as right-to-left, surrogates, line breaks


def clean(text: str) -> str:
    r"""Return `text` with every character that does not stand for itself written as its escape.

    >>> print(clean("a\x1b[31mb\u202e\udcff"))
    a\x1b[31mb\u202e\udcff
    >>> clean("µ, 細胞")
    'µ, 細胞'
    """
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _HIDDEN else c for c in text)


def say(text: str = "") -> None:
    """Print a line on standard output."""
    typer.echo(clean(text))


def say_columns(*columns: str) -> None:
    """Print a line of columns that tabs divide, as other programs read it."""
    typer.echo("\t".join(clean(column) for column in columns).rstrip())


def complain(text: str) -> None:
    """Print an error as a line on standard error."""
    typer.echo(f"error: {clean(text)}", err=True)


def print_table(table: Table) -> None:
    """Print a table whose cells were made by `cell`."""
    console = Console(emoji=False, markup=False, highlight=False)
    if not console.is_terminal:  # never wrapped or cut where it goes into a file
        console = Console(width=200, emoji=False, markup=False, highlight=False)
    console.print(table)


def cell(text: str) -> Text:
    """Return `text` for a table: cleaned, and nothing in it taken for markup."""
    return Text(clean(text))


def print_json(content: dict[str, Any]) -> None:
    """Print data as JSON that every parser reads and that no terminal interprets."""
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False, default=str, allow_nan=False)
    typer.echo("".join(c if c == "\n" or unicodedata.category(c) not in _HIDDEN else _json_escape(c) for c in text))


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) != 0x7F else "\\u007f"


def _finite(value: Any) -> Any:
    """The same data with null for what JSON does not have: infinities and NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def number(value: float | None) -> str:
    """Return a measured number with three digits, "" for none."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def times(shape: Any) -> str:
    """Return a shape such as "512x512"."""
    return "x".join(str(size) for size in shape)


def megabytes(nbytes: float) -> str:
    """Return a number of bytes such as "12.4 MB", in powers of 1000 as disks are sold.

    >>> megabytes(12_400_000), megabytes(800)
    ('12.4 MB', '800 bytes')
    """
    if nbytes < 1000:
        return f"{nbytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        nbytes /= 1000
        if nbytes < 999.95:
            return f"{nbytes:.1f} {unit}"
    return f"{nbytes / 1000:.1f} TB"
