"""Learned codecs in a study, each at its own qualities."""

from __future__ import annotations

from collections.abc import Iterator

from eval.study.entry import Entry


def entries() -> Iterator[Entry]:
    """Yield the learned codecs."""
    yield from ()
