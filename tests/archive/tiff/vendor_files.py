"""Writers of files as the programs of microscopes write them: just the structures that our readers look at."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from raw_tiff import RawPage, write_raw

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def ome_xml(*images: str, tail: str = "") -> str:
    """Return an OME-XML document of these Image elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<OME xmlns="{NAMESPACE}">{"".join(images)}{tail}</OME>'


def ome_image(
    sizes: dict[str, int], inside: str = "<TiffData/>", *, number: int = 0, order: str = "XYZCT", **pixels: Any
) -> str:
    """Return an Image element of uint16 pixels; `pixels` are further attributes of Pixels."""
    name = pixels.pop("Name", f"image {number}")
    every = dict.fromkeys("XYZCT", 1) | sizes
    told = {f"Size{axis}": size for axis, size in every.items()} | pixels
    attributes = "".join(f' {key}="{value}"' for key, value in told.items())
    return (
        f'<Image ID="Image:{number}" Name="{name}"><Pixels ID="Pixels:{number}" DimensionOrder="{order}" '
        f'Type="uint16"{attributes}>{inside}</Pixels></Image>'
    )


def write_ome(path: Path, xml: str, *stacks: np.ndarray) -> Path:
    """Write stacks of pages one after the other, with the OME-XML in the first page as it is."""
    with tifffile.TiffWriter(path) as tiff:
        for number, stack in enumerate(stacks):
            for plane in stack.reshape(-1, *stack.shape[-2:]):
                description = xml.encode() if number == 0 and tiff.filehandle.tell() < 16 else None
                tiff.write(plane, photometric="minisblack", metadata=None, description=description)
    return path


def write_lsm(
    path: Path,
    pixels: np.ndarray,
    *,
    scan: int,
    names: Sequence[str],
    colours: Sequence[tuple[int, int, int]],
    size_um: tuple[float, float, float] = (0.1, 0.1, 0.4),
    interval: float = 0.0,
    stamps: Sequence[float] = (),
    positions: int = 0,
) -> Path:
    """Write (..., C, Y, X) bytes as a Zeiss LSM file with a thumbnail after every page."""
    *leading, channels, height, width = pixels.shape
    frames = pixels.reshape(-1, channels, height, width)
    depth = leading[-1] if scan in (0, 6) else 1
    times = 1 if scan == 0 else len(frames) // depth // max(positions, 1)
    base = 8
    texts = b"".join(struct.pack("<I", len(name) + 1) + name.encode() + b"\0" for name in names)
    tints = b"".join(bytes((*colour, 0)) for colour in colours)
    named = struct.pack("<IIIIII", 24 + len(tints) + len(texts), len(colours), len(names), 24, 24 + len(tints), 0)
    named += tints + texts
    named += b"\0" * (len(named) % 2)
    timed = struct.pack(f"<ii{len(stamps)}d", 8 + 8 * len(stamps), len(stamps), *stamps)
    info = struct.pack("<IiiiiiiiIi", 67127628, 500, width, height, depth, channels, times, 1, 4, 4)
    info += struct.pack("<6d", *(size * 1e-6 for size in size_um), 0, 0, 0) + struct.pack("<HHI", scan, 0, 0)
    info += struct.pack("<IIII", 0, 0, 0, base) + struct.pack("<d", interval)
    info += struct.pack("<4I", 0, 0, 0, base + len(named) if stamps else 0) + struct.pack("<4I", 0, 0, 0, 0)
    info += struct.pack("<4d", 0, 0, 0, 0) + struct.pack("<7I", *[0] * 7) + struct.pack("<d", 0)
    info += struct.pack("<4I", *[0] * 4) + struct.pack("<3d", 0, 0, 0) + struct.pack("<Iii", 0, positions, 0)
    info = info.ljust(500, b"\0")
    common = {258: (3, [8] * channels), 259: (3, [1]), 262: (3, [1]), 277: (3, [channels]), 284: (3, [2])}
    pages = []
    for frame in frames:
        size = {254: (4, [0]), 256: (4, [width]), 257: (4, [height]), 278: (4, [height])}
        pages.append(RawPage([plane.tobytes() for plane in frame], common | size))
        small = {254: (4, [1]), 256: (4, [4]), 257: (4, [4]), 278: (4, [4])}
        pages.append(RawPage([plane[:4, :4].tobytes() for plane in frame], common | small))
    pages[0].tags[34412] = (1, info)
    blob = len(named) + len(timed)
    raw = bytearray(write_raw(pages, head=blob))
    raw[base : base + len(named)] = named
    raw[base + len(named) : base + blob] = timed
    path.write_bytes(raw)
    return path


def write_stk(
    path: Path,
    pixels: np.ndarray,
    *,
    distances: Sequence[float],
    wavelengths: Sequence[float],
    times: Sequence[int],
    calibration: float | None = 0.16,
    unit: str = "um",
) -> Path:
    """Write (planes, Y, X) uint16 as a MetaMorph stack: one directory, the planes one after the other."""
    planes, height, width = pixels.shape
    name = struct.pack("<I", len(unit) + 1) + unit.encode() + b"\0"
    whole = struct.pack("<II", round((calibration or 1) * 10000), 10000)
    head = name.ljust(32, b"\0") + whole
    entries = [(3, 1 if calibration else 0), (4, 8 + 32), (5, 8 + 32), (6, 8)]
    second = b"".join(
        struct.pack("<6I", round(distance * 1000), 1000, 2459000, time, 2459000, time)
        for distance, time in zip(distances, times, strict=True)
    )
    third = b"".join(struct.pack("<2I", round(wave * 10), 10) for wave in wavelengths)
    tags: dict[int, Any] = {256: (4, [width]), 257: (4, [height]), 258: (3, [16]), 259: (3, [1]), 262: (3, [1])}
    tags |= {277: (3, [1]), 278: (4, [height]), 284: (3, [1])}
    tags[33628] = (4, [number for entry in entries for number in entry])
    tags[33629], tags[33630], tags[33631] = (5, second), (5, third), (4, [0] * planes)
    page = RawPage([pixels.tobytes()], tags, counts=lambda counts: [counts[0] // planes])
    raw = bytearray(write_raw([page], head=len(head)))
    for code, type_, count in ((33628, 4, len(entries)), (33629, 5, planes), (33630, 5, planes)):
        values = tags[code][1]
        wrong, right = (struct.pack("<HHI", code, type_, number) for number in (len(values), count))
        raw = raw.replace(wrong, right)
    raw[8 : 8 + len(head)] = head
    path.write_bytes(raw)
    return path


def write_mm_stack(path: Path, pixels: np.ndarray, axes: str, summary: dict[str, Any], shown: Any = None, *,
                   gap: int = 0, pixels_first: bool = False) -> Path:  # fmt: skip
    """Write pixels (..., Y, X) as a Micro-Manager stack with index map, in the order that `axes` (of RTZC) says.

    Another program leaves a gap between a directory and its pixels, or writes the pixels before the directory.
    """
    *counts, height, width = pixels.shape
    told = {"MicroManagerVersion": "2.0.0", "Width": width, "Height": height, "PixelType": "GRAY16", "Prefix": "run"}
    told |= {"Positions": 1, "Frames": 1, "Slices": 1, "Channels": 1}
    told |= {
        {"R": "Positions", "T": "Frames", "Z": "Slices", "C": "Channels"}[a]: n
        for a, n in zip(axes, counts, strict=True)
    }
    text = json.dumps(told | summary).encode()
    planes = pixels.reshape(-1, height * width)
    start = 40 + len(text) + 8 + 20 * len(planes)
    start += start % 2
    block = 162 + gap + planes[0].nbytes
    entries, body = [], bytearray()
    for number, index in enumerate(product(*map(range, counts))):
        place = dict(zip(axes, index, strict=True))
        begin = start + number * block
        offset = begin + (planes[0].nbytes + gap if pixels_first else 0)
        entries.append(struct.pack("<5I", *(place.get(axis, 0) for axis in "CZTR"), offset))
        tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
        tags += [
            (273, 4, 1, begin if pixels_first else offset + 162 + gap),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, planes[0].nbytes),
        ]
        tags += [(284, 3, 1, 1), (51123, 2, 18, offset + 138)]
        after = offset + block if number + 1 < len(planes) else 0
        directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        plane = b'{"FrameIndex": 0}\0'
        head = (directory + struct.pack("<I", after) + plane).ljust(162, b"\0")
        parts = (
            (planes[number].tobytes(), b"\xa5" * gap, head)
            if pixels_first
            else (head, b"\xa5" * gap, planes[number].tobytes())
        )
        body += b"".join(parts)
    display = json.dumps(shown).encode() if shown is not None else b""
    at = start + len(body) if display else 0
    head = struct.pack("<2sHI", b"II", 42, start + (planes[0].nbytes + gap if pixels_first else 0))
    head += struct.pack("<8I", 54773648, 40 + len(text), 483765892, at, 0, 0, 2355492, len(text))
    head += text + struct.pack("<II", 3453623, len(planes)) + b"".join(entries)
    tail = struct.pack("<II", 347834724, len(display)) + display if display else b""
    path.write_bytes(head.ljust(start, b"\0") + body + tail)
    return path
