"""A writer of TIFFs that no library would write: strips and tiles anywhere in the file, or nowhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_TYPES = {2: "s", 3: "H", 4: "I", 16: "Q"}


@dataclass
class RawPage:
    """One page: its segments (None: never stored) in order, and its tags as (type, values) by code."""

    segments: Sequence[bytes | None]
    tags: dict[int, tuple[int, Sequence[int] | bytes]]
    tiled: bool = False
    order: Sequence[int] | None = None
    gap: int = 0
    counts: Callable[[list[int]], list[int] | None] = field(default=lambda counts: counts)


def write_raw(pages: Sequence[RawPage], *, big: bool = False, byteorder: str = "<") -> bytes:
    """Return the bytes of a TIFF with these pages; data first, directories after."""
    data = bytearray(b"\0" * (16 if big else 8))
    word, kind, wide = ("Q", 16, 8) if big else ("I", 4, 4)
    directories = []
    for page in pages:
        offsets, counts = [0] * len(page.segments), [0] * len(page.segments)
        for number in page.order if page.order is not None else range(len(page.segments)):
            segment = page.segments[number]
            if segment is None:
                continue
            data += b"\xa5" * (page.gap + len(data) % 2)
            offsets[number], counts[number] = len(data), len(segment)
            data += segment
        tags = dict(page.tags)
        tags[324 if page.tiled else 273] = (kind, offsets)
        told = page.counts(counts)
        if told is not None:
            tags[325 if page.tiled else 279] = (kind, told)
        directories.append(tags)
    link = 8 if big else 4  # where the place of the next directory is written
    for tags in directories:
        data += b"\0" * (-len(data) % 8)
        here = len(data)
        struct.pack_into(byteorder + word, data, link, here)
        entry_nbytes = 20 if big else 12
        size = (8 if big else 2) + entry_nbytes * len(tags) + wide
        extra = bytearray()
        body = bytearray(struct.pack(byteorder + ("Q" if big else "H"), len(tags)))
        for code in sorted(tags):
            type_, values = tags[code]
            if isinstance(values, bytes):
                packed, count = values, len(values)
            else:
                packed, count = struct.pack(f"{byteorder}{len(values)}{_TYPES[type_]}", *values), len(values)
            body += struct.pack(f"{byteorder}HH{word}", code, type_, count)
            if len(packed) <= wide:
                body += packed.ljust(wide, b"\0")
            else:
                body += struct.pack(byteorder + word, here + size + len(extra))
                extra += packed + b"\0" * (len(packed) % 2)
        after = here + len(body)
        body += struct.pack(byteorder + word, 0)
        data += body + extra
        link = after
    magic = b"II" if byteorder == "<" else b"MM"
    data[: 8 if big else 4] = magic + (
        struct.pack(byteorder + "HHH", 43, 8, 0) if big else struct.pack(byteorder + "H", 42)
    )
    return bytes(data)
