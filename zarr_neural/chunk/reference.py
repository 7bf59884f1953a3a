"""An independent decoder of one plane of path L, in Python and NumPy: the specification by code.

Slow (about 1 Mpixel in 5 s) and short. It shares nothing with the engine that users run but the model's arrays;
`zarr_neural/spec/path_l.md` says the same in words, and `tests/chunk/test_reference.py` holds both to the same pixels.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zarr_neural.entropy import PhaseOffer, PhaseParameters, SymbolReader, TableSet, lane_count, read_parameters, row_of
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.reference import Layer, Network, describe, infer, log_magnitude, predict

Ints = NDArray[np.int64]

FIRST_NOISE = 40  # log magnitude of two grey levels
MIN_SIDE_PIXELS = 128
LAST_CLASS = 2
ROW_MAX = 83
DIAGONAL, HORIZONTAL, VERTICAL = 0, 1, 2

# Known samples round a sample of a phase, nearest first: (plane, row, column) relative to the sample's place in its own
# phase. Plane 0 is the coarser grid, 1 the diagonal phase, 2 the horizontal one.
# fmt: off
NEIGHBOURHOOD = (
    ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 0, -1), (0, 0, 2), (0, 1, -1), (0, 1, 2),
     (0, -1, 0), (0, -1, 1), (0, 2, 0), (0, 2, 1), (0, -1, -1), (0, -1, 2), (0, 2, -1), (0, 2, 2)),
    ((0, 0, 0), (0, 0, 1), (1, -1, 0), (1, 0, 0), (1, -1, -1), (1, -1, 1), (1, 0, -1), (1, 0, 1),
     (0, -1, 0), (0, -1, 1), (0, 1, 0), (0, 1, 1), (0, 0, -1), (0, 0, 2), (1, -2, 0), (1, 1, 0)),
    ((1, 0, -1), (1, 0, 0), (0, 0, 0), (0, 1, 0), (2, 0, -1), (2, 0, 0), (2, 1, -1), (2, 1, 0),
     (0, 0, -1), (0, 0, 1), (0, 1, -1), (0, 1, 1), (1, -1, -1), (1, -1, 0), (1, 1, -1), (1, 1, 0)),
)
# fmt: on


def decode_plane_reference(
    arrays: Mapping[str, NDArray[np.generic]], payload: bytes, words_nbytes: int, height: int, width: int, top: int
) -> NDArray[np.uint16]:
    """Return the plane that a payload holds.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The model, as in `zarr_neural.models.contract.validate`.
    payload : bytes
        The coded plane.
    words_nbytes : int
        Bytes of `payload` that hold rANS states and words.
    height, width : int
        Size of the plane, each at least 1.
    top : int
        Largest value of the plane, 0..65535.

    Returns
    -------
    ndarray of uint16, shape (height, width)

    Raises
    ------
    DamagedChunkError
        The payload is not what an encoder writes for such a plane.
    """
    model = {name: np.asarray(array).astype(np.int64) for name, array in arrays.items()}
    reader = SymbolReader(TableSet(model["tails"]), lane_count(height * width), bytes(payload), words_nbytes)
    return decode_plane_from(model, reader, height, width, top)


def decode_plane_from(
    model: Mapping[str, Ints], reader: SymbolReader, height: int, width: int, top: int
) -> NDArray[np.uint16]:
    """Return the plane that a reader holds; as `decode_plane_reference`, for int64 arrays and a reader of one's own."""
    levels = level_count(height, width)
    value = np.array(
        [
            [reader.raw.get(top.bit_length()) for _ in range(side_at(width, levels))]
            for _ in range(side_at(height, levels))
        ]
    )
    _check_range(value, top)
    past = np.zeros_like(value)
    curve = np.full(84, FIRST_NOISE, np.int64)
    for level in range(levels, 0, -1):
        values, pasts = [value], [past]
        rows, columns = side_at(height, level - 1), side_at(width, level - 1)
        for phase in (DIAGONAL, HORIZONTAL, VERTICAL):
            shape = ((rows + (phase == HORIZONTAL)) // 2, (columns + (phase == VERTICAL)) // 2)
            offer = _offer(model, level, phase)
            parameters = offer.usual(curve)
            if shape[0] * shape[1] >= MIN_SIDE_PIXELS:
                parameters = read_parameters(offer, curve, reader)
                curve = parameters.curve
            network = _network(model, level, phase, parameters.expert)
            phase_value, phase_past = _decode_phase(values, pasts, phase, shape, parameters, network, reader, top)
            values.append(phase_value)
            pasts.append(phase_past)
        value, past = merge(values, rows, columns), merge(pasts, rows, columns)
    reader.check_end()
    return value.astype(np.uint16)


def level_count(height: int, width: int) -> int:
    """Return the number of steps until at most 2 x 2 samples are left."""
    levels = 0
    while max(side_at(height, levels), side_at(width, levels)) > 2:
        levels += 1
    return levels


def side_at(side: int, level: int) -> int:
    """Return the side of the grid at a level, of `side` samples at level 0: every 2^level-th sample is kept."""
    return (side + (1 << level) - 1) >> level


def merge(parts: list[Ints], rows: int, columns: int) -> Ints:
    """Return the grid whose coarser grid and three phases are given."""
    grid = np.zeros((rows, columns), np.int64)
    grid[0::2, 0::2], grid[1::2, 1::2], grid[0::2, 1::2], grid[1::2, 0::2] = parts
    return grid


def neighbourhood(planes: list[Ints], phase: int, shape: tuple[int, int], count: int) -> Ints:
    """Return the `count` nearest known samples of every sample of a phase, shape (count, pixels).

    Outside a plane its nearest sample is read; a plane without samples reads as the coarser grid.
    """
    frame = planes[0].shape
    padded = []
    for plane in planes:
        part = plane if plane.size else planes[0]
        margins = [(2, 2 + full - side) for full, side in zip(frame, part.shape, strict=True)]
        padded.append(np.pad(part, margins, mode="edge"))
    rows, columns = shape
    views = [padded[p][2 + i : 2 + i + rows, 2 + j : 2 + j + columns] for p, i, j in NEIGHBOURHOOD[phase][:count]]
    return np.array([view.ravel() for view in views])


def _decode_phase(
    values: list[Ints],
    pasts: list[Ints],
    phase: int,
    shape: tuple[int, int],
    parameters: PhaseParameters,
    network: Network,
    reader: SymbolReader,
    top: int,
) -> tuple[Ints, Ints]:
    """Return samples and log magnitudes of the prediction errors of one phase."""
    if shape[0] * shape[1] == 0:
        return np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    known, known_past = neighbourhood(values, phase, shape, 16), neighbourhood(pasts, phase, shape, 8)
    predicted = predict(parameters.linear, known, top)
    features = describe(parameters.curve, known, known_past, predicted, top)
    scale, mean = infer(network, features, known, known_past, predicted, top)
    mean += 4  # the nearest grey level lies above the three lowest bits, the fraction in them
    shift, unit = parameters.rules[scale >> 4].T
    rows = np.clip((scale + 4 * shift + 4) >> 3, 0, ROW_MAX)
    coded = [row_of(int(u), int(row)) for u, row in zip(unit, rows, strict=True)]
    tables = [rule.table + (int(m) & rule.fractions) for rule, m in zip(coded, mean, strict=True)]
    residual = np.array(reader.get_block(tables, [rule.bits for rule in coded]))
    sample = (mean >> 3) + unfold(residual, mean, top)
    _check_range(sample, top)
    return sample.reshape(shape), log_magnitude(np.abs(8 * sample - predicted)).reshape(shape)


def unfold(coded: Ints, rounded: Ints, top: int) -> Ints:
    """Return the residuals that were coded as `coded`: near an end of the range both signs stand for the side left.

    Parameters
    ----------
    coded, rounded : int64
        Coded residuals, and means in eighths of a grey level with 4 added.
    top : int
        Largest value of the plane.
    """
    whole = rounded >> 3
    reach = np.minimum(whole, top - whole)
    size = np.abs(coded)
    above = (rounded >> 2 & 1).astype(bool)
    beyond = 2 * (size - reach) - ((coded > 0) == above)
    turned = np.where(whole <= top - whole, reach + beyond, -(reach + beyond))
    return np.where(size > reach, turned, coded)


def _check_range(samples: Ints, top: int) -> None:
    if samples.min() < 0 or samples.max() > top:
        found = f"{samples.min()} to {samples.max()}"
        raise DamagedChunkError("a sample lies outside the range of its plane", expected=f"0 to {top}", found=found)


def _offer(model: Mapping[str, Ints], level: int, phase: int) -> PhaseOffer:
    return PhaseOffer(model["bank"][phase], model["rules"][min(level - 1, LAST_CLASS), phase], len(model["tails"]))


def _network(model: Mapping[str, Ints], level: int, phase: int, expert: int) -> Network:
    at = min(level - 1, LAST_CLASS), phase, expert
    return Network(*(Layer(*(model[f"{kind}{i}"][at] for kind in "wbs")) for i in (1, 2, 3)))
