"""What tifffile logs instead of raising, and what it means for the pixels."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

_FATAL = re.compile(r"corrupted|failed to read|incompletely written|discontiguous|missing files|invalid TiffData")


def is_damage(level: int, text: str) -> bool:
    """Return whether a message of tifffile (its level of logging, its text) means that pixels are wrong or missing."""
    return level >= logging.ERROR or _FATAL.search(text) is not None


@contextmanager
def collect_complaints() -> Iterator[list[tuple[int, str]]]:
    """Collect what tifffile logs instead of raising: that is where it says that a file is truncated."""
    complaints: list[tuple[int, str]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append((record.levelno, record.getMessage()))

    logger, handler = logging.getLogger("tifffile"), Collect()
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield complaints
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
