"""The transform and the networks of path Y in NumPy int64: slow, short, and the specification of every engine's answer.

Fixed point: numbers of the transform have 3 to 8 fractional bits, values of a band are quarters of its step, log
magnitudes 1/8 octave. Specification: `zarr_neural/spec/path_y.md`, sections 3, 4 and 6.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zarr_neural.intnet.reference import Network

Ints = NDArray[np.int64]

HL, LH, HH = range(3)
PHASE_OFFSETS = ((0, 0), (1, 1), (0, 1), (1, 0))  # first row and column of the phases of a band
ROW_MAX = 87
STEP_MAX = 2047
EDGE_FINENESS = 32  # 1/64 octave
GAIN_LEVELS = 10
HERE = (0, 0)
NEXT = ((-1, 0), (0, -1), (0, 1), (1, 0))  # N, W, E, S
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))  # NW, NE, SW, SE
# 2^(10 + i/64), rounded: the mantissas of steps
POWER = (
    1024, 1035, 1046, 1058, 1069, 1081, 1093, 1105, 1117, 1129, 1141, 1154, 1166, 1179, 1192, 1205,
    1218, 1231, 1244, 1258, 1272, 1286, 1300, 1314, 1328, 1342, 1357, 1372, 1387, 1402, 1417, 1433,
    1448, 1464, 1480, 1496, 1512, 1529, 1545, 1562, 1579, 1596, 1614, 1631, 1649, 1667, 1685, 1704,
    1722, 1741, 1760, 1779, 1798, 1818, 1838, 1858, 1878, 1898, 1919, 1940, 1961, 1983, 2004, 2026,
)  # fmt: skip


def wrapped(number: Ints) -> Ints:
    """Return the number of 32 bits, in two's complement, that is equal modulo 2^32."""
    low: Ints = (number + 2**31) % 2**32 - 2**31
    return low


def fraction_bits(top: int) -> int:
    """Return the number of fractional bits of a plane whose largest value is `top`, 1..65535.

    Examples
    --------
    >>> fraction_bits(255), fraction_bits(4095), fraction_bits(65535)
    (8, 7, 3)
    """
    return min(8, 19 - top.bit_length())


def to_samples(grid: Ints, top: int) -> NDArray[np.uint16]:
    """Return the samples, 0..top, that the numbers of level 0 stand for."""
    bits = fraction_bits(top)
    whole = wrapped(grid + (1 << (bits - 1))) >> bits
    samples: NDArray[np.uint16] = np.clip(((top + 1) >> 1) + whole, 0, top).astype(np.uint16)
    return samples


def step_back(grid: Ints, bands: Sequence[Ints]) -> Ints:
    """Return the grid of level l - 1.

    Parameters
    ----------
    grid : ndarray of int64, shape (ceil(h/2), ceil(w/2))
        Numbers of level l.
    bands : sequence of ndarray of int64
        Its HL, LH and HH, as numbers of the transform.

    Returns
    -------
    ndarray of int64, shape (h, w)
    """
    scaled = wrapped(194 * grid + 64) >> 7
    left = join(scaled, bands[LH])
    right = join(bands[HL], bands[HH])
    return join(left.T, right.T).T


def join(smooth: Ints, detail: Ints) -> Ints:
    """Return the lines, along the first axis, that `smooth` and `detail` make up: one lifting step of the 9/7 wavelet.

    Parameters
    ----------
    smooth, detail : ndarray of int64, shapes (n - n // 2, m) and (n // 2, m)
    """
    if len(detail) == 0:
        return smooth
    s, d = smooth, detail
    s = wrapped(s - (wrapped(227 * wrapped(_around(d, len(s))) + 256) >> 9))
    d = wrapped(d - (wrapped(113 * wrapped(_between(s, len(d))) + 64) >> 7))
    s = wrapped(s + (wrapped(217 * wrapped(_around(d, len(s))) + 2048) >> 12))
    d = wrapped(d + (wrapped(203 * wrapped(_between(s, len(d))) + 64) >> 7))
    line = np.empty((len(s) + len(d), s.shape[1]), np.int64)
    line[0::2], line[1::2] = s, d
    return line


def _around(d: Ints, n: int) -> Ints:
    """d[i-1] + d[i] for n numbers i; beyond both ends d repeats."""
    padded = np.concatenate([d[:1], d, d[-1:]])
    pairs: Ints = padded[:n] + padded[1 : n + 1]
    return pairs


def _between(s: Ints, n: int) -> Ints:
    """s[i] + s[i+1] for n numbers i; beyond its end s repeats."""
    padded = np.concatenate([s, s[-1:]])
    pairs: Ints = padded[:n] + padded[1 : n + 1]
    return pairs


def band_step(gains: Ints, level: int, band: int, step: int, quality: int) -> int:
    """Return the step of a band in 1/64 octave, 0..2047.

    Parameters
    ----------
    gains : ndarray of int64, shape (vectors, 10, 3)
    level : int
        1 or more.
    band, step, quality : int
    """
    last = len(gains) - 1
    first, part = min(quality >> 4, last), quality & 15
    pair = gains[[first, min(first + 1, last)], min(level, GAIN_LEVELS) - 1, band]
    return min(max(step + (int(pair[0] * (16 - part) + pair[1] * part + 8) >> 4), 0), STEP_MAX)


def dequantise(values: Ints, step: int) -> Ints:
    """Return the numbers of the transform for values of a band.

    Parameters
    ----------
    values : ndarray of int64
        In quarters of the step, magnitudes below 2^20.
    step : int
        In 1/64 octave, 0..2047.
    """
    octave = step >> 6
    product = values * POWER[step & 63]
    if octave < 16:
        return (product + (1 << (15 - octave))) >> (16 - octave)
    return wrapped(product << (octave - 16))


def dequantise_band(values: Ints, step: int) -> Ints:
    """Return the numbers of a whole band, whose first and last rows and columns have a finer step.

    Parameters
    ----------
    values : ndarray of int64, shape (rows, columns)
    step : int
        Of the inner numbers.
    """
    numbers = dequantise(values, step)
    if values.size:
        fine = dequantise(values, max(step - EDGE_FINENESS, 0))
        numbers[[0, -1]], numbers[:, [0, -1]] = fine[[0, -1]], fine[:, [0, -1]]
    return numbers


def describe_band(known: Sequence[Ints], parents: Sequence[Ints], band: int, phase: int) -> Ints:
    """Return the features of a network for every number of a phase, shape (32, pixels), each 0..167.

    Parameters
    ----------
    known : sequence of ndarray of int64
        Log magnitudes of HL, LH and HH, 0 where they are not yet known.
    parents : sequence of ndarray of int64
        Those of the next coarser level; empty arrays below the coarsest.
    band, phase : int
    """
    i, j = places(known[band].shape, phase)
    p, (x, y) = parents[band], (parents[other] for other in range(3) if other != band)
    up = i >> 1, j >> 1
    if band == HL:
        groups = [_read(p, *up, CORNERS), _read(x, *up, NEXT), _read(y, *up, NEXT[::3])]
    elif band == LH:
        groups = [_read(known[HL], i, j, (HERE, *NEXT)), _read(p, *up, CORNERS), _read(y, *up, NEXT[:1])]
    else:
        groups = [_read(known[other], i, j, (HERE, *NEXT)) for other in (HL, LH)]
    own, horizontal, vertical = known[band], known[HL], known[LH]
    nothing = np.zeros_like(own)
    grids = (
        own[0::2, 0::2],
        own[1::2, 1::2],
        (horizontal if band != HL else nothing)[0::2, 0::2],
        (vertical if band == HH else nothing)[0::2, 0::2],
        p,
        x,
        y,
    )
    return np.concatenate(
        [
            _read(own, i, j, NEXT + CORNERS),
            *groups,
            _read(p, *up, (HERE, *NEXT)),
            _read(x, *up, (HERE,)),
            _read(y, *up, (HERE,)),
            *(_wide(grid, *up) for grid in grids),
        ]
    )


def infer_band(network: Network, features: Ints, values: Ints, phase: int) -> tuple[Ints, Ints]:
    """Return row (0..87, quarter octaves of the scale) and mean (quarters of the step) of every number of a phase.

    Parameters
    ----------
    network : Network
    features : ndarray of int64, shape (32, pixels)
    values : ndarray of int64
        The band's values, 0 where they are not yet known; magnitudes below 2^20, so that the sum is below 2^30.
    phase : int
    """
    out = network.run(features)
    near = _read(values, *places(values.shape, phase), NEXT + CORNERS)
    mean = (128 + (np.clip(out[1:], -127, 127) * near).sum(axis=0)) >> 8
    return np.clip((out[0] + 4) >> 3, 0, ROW_MAX), mean


def places(shape: tuple[int, ...], phase: int) -> tuple[Ints, Ints]:
    """Return rows, as a column, and columns of the numbers of a phase of a band."""
    row, column = PHASE_OFFSETS[phase]
    return np.arange(row, shape[0], 2)[:, None], np.arange(column, shape[1], 2)


def _read(grid: Ints, i: Ints, j: Ints, offsets: Sequence[tuple[int, int]]) -> Ints:
    """What lies at each offset from rows i and columns j, shape (offsets, pixels); 0 outside the grid."""
    framed = np.pad(grid, 1)
    rows, columns = framed.shape
    return np.array(
        [
            framed[np.clip(i + 1 + down, 0, rows - 1), np.clip(j + 1 + right, 0, columns - 1)].ravel()
            for down, right in offsets
        ]
    )


def _wide(grid: Ints, i: Ints, j: Ints) -> Ints:
    """Wide means at rows i and columns j, shape (1, pixels); those of places beyond the edge reach into the grid."""
    beyond = 3  # a square that begins here has nothing of the grid
    squares = np.lib.stride_tricks.sliding_window_view(np.pad(grid, beyond + 2), (5, 5))
    return _read((41 * squares.sum(axis=(2, 3))) >> 10, i + beyond, j + beyond, (HERE,))
