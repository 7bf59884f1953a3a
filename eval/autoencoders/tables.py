"""Rows of results as TSV, with notes in the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any


def write_table(path: Path, rows: Sequence[Any], head: Sequence[str]) -> None:
    """Write rows, instances of one dataclass, as TSV; lines of `head` stand before them as comments."""
    names = [one.name for one in fields(rows[0])]
    lines = [f"# {line}" for line in head] + ["\t".join(names)]
    lines += ["\t".join(_word(getattr(row, name)) for name in names) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
