"""The raster coder's slow reference and native code agree on every plane, and refuse the same damage."""

from pathlib import Path

import numpy as np
import pytest

import zarr_neural
from zarr_neural import _native
from zarr_neural.entropy.repeats import decode_repeats_reference
from zarr_neural.errors import DamagedChunkError

SHAPES = [(1, 1), (1, 2), (2, 1), (1, 60), (60, 1), (2, 2), (7, 9), (33, 41)]


def planes(height: int, width: int, seed: int) -> list[tuple[np.ndarray, int]]:
    random = np.random.default_rng(seed)
    blocks = np.kron(random.integers(0, 40, (height // 4 + 1, width // 4 + 1)), np.ones((4, 4), int))[:height, :width]
    return [
        (np.zeros((height, width), np.uint16), 0),
        (blocks.astype(np.uint16), 39),
        (np.where(random.random((height, width)) < 0.1, 65535, blocks).astype(np.uint16), 65535),
        (random.integers(0, 65536, (height, width)).astype(np.uint16), 65535),
        (random.choice([0, 65535], (height, width)).astype(np.uint16), 65535),
        (random.integers(0, 3, (height, width)).astype(np.uint16), 2),
    ]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reference_decodes_what_native_encodes(shape: tuple[int, int]) -> None:
    """Both decoders give back the plane."""
    for plane, top in planes(*shape, 1):
        payload = _native.encode_repeats(plane, top)
        np.testing.assert_array_equal(decode_repeats_reference(payload, *shape, top), plane)
        np.testing.assert_array_equal(_native.decode_repeats(np.frombuffer(payload, np.uint8), *shape, top), plane)


def test_both_refuse_the_same_payloads() -> None:
    """Truncated, altered and random payloads: both refuse, or both decode to the same plane."""
    random = np.random.default_rng(2)
    refused = 0
    for trial in range(600):
        height, width = [(1, 1), (5, 6), (12, 11)][trial % 3]
        plane, top = planes(height, width, trial)[trial % 6]
        data = bytearray(_native.encode_repeats(plane, top))
        match trial % 5:
            case 0:
                del data[random.integers(len(data)) :]
            case 1:
                data[random.integers(len(data))] ^= 1 << random.integers(8)
            case 2:
                data[:4] = b"\xff\xff\xff\xff"
            case 3:
                data = bytearray(random.bytes(len(data)))
            case _:
                data += random.bytes(1)
        try:
            expected = decode_repeats_reference(bytes(data), height, width, top)
        except DamagedChunkError:
            refused += 1
            with pytest.raises(_native.DamagedStream):
                _native.decode_repeats(np.frombuffer(data, np.uint8), height, width, top)
        else:
            got = _native.decode_repeats(np.frombuffer(data, np.uint8), height, width, top)
            np.testing.assert_array_equal(got, expected)
    assert refused > 400


def test_the_example_of_the_specification_is_true() -> None:
    """The payload in the specification decodes to the plane beside it, and is what native code writes."""
    (path,) = [p for folder in zarr_neural.__path__ if (p := Path(folder, "spec", "repeats.md")).exists()]
    plane = np.array([[7, 7, 7], [7, 9, 7]], np.uint16)
    payload = _native.encode_repeats(plane, 9)
    assert f"`{payload.hex(' ')}`" in path.read_text(encoding="utf-8")
    np.testing.assert_array_equal(decode_repeats_reference(payload, 2, 3, 9), plane)
