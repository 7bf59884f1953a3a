"""What tifffile logs instead of raising, judged by what it means: for the pixels (damage), or for less (a note)."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

Complaint = tuple[int, str]

_DAMAGE = re.compile(
    r"corrupted|failed to read|incompletely written|discontiguous|missing files|invalid TiffData|index out of range"
    r"|could not read all values|circular reference|invalid (page )?offset|suspicious number|failed to reshape"
    r"|missing required tags|is empty|estimating ByteCounts|expected \d+ segments|focal planes do not match"
)
_HARMLESS = re.compile(
    r"missing (data )?ByteCounts tag"  # where the page is compressed, its plan refuses it
    r"|incorrect Strip(ByteCounts|Offsets) count"
    r"|failed to read (display settings|comments|IndexMap)"
    r"|micromanager_metadata|coercing invalid ASCII|GDAL_NODATA|GeoKey|imagej_metadata|uic1tag|subfiletype"
    r"|(nuvu|andor|epics|ndpi|eer|fluoview)\w* |_tags> raised|_metadata> raised|DateTime|get_resolution"
    r"|(Philips|ScanImage|Indica|AVS) series|unknown order|MMStack file name is invalid|OME series raised"
)
_TOLD = re.compile(r"Missing data are zeroed")  # the plan of a series tells what is not there
_CORE_TAGS = frozenset((*range(254, 260), 262, 266, 273, 277, 278, 279, 284, 317, *range(320, 326), 330, 338, 339, 347))
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_SPEAKER = re.compile(r"^(<(?!TiffTag|tifffile\.TiffTag)[^>]*>\s*)+")
_TAG = re.compile(r"TiffTag (\d+)|tag (\d+)")


def is_damage(level: int, text: str) -> bool:
    """Return whether a message of tifffile (its level of logging, its text) means that pixels are wrong or missing.

    What cannot be read of a tag matters if the tag says where or how pixels are stored, and not for any other.
    """
    if _HARMLESS.search(_QUOTED.sub("", text).partition(" raised ")[0] + " raised "):
        return False  # judged by tifffile's own words: names of files and texts out of them do not count
    if "TiffTag" in text and (found := _TAG.search(text)):
        return int(found.group(1) or found.group(2)) in _CORE_TAGS
    return level >= logging.ERROR or _DAMAGE.search(text) is not None


def without_speaker(text: str) -> str:
    """Return a message of tifffile without the object that it begins with, which means nothing to a user."""
    return _SPEAKER.sub("", text)


def notes_of(complaints: Sequence[Complaint]) -> list[str]:
    """Return one note for each kind of harmless complaint."""
    kinds: Counter[str] = Counter()
    for level, text in complaints:
        if level >= logging.WARNING and not is_damage(level, text) and not _TOLD.search(text):
            kinds[without_speaker(text)[:160]] += 1
    return [
        f"the pixels are sound, but the metadata of the file are irregular: {text}"
        + (f" ({count} times)" if count > 1 else "")
        for text, count in kinds.items()
    ]


@contextmanager
def collect_complaints() -> Iterator[list[Complaint]]:
    """Collect what tifffile logs instead of raising: that is where it says that a file is truncated."""
    complaints: list[Complaint] = []

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
