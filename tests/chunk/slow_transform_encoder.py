"""An encoder of path Y for tests: slow, and free to make any choice that the format allows.

It needs no native code: rows and means come from the reference, choices from the caller. Run as a program, it writes
the payloads of the engine's known-answer test, which no engine took part in; only a new byte format is a reason to.
"""

from collections.abc import Callable, Mapping

import numpy as np

from zarr_neural.bitstream import crc32c
from zarr_neural.chunk.reference import level_count, side_at
from zarr_neural.chunk.reference_transform import (
    EMPTY,
    MIN_FLAGGED,
    SCALAR,
    TRELLIS,
    VALUE_END,
    band_shape,
    decode_transform_reference,
)
from zarr_neural.entropy import PointTables, PointWriter, TrellisPath
from zarr_neural.entropy.points import INDEX_END
from zarr_neural.intnet.known_answer import TRANSFORM_FILE, known_plane, known_transform_arrays
from zarr_neural.intnet.reference import Layer, Network, log_magnitude
from zarr_neural.intnet.reference_transform import (
    EDGE_FINENESS,
    PHASE_OFFSETS,
    POWER,
    band_step,
    describe_band,
    fraction_bits,
    infer_band,
    places,
)

Bands = list[list[np.ndarray]]
# (level, band, phase, number of values) -> way
Ways = Callable[[int, int, int, int], int]
# (wanted value, mean, row, quantiser) -> index
Choice = Callable[[float, int, int, int], int]


def value_of(mean: int, index: int, quantiser: int) -> int:
    """The value that an index stands for."""
    return mean + 4 * (2 * index - quantiser * int(np.sign(index)))


def nearest(wanted: float, mean: int, row: int, quantiser: int) -> int:
    """The legal index whose value is nearest."""
    size = abs(wanted - mean)
    sign = 1 if wanted > mean else -1
    around = int((size / 4 + quantiser) / 2)
    legal = [sign * k for k in (0, around, around + 1) if k < INDEX_END]
    legal = [k for k in legal if abs(value_of(mean, k, quantiser)) < VALUE_END]
    return min(legal, key=lambda k: abs(value_of(mean, k, quantiser) - wanted))


def encode(
    arrays: Mapping[str, np.ndarray],
    coarsest: np.ndarray,
    wanted: Bands,
    size: tuple[int, int],
    lanes: int = 0,
    ways: Ways = lambda level, band, phase, count: TRELLIS,
    choose: Choice = nearest,
) -> tuple[bytes, int, Bands]:
    """The payload of a plane, the bytes of its symbol section, and the values that were chosen.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The lossy model.
    coarsest : ndarray of int
        Fixed-point numbers of the coarsest grid, within -2^22..2^22 - 1.
    wanted : list of list of ndarray
        What values should be, by level, the coarsest first, and band.
    size : (int, int)
        Height and width.
    lanes : int
        2^`lanes` states.
    ways, choose : callable
    """
    model = {name: array.astype(np.int64) for name, array in arrays.items()}
    writer = PointWriter(PointTables(model["half"], model["widths"]), 1 << lanes)
    for number in coarsest.ravel():
        writer.raw.put(int(number) + (1 << 22), 23)
    levels = level_count(*size)
    before = SCALAR
    chosen: Bands = []
    parents = [np.zeros((0, 0), np.int64)] * 3
    for level in range(levels, 0, -1):
        rows, columns = (side_at(side, level - 1) for side in size)
        values = [np.zeros(band_shape(rows, columns, band), np.int64) for band in range(3)]
        known = [np.zeros_like(value) for value in values]
        for band in range(3):
            for phase in range(len(PHASE_OFFSETS)):
                at = places(values[band].shape, phase)
                targets = wanted[levels - level][band][at]
                if targets.size == 0:
                    continue
                way = SCALAR
                if targets.size >= MIN_FLAGGED:
                    way = ways(level, band, phase, targets.size)
                    _put_way(writer, before, way)
                    before = way
                if way == EMPTY:
                    continue
                index = min(level, 4) - 1, band, phase
                network = Network(*(Layer(*(model[f"{kind}{i}"][index] for kind in "wbs")) for i in (1, 2, 3)))
                row, mean = infer_band(network, describe_band(known, parents, band, phase), values[band], phase)
                path = TrellisPath(1 << lanes, way == TRELLIS)
                indices, found = [], []
                for i, (target, r, m) in enumerate(zip(targets.ravel(), row.tolist(), mean.tolist(), strict=True)):
                    quantiser = path.at(i)
                    indices.append(choose(float(target), m, r, quantiser))
                    path.step(i, indices[-1])
                    found.append(value_of(m, indices[-1], quantiser))
                writer.put_block(row.tolist(), indices, way == TRELLIS)
                values[band][at] = np.reshape(found, targets.shape)
                known[band][at] = log_magnitude(np.abs(values[band][at]))
        chosen.append(values)
        parents = known
    return (*writer.finish(), chosen)


def _put_way(writer: PointWriter, before: int, way: int) -> None:
    writer.raw.put(int(way == before), 1)
    if way != before:
        writer.raw.put([other for other in (EMPTY, SCALAR, TRELLIS) if other != before].index(way), 1)


def random_wish(random: np.random.Generator, size: tuple[int, int], scale: float) -> tuple[np.ndarray, Bands]:
    """A coarsest grid and values of random magnitudes up to `scale`, many of them 0."""
    levels = level_count(*size)
    coarsest = random.integers(-(2**22), 2**22, [side_at(side, levels) for side in size])
    wanted: Bands = []
    for level in range(levels, 0, -1):
        shapes = [band_shape(*(side_at(side, level - 1) for side in size), band) for band in range(3)]
        wanted.append(
            [
                random.choice([0, 1, -1], shape, p=[0.4, 0.3, 0.3]) * np.exp(random.uniform(0, np.log(scale), shape))
                for shape in shapes
            ]
        )
    return coarsest, wanted


def analyse(samples: np.ndarray, top: int, gains: np.ndarray, step: int, quality: int) -> tuple[np.ndarray, Bands]:
    """The coarsest grid of a plane and its values, not yet rounded: the transform forwards, in floats."""
    middle = (top + 1) >> 1
    grid = (samples.astype(float) - middle) * 2 ** fraction_bits(top)
    wanted: Bands = []
    for level in range(1, level_count(*samples.shape) + 1):
        left, right = (part.T for part in _split(grid.T))
        (smooth, lh), (hl, hh) = _split(left), _split(right)
        grid = smooth * 128 / 194
        steps = [band_step(gains.astype(int), level, band, step, quality) for band in range(3)]
        wanted.append([band / _units(band.shape, u) for band, u in zip((hl, lh, hh), steps, strict=True)])
    return np.clip(np.round(grid).astype(np.int64), -(2**22), 2**22 - 1), wanted[::-1]


def _units(shape: tuple[int, ...], step: int) -> np.ndarray:
    """What a value of 1 is worth in a band, whose first and last rows and columns have a finer step."""
    fine = max(step - EDGE_FINENESS, 0)
    inner, outer = (POWER[u & 63] * 2.0 ** ((u >> 6) - 16) for u in (step, fine))
    units = np.full(shape, outer)
    units[1:-1, 1:-1] = inner
    return units


def _split(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s, d = lines[0::2].copy(), lines[1::2].copy()
    if len(d) > 0:
        d -= 203 / 128 * _between(s, len(d))
        s -= 217 / 4096 * _around(d, len(s))
        d += 113 / 128 * _between(s, len(d))
        s += 227 / 512 * _around(d, len(s))
    return s, d


def _around(d: np.ndarray, n: int) -> np.ndarray:
    padded = np.concatenate([d[:1], d, d[-1:]])
    return padded[:n] + padded[1 : n + 1]


def _between(s: np.ndarray, n: int) -> np.ndarray:
    padded = np.concatenate([s, s[-1:]])
    return padded[:n] + padded[1 : n + 1]


def write_known_transforms() -> None:
    """Three planes: wider than a segment, of wild values, and tiny; in all ways, on 32 lanes, 8 and 1."""
    random = np.random.default_rng(2026)
    arrays = known_transform_arrays()
    data = b""
    for size, top, step, quality, lanes, wild in (
        ((12, 1100), 4095, 830, 40, 5, 0),
        ((70, 37), 65535, 700, 255, 3, 2.0**19),
        ((3, 5), 1, 400, 0, 0, 0),
    ):
        coarsest, wanted = analyse(known_plane(*size, top), top, arrays["gains"], step, quality)
        if wild:
            coarsest, wanted = random_wish(random, size, wild)
        ways = iter(random.choice([EMPTY, SCALAR, TRELLIS], 200, p=[0.1, 0.4, 0.5]).tolist())
        payload, words_nbytes, _ = encode(arrays, coarsest, wanted, size, lanes, lambda *at, ways=ways: next(ways))
        samples = decode_transform_reference(arrays, payload, words_nbytes, *size, top, step, quality, lanes)
        numbers = *size, top, step, quality, lanes, crc32c(samples.astype("<u2").tobytes()), words_nbytes, len(payload)
        data += np.array(numbers, "<u4").tobytes() + payload
    TRANSFORM_FILE.write_bytes(data)
    print(f"{TRANSFORM_FILE.name}: {len(data)} bytes")


if __name__ == "__main__":
    write_known_transforms()
