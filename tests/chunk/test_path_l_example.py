"""The worked example in the specification of path L is what the code does, down to every number."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import zarr_neural
from zarr_neural import _native
from zarr_neural.chunk.reference import decode_plane_from, decode_plane_reference
from zarr_neural.entropy import SymbolReader, TableSet
from zarr_neural.intnet.reference import describe, predict

PLANE = np.array([[3, 4, 5], [4, 5, 7], [5, 6, 9]], np.uint16)
TOP = 15


def example_arrays() -> dict[str, np.ndarray]:
    """The example's model: triangular distributions, the mean of four, empty networks."""
    arrays = {"tails": np.array([[512 * (1024 - i) ** 2 for i in range(1025)]] * 3, np.uint32)}
    arrays["bank"] = np.array([[[64] * 4 + [0] * 12]] * 3, np.int16)
    arrays["rules"] = np.zeros((3, 3, 1, 42, 2), np.int8)
    for i, (outputs, inputs) in enumerate(((4, 32), (4, 4), (9, 4)), 1):
        arrays[f"w{i}"] = np.zeros((3, 3, 1, outputs, inputs), np.int8)
        arrays[f"b{i}"] = np.zeros((3, 3, 1, outputs), np.int32)
        arrays[f"s{i}"] = np.zeros((3, 3, 1, outputs), np.uint8)
    arrays["b3"][..., 0] = 64
    return arrays


def _specification() -> Path:
    (path,) = [p for folder in zarr_neural.__path__ if (p := Path(folder, "spec", "path_l.md")).exists()]
    return path


class TracingReader(SymbolReader):
    """Writes down every symbol as a row of the specification's table."""

    rows: list[str]

    def get_block(self, table: Sequence[int], bits: Sequence[int]) -> list[int]:
        residuals = []
        for i, (t, b) in enumerate(zip(table, bits, strict=True)):
            before = self._state[0]
            (residual,) = super().get_block([t], [b])
            index = residual + self._tables.half[t]
            start, end = self._tables.starts[t][index : index + 2]
            after = self._state[0]
            numbers = (i, t, self._tables.half[t], before, before & 16383, start, end, f"{residual:+d}", after)
            self.rows.append(f"| {' | '.join(str(n) for n in numbers)} |")
            residuals.append(residual)
        return residuals


def test_the_example_is_true() -> None:
    """Payload, features and every step of the entropy decoder stand in the specification as the code computes them."""
    text = _specification().read_text(encoding="utf-8")
    arrays = example_arrays()
    payload, words_nbytes = _native.encode_plane(_native.make_model(*arrays.values()), PLANE, TOP)
    assert f"`{payload.hex(' ')}`" in text
    assert f"`words_nbytes` is {words_nbytes}" in text
    np.testing.assert_array_equal(decode_plane_reference(arrays, payload, words_nbytes, 3, 3, TOP), PLANE)

    reader = TracingReader(TableSet(arrays["tails"]), 1, payload, words_nbytes)
    reader.rows = []
    decode_plane_from({name: array.astype(np.int64) for name, array in arrays.items()}, reader, 3, 3, TOP)
    assert len(reader.rows) == 5
    for row in reader.rows:
        assert row in text

    neighbours = np.array([[3, 5, 5, 9, 3, 5, 5, 9, 3, 5, 5, 9, 3, 5, 5, 9]]).T
    predicted = predict(arrays["bank"][0, 0].astype(np.int64), neighbours, TOP)
    assert predicted.tolist() == [44]
    features = describe(np.full(84, 40), neighbours, np.zeros((8, 1), np.int64), predicted, TOP)
    assert f"`{' '.join(str(f) for f in features[:, 0])}`" in text
