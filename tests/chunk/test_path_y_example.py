"""The worked example in the specification of path Y is what the code does, down to every number."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

import zarr_neural
from zarr_neural import _native
from zarr_neural.chunk.reference_transform import decode_transform_reference, read_values
from zarr_neural.entropy import PointReader, PointTables, TrellisPath
from zarr_neural.intnet.lossy_arrays import native_arrays
from zarr_neural.intnet.reference_transform import dequantise_band, step_back, to_samples

PLANE = np.array([[3, 4, 5], [4, 5, 9], [5, 2, 9]], np.uint16)
TOP, STEP, QUALITY, LANES = 15, 672, 0, 0
INDICES = [1, 0, -3, 2, 1, 1, -1, 0]


def example_arrays() -> dict[str, np.ndarray]:
    """The example's model: one table, empty networks whose means follow two neighbours."""
    arrays = {"half": np.full((2, 48), 2, np.uint8), "widths": np.zeros((2, 48, 128), np.uint16)}
    arrays["widths"][..., :7] = 448, 3072, 9216, 3072, 448, 64, 64
    arrays["gains"] = np.zeros((1, 10, 3), np.int16)
    for i, (outputs, inputs) in enumerate(((4, 32), (4, 4), (9, 4)), 1):
        arrays[f"w{i}"] = np.zeros((4, 3, 4, outputs, inputs), np.int8)
        arrays[f"b{i}"] = np.zeros((4, 3, 4, outputs), np.int32)
        arrays[f"s{i}"] = np.zeros((4, 3, 4, outputs), np.uint8)
    arrays["b3"][..., :3] = 64
    return arrays


def _specification() -> str:
    (path,) = [p for folder in zarr_neural.__path__ if (p := Path(folder, "spec", "path_y.md")).exists()]
    return path.read_text(encoding="utf-8")


class TracingReader(PointReader):
    """Writes down every symbol as the last columns of a row of the specification's table."""

    rows: list[str]

    def get_block(self, rows: Sequence[int], trellis: bool) -> list[int]:
        points = []
        for row in rows:
            before = self._state[0]
            (point,) = super().get_block([row], trellis)
            slot = before & 16383
            starts = self._tables.starts[0][row]
            start, end = next(pair for pair in itertools.pairwise(starts) if pair[0] <= slot < pair[1])
            self.rows.append(f"| {before} | {slot} | {start} | {end} | {point // 2:+d} |")
            points.append(point)
        return points


def test_the_example_is_true(slow_encoder: ModuleType) -> None:
    """Payload, symbols, values and numbers stand in the specification as the code computes them."""
    text = _specification()
    arrays = example_arrays()
    coarsest, wanted = slow_encoder.analyse(PLANE, TOP, arrays["gains"], STEP, QUALITY)
    payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, PLANE.shape, LANES)
    assert f"`{payload.hex(' ')}`" in text
    assert f"`words_nbytes` is {words_nbytes}" in text
    assert f"step {STEP}, quality {QUALITY}, lanes {LANES}" in text
    assert f"`{' '.join(str(x) for x in coarsest.ravel())}`" in text
    key = words_nbytes, 3, 3, TOP, STEP, QUALITY, LANES
    np.testing.assert_array_equal(decode_transform_reference(arrays, payload, *key), PLANE)
    native = _native.decode_transform(
        _native.make_lossy_model(*native_arrays(arrays)), np.frombuffer(payload, np.uint8), *key
    )
    np.testing.assert_array_equal(native, PLANE)

    wide = {name: array.astype(np.int64) for name, array in arrays.items()}
    reader = TracingReader(PointTables(arrays["half"], arrays["widths"]), 1, payload, words_nbytes)
    reader.rows = []
    found, bands = read_values(wide, reader, 3, 3)
    np.testing.assert_array_equal(found, coarsest)
    assert len(reader.rows) == 5
    values = [bands[0][0][0, 0], bands[0][0][1, 0], bands[0][1][0, 0], bands[0][1][0, 1], bands[0][2][0, 0]]
    for row, value in zip(reader.rows, values, strict=True):
        (line,) = [line for line in text.splitlines() if row[:-1] in line]
        assert line.split("|")[-2].strip() == str(value)
    numbers = step_back(found, [dequantise_band(band, STEP) for band in bands[0]])
    for row in numbers:
        assert f"\n    {' '.join(str(x) for x in row)}\n" in text
    np.testing.assert_array_equal(to_samples(numbers, TOP), PLANE)


def test_the_path_is_true() -> None:
    """The path through the trellis in the specification is the one that the code takes."""
    path, states, values = TrellisPath(1, trellis=True), [0], []
    for i, k in enumerate(INDICES):
        values.append(4 * (2 * k - path.at(i) * int(np.sign(k))))
        path.step(i, k)
        states.append(path._state[0])
    for name, numbers in (("k", INDICES), ("t", states), ("v", values)):
        assert f"| {name} | {' | '.join(str(n) for n in numbers)} |" in _specification()
