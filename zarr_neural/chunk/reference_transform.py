"""An independent decoder of one plane of path Y, in Python and NumPy: the specification by code.

Slow and short. It shares nothing with the engine that users run but the model's arrays; `zarr_neural/spec/path_y.md`
says the same in words, and `tests/chunk/test_reference_transform.py` holds both to the same pixels.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zarr_neural.chunk.reference import level_count, side_at
from zarr_neural.entropy import PointReader, PointTables
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.reference import Layer, Network, log_magnitude
from zarr_neural.intnet.reference_transform import (
    HH,
    HL,
    LH,
    PHASE_OFFSETS,
    band_step,
    dequantise_band,
    describe_band,
    infer_band,
    places,
    step_back,
    to_samples,
)

Ints = NDArray[np.int64]

COARSEST_BITS = 23
EMPTY, SCALAR, TRELLIS = range(3)  # ways to code a phase
MIN_FLAGGED = 64  # numbers of a phase that says which
VALUE_END = 1 << 20
LAST_CLASS = 3


def decode_transform_reference(
    arrays: Mapping[str, NDArray[np.generic]],
    payload: bytes,
    words_nbytes: int,
    height: int,
    width: int,
    top: int,
    step: int,
    quality: int,
    lanes: int,
) -> NDArray[np.uint16]:
    """Return the plane that a payload holds.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The model, as in `zarr_neural.models.validate_lossy`.
    payload : bytes
        The coded plane.
    words_nbytes : int
        Bytes of `payload` that hold rANS states and words.
    height, width : int
        Size of the plane, each at least 1.
    top : int
        Largest value of the plane, 1..65535.
    step : int
        Quantiser step in 1/64 octave, 0..2047.
    quality : int
        Place between the gain vectors of the model, 0..255.
    lanes : int
        2^`lanes` states are interleaved, 0..5.

    Returns
    -------
    ndarray of uint16, shape (height, width)

    Raises
    ------
    DamagedChunkError
        The payload is not what an encoder writes for such a plane.
    """
    model = {name: np.asarray(array).astype(np.int64) for name, array in arrays.items()}
    reader = PointReader(PointTables(model["half"], model["widths"]), 1 << lanes, bytes(payload), words_nbytes)
    coarsest, bands = read_values(model, reader, height, width)
    return synthesise(model, coarsest, bands, top, step, quality)


def read_values(
    model: Mapping[str, Ints], reader: PointReader, height: int, width: int
) -> tuple[Ints, list[list[Ints]]]:
    """Return the coarsest grid, and the values of HL, LH and HH of every level, the coarsest first.

    Raises
    ------
    DamagedChunkError
        As `decode_transform_reference`.
    """
    levels = level_count(height, width)
    coarsest = np.array(
        [
            [reader.raw.get(COARSEST_BITS) - (1 << (COARSEST_BITS - 1)) for _ in range(side_at(width, levels))]
            for _ in range(side_at(height, levels))
        ]
    )
    way = SCALAR
    bands: list[list[Ints]] = []
    parents = [np.zeros((0, 0), np.int64)] * 3
    for level in range(levels, 0, -1):
        rows, columns = side_at(height, level - 1), side_at(width, level - 1)
        values = [np.zeros(band_shape(rows, columns, band), np.int64) for band in (HL, LH, HH)]
        known = [np.zeros_like(value) for value in values]
        for band in (HL, LH, HH):
            for phase, (row, column) in enumerate(PHASE_OFFSETS):
                count = values[band][row::2, column::2].size
                if count >= MIN_FLAGGED:
                    way = _next_way(reader, way)
                here = way if count >= MIN_FLAGGED else SCALAR
                if count > 0 and here != EMPTY:
                    network = _network(model, level, band, phase)
                    _read_phase(reader, network, values[band], known, parents, band, phase, here == TRELLIS)
        bands.append(values)
        parents = known
    reader.check_end()
    return coarsest, bands


def synthesise(
    model: Mapping[str, Ints], coarsest: Ints, bands: list[list[Ints]], top: int, step: int, quality: int
) -> NDArray[np.uint16]:
    """Return the samples of a plane, given what `read_values` returns."""
    grid = coarsest
    for level, values in zip(range(len(bands), 0, -1), bands, strict=True):
        steps = [band_step(model["gains"], level, band, step, quality) for band in (HL, LH, HH)]
        grid = step_back(grid, [dequantise_band(value, s) for value, s in zip(values, steps, strict=True)])
    return to_samples(grid, top)


def band_shape(rows: int, columns: int, band: int) -> tuple[int, int]:
    """Return the shape of a band of the level below a grid of `rows` x `columns`.

    Examples
    --------
    >>> band_shape(5, 8, 0), band_shape(5, 8, 1), band_shape(5, 8, 2)
    ((3, 4), (2, 4), (2, 4))
    """
    return (rows + (band == HL)) // 2, (columns + (band == LH)) // 2


def _next_way(reader: PointReader, before: int) -> int:
    """The way of a phase, by one raw bit or two."""
    if reader.raw.get(1) == 1:
        return before
    others = [way for way in (EMPTY, SCALAR, TRELLIS) if way != before]
    return others[reader.raw.get(1)]


def _read_phase(
    reader: PointReader,
    network: Network,
    values: Ints,
    known: list[Ints],
    parents: list[Ints],
    band: int,
    phase: int,
    trellis: bool,
) -> None:
    """Fills in the values of a phase and their log magnitudes."""
    features = describe_band(known, parents, band, phase)
    row, mean = infer_band(network, features, values, phase)
    found = mean + 4 * np.array(reader.get_block(row.tolist(), trellis))
    if np.abs(found).max() >= VALUE_END:
        raise DamagedChunkError("a value lies outside its range", expected=VALUE_END, found=int(np.abs(found).max()))
    at = places(values.shape, phase)
    values[at] = found.reshape(values[at].shape)
    known[band][at] = log_magnitude(np.abs(values[at]))


def _network(model: Mapping[str, Ints], level: int, band: int, phase: int) -> Network:
    at = min(level - 1, LAST_CLASS), band, phase
    return Network(*(Layer(*(model[f"{kind}{i}"][at] for kind in "wbs")) for i in (1, 2, 3)))
