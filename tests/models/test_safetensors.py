"""Model files as bytes: what is written is read back, and nothing else is read."""

import json

import numpy as np
import pytest

from zarr_neural.errors import ModelError
from zarr_neural.models.safetensors import read_safetensors, write_safetensors

ARRAYS = {
    "a": np.arange(6, dtype=np.int8).reshape(2, 3),
    "b": np.array([2**31 - 1, -(2**31)], np.int32),
    "c": np.zeros((0, 4), np.uint16),
    "d": np.array(7, np.uint32),
}


def test_round_trip() -> None:
    """Arrays of every integer type and shape, and the metadata, come back; the arrays are read-only."""
    arrays, metadata = read_safetensors(write_safetensors(ARRAYS, {"k": "größer"}))
    assert metadata == {"k": "größer"}
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        assert not arrays[name].flags.writeable


def test_equal_content_gives_equal_bytes() -> None:
    """The order in which arrays and metadata are given does not matter, nor does their byte order in memory."""
    turned = {name: ARRAYS[name].astype(ARRAYS[name].dtype.newbyteorder(">")) for name in reversed(ARRAYS)}
    assert write_safetensors(turned, {"y": "2", "x": "1"}) == write_safetensors(ARRAYS, {"x": "1", "y": "2"})


def test_floats_are_refused() -> None:
    """Floats never enter a model."""
    with pytest.raises(ModelError, match="float64"):
        write_safetensors({"a": np.zeros(3)}, {})


def damaged(**fields: object) -> bytes:
    """A file of one array of four bytes, with other fields in its header entry."""
    entry = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4], **fields}
    header = json.dumps({"a": entry}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


@pytest.mark.parametrize(
    "fields",
    [
        {"dtype": "F32"}, {"dtype": 3}, {"dtype": "U16"}, {"shape": [5]}, {"shape": [-4]}, {"shape": 4},
        {"shape": [4.0]}, {"shape": [True] * 2 + [4]}, {"shape": [1] * 9}, {"data_offsets": [0, 5]},
        {"data_offsets": [1, 4]}, {"data_offsets": [0]}, {"shape": [2**39, 2**39]}, {"extra": 1},
    ],
)  # fmt: skip
def test_entries_that_lie_are_refused(fields: dict[str, object]) -> None:
    """An entry that does not fit the payload exactly is refused."""
    assert read_safetensors(damaged())[0]["a"].tolist() == [0, 0, 0, 0]
    with pytest.raises(ModelError):
        read_safetensors(damaged(**fields))


@pytest.mark.parametrize(
    "header", [b"", b"[]", b"{", b'{"__metadata__": 1}', b'{"__metadata__": {"a": 1}}', b"\xff", b'{"a":1,"a":1}']
)
def test_headers_that_are_no_header_are_refused(header: bytes) -> None:
    """Broken JSON, other types and names that occur twice are refused."""
    with pytest.raises(ModelError):
        read_safetensors(len(header).to_bytes(8, "little") + header)


def test_every_truncation_and_extension_is_refused() -> None:
    """A file that is too short or too long by any number of bytes is refused."""
    data = write_safetensors(ARRAYS, {"k": "v"})
    for size in range(len(data)):
        with pytest.raises(ModelError):
            read_safetensors(data[:size])
    with pytest.raises(ModelError):
        read_safetensors(data + b"\0")
    with pytest.raises(ModelError):
        read_safetensors((2**63).to_bytes(8, "little") + data[8:])
