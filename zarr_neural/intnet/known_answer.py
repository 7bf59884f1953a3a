"""Fixed small models and fixed planes, built from integers alone, and payloads that some of them were written as.

`python -m zarr_neural.intnet.known_answer` writes that of path L anew, `python tests/chunk/slow_transform_encoder.py`
those of path Y; only a new byte format is a reason to.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PAYLOAD_FILE = Path(__file__).with_name("known_answer.bin")
TRANSFORM_FILE = Path(__file__).with_name("known_transform.bin")
_DECAY = (60_000, 63_000, 64_400)  # tails fall by these over 2^16 with every 1/64 standard deviation


class KnownTransform(NamedTuple):
    """A payload of path Y, by the model of `known_transform_arrays`, and what it decodes to.

    Attributes
    ----------
    height, width, top, step, quality, lanes : int
        As in `zarr_neural/spec/path_y.md`, section 1.
    samples_crc : int
        CRC-32C of the samples, uint16, little-endian.
    words_nbytes : int
    payload : bytes
    """

    height: int
    width: int
    top: int
    step: int
    quality: int
    lanes: int
    samples_crc: int
    words_nbytes: int
    payload: bytes


def known_transforms() -> list[KnownTransform]:
    """Return the planes in `TRANSFORM_FILE`: of each nine numbers of four bytes, the last the size of the payload."""
    data = TRANSFORM_FILE.read_bytes()
    planes = []
    while data:
        numbers = np.frombuffer(data[:36], "<u4").tolist()
        size = numbers.pop()
        planes.append(KnownTransform._make([*numbers, data[36 : 36 + size]]))
        data = data[36 + size :]
    return planes


def scrambled(n: int, seed: int, below: int) -> NDArray[np.int64]:
    """Return n numbers in 0..below-1 that look random, by integer hashing of 0..n-1 (xor-shifts, multiplications)."""
    x = (np.arange(n, dtype=np.uint64) + np.uint64(seed << 20)) & np.uint64(0xFFFFFFFF)
    for factor in (0x7FEB352D, 0x846CA68B):
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return ((x >> np.uint64(8)) % np.uint64(below)).astype(np.int64)


def known_arrays() -> dict[str, NDArray[Any]]:
    """Return a model of two experts with hidden layers of 16 and 8 units, inside the numeric contract."""
    lead = (3, 3, 2)
    arrays: dict[str, NDArray[Any]] = {"tails": np.array([_tail(d) for d in _DECAY], np.uint32)}
    near = np.array([[64] * 4 + [0] * 12, [80] * 4 + [-8] * 8 + [0] * 4, [72] * 4 + [4] * 4 + [-6] * 8])
    arrays["bank"] = np.stack([near, near + 1, near - 1]).astype(np.int16)
    shift = scrambled(18 * 42, 1, 7).reshape(*lead, 42) - 3
    shape = scrambled(18 * 42, 2, 3).reshape(*lead, 42)
    arrays["rules"] = np.stack([shift, shape], axis=-1).astype(np.int8)
    for i, (outputs, inputs, reach, right) in enumerate(((16, 32, 63, 6), (8, 16, 63, 5), (9, 8, 12, 8)), 1):
        weights = scrambled(18 * outputs * inputs, 2 + i, 2 * reach + 1) - reach
        arrays[f"w{i}"] = weights.reshape(*lead, outputs, inputs).astype(np.int8)
        arrays[f"b{i}"] = (scrambled(18 * outputs, 5 + i, 4001) - 1000).reshape(*lead, outputs).astype(np.int32)
        arrays[f"s{i}"] = np.full((*lead, outputs), right, np.uint8)
    return arrays


def known_transform_arrays() -> dict[str, NDArray[Any]]:
    """Return a lossy model with three gain vectors and hidden layers of 16 and 8 units, inside the numeric contract.

    Its tables have all sizes from -0..0 to -60..60, and its networks ask for all rows.
    """
    lead = (4, 3, 4)
    tables = [_table(2 * min(max(row - 2 * quantiser, 0), 30), row) for quantiser in range(2) for row in range(48)]
    arrays: dict[str, NDArray[Any]] = {
        "half": np.array([half for half, _ in tables], np.uint8).reshape(2, 48),
        "widths": np.array([widths for _, widths in tables], np.uint16).reshape(2, 48, 128),
        "gains": (scrambled(90, 20, 257) - 128).reshape(3, 10, 3).astype(np.int16),
    }
    for i, (outputs, inputs, reach, right) in enumerate(((16, 32, 63, 6), (8, 16, 63, 5), (9, 8, 12, 5)), 1):
        weights = scrambled(48 * outputs * inputs, 20 + i, 2 * reach + 1) - reach
        arrays[f"w{i}"] = weights.reshape(*lead, outputs, inputs).astype(np.int8)
        arrays[f"b{i}"] = (scrambled(48 * outputs, 23 + i, 4001) - 1000).reshape(*lead, outputs).astype(np.int32)
        arrays[f"s{i}"] = np.full((*lead, outputs), right, np.uint8)
    arrays["w3"][..., 0, :] *= 5
    arrays["b3"][..., 0] *= 4
    return arrays


def _table(half: int, row: int) -> tuple[int, list[int]]:
    """Half and widths of a table whose symbols fall by 2^(-2^(-row/8)), about, with every value."""
    fall = 65536 - (52_000 >> (row >> 3))
    mass = [1 << 24]
    for _ in range(half):
        mass.append(mass[-1] * fall >> 16)
    every = [*mass[:0:-1], *mass, mass[-1] // 2, mass[-1] // 2]
    whole = sum(every)
    width = [1 + part * (16384 - len(every)) // whole for part in every]
    width[half] += 16384 - sum(width)
    return half, width + [0] * (128 - len(width))


def known_plane(height: int, width: int, top: int) -> NDArray[np.uint16]:
    """Return a plane with a slope, faint noise, a noisy patch and a few outliers."""
    i, j = np.indices((height, width))
    n = height * width
    plane = (i * j * top // (32 * n)) + scrambled(n, 9, 3).reshape(height, width) * (((i ^ j) >> 4 & 3) == 0)
    noise = scrambled(n, 10, top // 8 + 1).reshape(height, width)
    plane += np.where((i >= height // 2) & (i < height // 2 + 9) & (j < width // 4), noise, 0)
    plane = np.where(scrambled(n, 11, 1499).reshape(height, width) == 0, top, plane)
    return np.minimum(plane, top).astype(np.uint16)


def _tail(decay: int) -> list[int]:
    tail = [1 << 29]
    for _ in range(1024):
        tail.append(tail[-1] * decay >> 16)
    return tail


def _write() -> None:
    from zarr_neural._native import encode_plane, make_model

    model = make_model(*known_arrays().values())
    payload, words_nbytes = encode_plane(model, known_plane(256, 256, 65535), 65535, "portable")
    PAYLOAD_FILE.write_bytes(words_nbytes.to_bytes(4, "little") + payload)


if __name__ == "__main__":
    _write()
