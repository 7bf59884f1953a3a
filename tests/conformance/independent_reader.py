"""A second reader of chunks, written from the specification: it shares no code with the one that users run.

It parses the container, the records of planes, palettes and quantisers by itself. Of the package it takes the slow
reference decoders of path L and of repeats, which share nothing with the native ones, and the model's arrays; path Y
is read by `independent_path_y` beside it. zstd comes from numcodecs.
"""

import math
import runpy
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numcodecs import zstd

from zarr_neural.chunk.reference import decode_plane_reference
from zarr_neural.entropy.repeats import decode_repeats_reference

decode_by_path_y = runpy.run_path(str(Path(__file__).with_name("independent_path_y.py")))["decode_plane"]

DTYPES = ["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]
Arrays = Mapping[str, np.ndarray]
Quantiser = tuple[int, list[int]]  # kind and parameters


class NotAChunkError(ValueError):
    """The bytes are not a chunk that this reader takes for whole."""


def require(truth: bool, what: str) -> None:
    """Raise `NotAChunkError` unless something is true."""
    if not truth:
        raise NotAChunkError(what)


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of bytes, one at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def unfolded(value: int) -> int:
    """The signed integer that 0, 1, 2, 3, 4, ... stand for: 0, -1, 1, -2, 2, ..."""
    return -(value + 1) // 2 if value % 2 else value // 2


class Cursor:
    """Takes bytes from the front of others."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def bytes(self, count: int) -> bytes:
        require(self.at + count <= len(self.data), "cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.bytes(1)[0]

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value += (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self) -> int:
        return unfolded(self.varint())


def read_chunk(data: bytes, model: Callable[[bytes], Arrays]) -> np.ndarray:
    """The array of a chunk.

    Parameters
    ----------
    data : bytes
    model : callable
        Gives the arrays of the model whose SHA-256 begins with given bytes.
    """
    cursor = Cursor(data)
    require(cursor.bytes(4) == b"\x89ZNC", "another magic")
    require(cursor.byte() == 1, "another version")
    mode, code, layout = cursor.byte(), cursor.byte(), cursor.byte()
    shape = tuple(cursor.varint() for _ in range(cursor.byte()))
    kind = cursor.byte()
    parameters = [cursor.varint() for _ in range(cursor.byte())]
    prefix = cursor.bytes(8) if mode >= 2 else b""
    payload_nbytes = cursor.varint()
    payload_crc, samples_crc = struct.unpack("<II", cursor.bytes(8))
    header_crc = crc32c(data[: cursor.at])
    require(struct.unpack("<I", cursor.bytes(4))[0] == header_crc, "the header's checksum")
    payload = cursor.bytes(payload_nbytes)
    require(cursor.at == len(data), "bytes after the payload")
    require(crc32c(payload) == payload_crc, "the payload's checksum")

    dtype = np.dtype(DTYPES[code])
    if mode == 0:
        flat = np.frombuffer(payload * math.prod(shape), dtype)
    elif mode == 1:
        flat = _generic(payload, (kind, parameters), dtype, math.prod(shape))
    else:
        require(mode < 4, "a mode")
        height, width = ([1, 1] + [n for n in shape if n > 1])[-2:]
        planes = math.prod(shape) // (height * width)
        body, arrays = Cursor(payload), model(prefix)
        quantiser = kind, parameters
        if mode == 2:
            read = [_plane(body, arrays, quantiser, dtype, height, width) for _ in range(planes)]
        else:
            residual = _head(body, model)
            read = [_transform_plane(body, arrays, residual, quantiser, dtype, height, width) for _ in range(planes)]
        flat = np.concatenate([plane.ravel() for plane in read])
        require(body.at == len(payload), "bytes after the last plane")
    samples = flat.astype(dtype.newbyteorder("<"))
    require(crc32c(samples.tobytes()) == samples_crc, "the samples' checksum")
    final = dtype.newbyteorder(">" if layout & 1 else "<")
    return np.array(samples.reshape(shape), final, order="F" if layout & 2 else "C")


def _generic(payload: bytes, quantiser: Quantiser, dtype: np.dtype[Any], count: int) -> np.ndarray:
    require(payload[0] < 3, "a kind of generic payload")
    if payload[0] == 0:
        require(len(payload) == 1 + count * dtype.itemsize, "stored samples")
        return np.frombuffer(payload[1:], dtype)
    if payload[0] == 1:
        return _unshuffled(payload[1:], dtype, count)
    cursor = Cursor(payload[1:])
    nbytes, lowest = cursor.byte(), cursor.signed()
    indices = _unshuffled(payload[1 + cursor.at :], np.dtype(f"<u{nbytes}"), count)
    return np.array([_value(quantiser, lowest + int(j), dtype) for j in indices], dtype)


def _unshuffled(frame: bytes, dtype: np.dtype[Any], count: int) -> np.ndarray:
    body = np.frombuffer(zstd.decompress(frame), np.uint8)
    require(len(body) == count * dtype.itemsize, "a frame's size")
    return np.frombuffer(body.reshape(dtype.itemsize, count).T.tobytes(), dtype)


def _rectangle(cursor: Cursor, flags: int, plane: np.ndarray) -> tuple[slice, slice]:
    """The part of a plane that a record is about; what lies outside is filled."""
    if not flags & 1:
        return slice(0, plane.shape[0]), slice(0, plane.shape[1])
    border = cursor.varint()
    top_row, left, rows, columns = (cursor.varint() for _ in range(4))
    require(top_row + rows <= plane.shape[0] and left + columns <= plane.shape[1], "the rectangle")
    plane[:] = np.frombuffer(border.to_bytes(plane.dtype.itemsize, "little"), plane.dtype)[0]
    return slice(top_row, top_row + rows), slice(left, left + columns)


def _plane(
    cursor: Cursor, arrays: Arrays, quantiser: Quantiser, dtype: np.dtype[Any], height: int, width: int
) -> np.ndarray:
    plane = np.zeros((height, width), dtype)
    flags = cursor.byte()
    require(flags < 8, "flags of a plane")
    box = _rectangle(cursor, flags, plane)
    rows, columns = plane[box].shape
    if rows * columns == 0:
        return plane
    lowest = cursor.signed()
    palette_nbytes = cursor.varint() if flags & 2 else 0
    top = cursor.varint()
    words_nbytes = None if flags & 4 else cursor.varint()
    payload_nbytes = cursor.varint()
    levels = _palette(cursor.bytes(palette_nbytes)) if flags & 2 else np.arange(top + 1)
    require(len(levels) == top + 1, "the palette's length")
    payload = cursor.bytes(payload_nbytes)
    if words_nbytes is None:
        ranks = decode_repeats_reference(payload, rows, columns, top)
    else:
        ranks = decode_plane_reference(arrays, payload, words_nbytes, rows, columns, top)
    values = [_value(quantiser, lowest + int(level), dtype) for level in levels]
    plane[box] = np.array(values, dtype)[ranks]
    return plane


def _head(cursor: Cursor, model: Callable[[bytes], Arrays]) -> tuple[Arrays, int] | None:
    """Model and k of the corrections in a chunk coded by a transform, if there are any."""
    flags = cursor.byte()
    require(flags < 2, "flags of a head")
    if not flags:
        return None
    arrays, k = model(cursor.bytes(8)), cursor.varint()
    require(k <= 65535, "k")
    return arrays, k


def _transform_plane(
    cursor: Cursor,
    arrays: Arrays,
    residual: tuple[Arrays, int] | None,
    quantiser: Quantiser,
    dtype: np.dtype[Any],
    height: int,
    width: int,
) -> np.ndarray:
    plane = np.zeros((height, width), dtype)
    flags = cursor.byte()
    require(flags < 2, "flags of a plane")
    box = _rectangle(cursor, flags, plane)
    size = plane[box].shape
    if size[0] * size[1] == 0:
        return plane
    lowest, top = cursor.signed(), cursor.varint()
    indices = np.zeros(size, np.int64)
    if top > 0:
        step, quality, lanes = cursor.varint(), cursor.byte(), cursor.byte()
        words_nbytes, payload_nbytes = cursor.varint(), cursor.varint()
        require(top <= 65535 and step <= 2047 and lanes <= 5, "parameters of a transform")
        payload = cursor.bytes(payload_nbytes)
        indices = decode_by_path_y(arrays, payload, words_nbytes, size, top, step, quality, lanes)
    if residual is not None:
        corrections = _plane(cursor, residual[0], (0, []), np.dtype("<i4"), *size).astype(np.int64)
        indices = np.minimum(np.maximum(indices + corrections * (2 * residual[1] + 1), 0), top)
    values = [_value(quantiser, lowest + level, dtype) for level in range(top + 1)]
    plane[box] = np.array(values, dtype)[indices]
    return plane


def _palette(data: bytes) -> np.ndarray:
    cursor = Cursor(data)
    divisor, count, last = cursor.varint(), cursor.varint(), cursor.varint()
    is_gaps = cursor.byte()
    body = bytes(zstd.decompress(data[cursor.at :]))
    if is_gaps:
        ranks = [0]
        for (gap,) in struct.iter_unpack("<H", body):
            ranks.append(ranks[-1] + gap)
    else:
        ranks = [i for i in range(8 * len(body)) if body[i // 8] >> i % 8 & 1]
    require(len(ranks) == count and ranks[-1] == last, "the palette")
    return np.array(ranks) * divisor


_INTERVALS: dict[Any, list[int]] = {}


def _value(quantiser: Quantiser, level: int, dtype: np.dtype[Any]) -> Any:
    kind, parameters = quantiser
    if kind == 0:
        return level
    if kind == 3:
        (step,) = struct.unpack("<d", struct.pack("<Q", parameters[0]))
        return dtype.type(float(level) * step)
    info = np.iinfo(dtype)
    if kind == 1:
        return min(max(level * (2 * parameters[0] + 1), int(info.min)), unfolded(parameters[1]))
    key = (*parameters, dtype)
    if key not in _INTERVALS:
        _INTERVALS[key] = _middles(parameters[:4], int(info.min), int(info.max))
    return min(_INTERVALS[key][level], unfolded(parameters[4]))


def _middles(parameters: list[int], lowest: int, highest: int) -> list[int]:
    """The level that each interval of a noise quantiser decodes to, in exact integers."""
    q, gain, folded, variance = parameters
    offset = unfolded(folded)
    boundary = lowest << 16
    middles = []
    while boundary <= highest << 16:
        light = max(0, boundary - (offset << 16))
        following = boundary + max(1 << 16, math.isqrt(q * q * (variance + (gain * light >> 16))))
        first = -(-boundary >> 16)
        last = min(-(-following >> 16), highest + 1) - 1
        middles.append((first + last + len(middles) % 2) // 2)
        boundary = following
    return middles
