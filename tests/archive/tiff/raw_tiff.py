"""A writer of TIFFs that no library would write: strips and tiles anywhere in the file, or nowhere."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np

DTYPES = {bits: "u1" if bits <= 8 else "u2" if bits <= 16 else "u4" if bits <= 32 else "u8" for bits in range(1, 65)}
_COMPRESS = {1: bytes, 5: imagecodecs.lzw_encode, 8: zlib.compress, 32773: imagecodecs.packbits_encode}
_TYPES = {2: "s", 3: "H", 4: "I", 16: "Q"}

Tags = dict[int, tuple[int, Sequence[int] | bytes]]


@dataclass
class RawPage:
    """One page: its segments (None: never stored) in order, its tags as (type, values) by code, its SubIFDs."""

    segments: Sequence[bytes | None]
    tags: Tags
    tiled: bool = False
    order: Sequence[int] | None = None
    gap: int = 0
    counts: Callable[[list[int]], list[int] | None] = field(default=lambda counts: counts)
    subifds: Sequence[RawPage] = ()


def write_raw(pages: Sequence[RawPage], *, big: bool = False, byteorder: str = "<", head: int = 0) -> bytes:
    """Return the bytes of a TIFF with these pages; data first, directories after, `head` bytes free at the start."""
    data = bytearray(b"\0" * ((16 if big else 8) + head + head % 2))
    all_tags = [(_write_segments(page, data, big), [_write_segments(sub, data, big) for sub in page.subifds])
                for page in pages]  # fmt: skip
    link = 8 if big else 4  # where the place of the next directory is written
    for tags, subs in all_tags:
        if subs:
            tags[330] = (16 if big else 4, [_write_directory(sub, data, big, byteorder)[0] for sub in subs])
        here, after = _write_directory(tags, data, big, byteorder)
        struct.pack_into(byteorder + ("Q" if big else "I"), data, link, here)
        link = after
    magic = b"II" if byteorder == "<" else b"MM"
    data[: 8 if big else 4] = magic + (
        struct.pack(byteorder + "HHH", 43, 8, 0) if big else struct.pack(byteorder + "H", 42)
    )
    return bytes(data)


def _write_segments(page: RawPage, data: bytearray, big: bool) -> Tags:
    """Write the strips or tiles of a page, and return its tags with their places."""
    offsets, counts = [0] * len(page.segments), [0] * len(page.segments)
    for number in page.order if page.order is not None else range(len(page.segments)):
        segment = page.segments[number]
        if segment is None:
            continue
        data += b"\xa5" * (page.gap + len(data) % 2)
        offsets[number], counts[number] = len(data), len(segment)
        data += segment
    tags, kind = dict(page.tags), 16 if big else 4
    tags[324 if page.tiled else 273] = (kind, offsets)
    told = page.counts(counts)
    if told is not None:
        tags[325 if page.tiled else 279] = (kind, told)
    return tags


def _write_directory(tags: Tags, data: bytearray, big: bool, byteorder: str) -> tuple[int, int]:
    """Write a directory, and return its place and the place of its link to the next one."""
    word, wide = ("Q", 8) if big else ("I", 4)
    data += b"\0" * (-len(data) % 8)
    here = len(data)
    size = (8 if big else 2) + (20 if big else 12) * len(tags) + wide
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
    data += body + struct.pack(byteorder + word, 0) + extra
    return here, after


def packed(rows: np.ndarray, bits: int, byteorder: str) -> bytes:
    """The bytes of some rows, each row from a new byte on."""
    if bits in (8, 16, 32, 64):
        return rows.astype(np.dtype(DTYPES[bits]).newbyteorder(byteorder)).tobytes()
    flat = rows.reshape(rows.shape[0], -1)
    ones = (flat[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(ones.reshape(rows.shape[0], -1).astype("u1"), axis=1).tobytes()


def segments_of(
    plane: np.ndarray, bits: int, byteorder: str, *, rows: int, tile: int | None, compression: int, predictor: int
) -> list[bytes]:
    """Strips of so many rows, or square tiles, of a plane (Y, X) or (Y, X, S)."""
    parts = []
    if tile is None:
        parts = [plane[y : y + rows] for y in range(0, plane.shape[0], rows)]
    else:
        for y in range(0, plane.shape[0], tile):
            for x in range(0, plane.shape[1], tile):
                part = plane[y : y + tile, x : x + tile]
                pad = [(0, tile - part.shape[0]), (0, tile - part.shape[1])] + [(0, 0)] * (plane.ndim - 2)
                parts.append(np.pad(part, pad))
    if predictor == 2:
        parts = [np.concatenate([part[:, :1], np.diff(part, axis=1)], axis=1) for part in parts]
    data = [packed(part, bits, byteorder) for part in parts]
    return [bytes(_COMPRESS[compression](part)) for part in data]


def page_of(
    plane: np.ndarray,
    bits: int,
    byteorder: str = "<",
    *,
    rows: int = 7,
    tile: int | None = None,
    compression: int = 1,
    predictor: int = 1,
    planar: bool = False,
    photometric: int = 1,
    **layout: Any,
) -> Any:
    """A page of a plane (Y, X), (Y, X, S), or (S, Y, X) where it is planar."""
    samples = 1 if plane.ndim == 2 else plane.shape[0 if planar else -1]
    height, width = plane.shape[-2:] if planar or plane.ndim == 2 else plane.shape[:2]
    planes: Sequence[np.ndarray] = list(plane) if planar else [plane]
    how = {"rows": rows, "tile": tile, "compression": compression, "predictor": predictor}
    segments: list[bytes] = []
    for part in planes:
        segments += segments_of(part, bits, byteorder, **how)
    tags: dict[int, Any] = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * samples), 259: (3, [compression]),
        262: (3, [photometric]), 277: (3, [samples]), 284: (3, [2 if planar else 1]), 317: (3, [predictor]),
    }  # fmt: skip
    tags |= {278: (4, [rows])} if tile is None else {322: (4, [tile]), 323: (4, [tile])}
    return RawPage(segments, tags, tiled=tile is not None, **layout)
