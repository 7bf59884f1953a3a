"""Planes coded by a transform, read by three decoders that share no code: native, reference, and one from the text."""

from types import ModuleType

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.bitstream import crc32c
from zarr_neural.chunk.reference_transform import decode_transform_reference
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.known_answer import KnownTransform, known_plane, known_transform_arrays, known_transforms
from zarr_neural.intnet.lossy_arrays import native_arrays

ARRAYS = known_transform_arrays()
MODEL = _native.make_lossy_model(*native_arrays(ARRAYS))
PLANES = [(1, 1, 255), (1, 9, 1000), (8, 1, 65535), (2, 3, 1), (5, 7, 255), (33, 40, 4095), (40, 33, 65535)]


def encoded(height: int, width: int, top: int, max_mse: float) -> tuple[bytes, int, int, int, int]:
    coded = _native.encode_transform(MODEL, known_plane(height, width, top), top, max_mse, 0.25)
    assert coded is not None
    payload, words_nbytes, step, quality, lanes, *_ = coded[:6]
    return payload, words_nbytes, step, quality, lanes


@pytest.mark.parametrize(("height", "width", "top"), PLANES)
def test_three_decoders_agree(height: int, width: int, top: int, independent_path_y: ModuleType) -> None:
    """What the native encoder writes, fine or coarse, all three decode to the same samples."""
    for share in (0.001, 0.1):
        payload, words, step, quality, lanes = encoded(height, width, top, max(0.01, (share * top) ** 2))
        key = words, height, width, top, step, quality, lanes
        native = _native.decode_transform(MODEL, np.frombuffer(payload, np.uint8), *key)
        np.testing.assert_array_equal(decode_transform_reference(ARRAYS, payload, *key), native)
        third = independent_path_y.decode_plane(ARRAYS, payload, words, (height, width), top, step, quality, lanes)
        np.testing.assert_array_equal(third, native)


@pytest.mark.parametrize("known", known_transforms(), ids=lambda known: f"{known.height}x{known.width}")
def test_the_known_transforms_are_read_from_the_text_alone(
    known: KnownTransform, independent_path_y: ModuleType
) -> None:
    """What the engine must answer before its first use is what a decoder written from the specification answers."""
    samples = independent_path_y.decode_plane(
        ARRAYS,
        known.payload,
        known.words_nbytes,
        (known.height, known.width),
        known.top,
        known.step,
        known.quality,
        known.lanes,
    )
    assert crc32c(samples.astype("<u2").tobytes()) == known.samples_crc


def test_three_decoders_refuse_the_same(independent_path_y: ModuleType) -> None:
    """Of altered payloads, all three refuse the same, and read the same samples out of the others."""
    random = np.random.default_rng(8)
    refused = 0
    for trial in range(240):
        height, width, top = PLANES[trial % len(PLANES)]
        payload, words, step, quality, lanes = encoded(height, width, top, 4.0)
        data = bytearray(payload)
        if trial % 4 == 0:
            del data[random.integers(len(data)) :]
        elif trial % 4 == 1:
            words = int(random.integers(len(data) + 1))
        else:
            data[random.integers(len(data))] ^= 1 << random.integers(8)
        key = min(words, len(data)), height, width, top, step, quality, lanes
        try:
            expected = decode_transform_reference(ARRAYS, bytes(data), *key)
        except DamagedChunkError:
            refused += 1
            with pytest.raises(_native.DamagedStream):
                _native.decode_transform(MODEL, np.frombuffer(bytes(data), np.uint8), *key)
            with pytest.raises(independent_path_y.NotAPlaneError):
                independent_path_y.decode_plane(ARRAYS, bytes(data), key[0], (height, width), *key[3:])
        else:
            native = _native.decode_transform(MODEL, np.frombuffer(bytes(data), np.uint8), *key)
            np.testing.assert_array_equal(native, expected)
            third = independent_path_y.decode_plane(ARRAYS, bytes(data), key[0], (height, width), *key[3:])
            np.testing.assert_array_equal(third, expected)
    assert 120 < refused < 240
