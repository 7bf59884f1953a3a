"""The slow reference decoder of path Y gives what was encoded; the native engine, which shares no code, the same."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.chunk.reference import level_count, side_at
from zarr_neural.chunk.reference_transform import (
    EMPTY,
    SCALAR,
    TRELLIS,
    decode_transform_reference,
    read_values,
    synthesise,
)
from zarr_neural.entropy import PointReader, PointTables
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.known_answer import known_transform_arrays
from zarr_neural.intnet.lossy_arrays import native_arrays

SIZES = [
    (1, 1),
    (1, 2),
    (2, 2),
    (1, 3),
    (2, 3),
    (3, 3),
    (1, 97),
    (210, 1),
    (2, 130),
    (5, 7),
    (17, 31),
    (33, 40),
    (64, 64),
]


def random_arrays(seed: int) -> dict[str, np.ndarray]:
    """A model within the numeric contract whose tables, scales and means reach far."""
    random = np.random.default_rng(seed)
    hidden1, hidden2 = (int(random.choice(c)) for c in ([4, 16, 32], [4, 8, 24]))
    half = 2 * random.integers(0, 31, (2, 48))
    widths = np.zeros((2, 48, 128), np.int64)
    for at in np.ndindex(2, 48):
        symbols = 2 * half[at] + 3
        share = random.dirichlet(np.full(symbols, random.choice([0.05, 1, 20])))
        widths[at][:symbols] = 1 + np.floor(share * (2**14 - symbols))
        widths[at][half[at]] += 2**14 - widths[at].sum()
    arrays = {"half": half.astype(np.uint8), "widths": widths.astype(np.uint16)}
    arrays["gains"] = random.integers(-2048, 2048, (int(random.choice([1, 2, 16])), 10, 3)).astype(np.int16)
    for i, (outputs, inputs) in enumerate([(hidden1, 32), (hidden2, hidden1), (9, hidden2)], 1):
        arrays[f"w{i}"] = random.integers(-63, 64, (4, 3, 4, outputs, inputs)).astype(np.int8)
        arrays[f"b{i}"] = random.integers(-20_000, 20_000, (4, 3, 4, outputs)).astype(np.int32)
        arrays[f"s{i}"] = random.integers(4, 12, (4, 3, 4, outputs)).astype(np.uint8)
    return arrays


def picture(random: np.random.Generator, height: int, width: int, top: int) -> np.ndarray:
    """A walk in both directions, with noise."""
    walk = np.cumsum(np.cumsum(random.normal(size=(height, width)), 0), 1)
    walk = (walk - walk.min()) / max(1e-9, np.ptp(walk)) * top * 1.2 - top * 0.1
    return np.clip(walk + random.normal(0, top / 60, walk.shape), 0, top).round().astype(np.uint16)


def reader_of(arrays: dict[str, np.ndarray], payload: bytes, words_nbytes: int, lanes: int) -> PointReader:
    return PointReader(PointTables(arrays["half"], arrays["widths"]), 1 << lanes, payload, words_nbytes)


def wide(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array.astype(np.int64) for name, array in arrays.items()}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_come_back(size: tuple[int, int], slow_encoder: ModuleType) -> None:
    """Any values, coded in any of the three ways with any model and any lanes, come back."""
    for seed in range(6):
        random = np.random.default_rng([seed, *size])
        arrays = known_transform_arrays() if seed % 3 == 0 else random_arrays(seed)
        coarsest, wanted = slow_encoder.random_wish(random, size, 2.0 ** (4 + 3 * seed))
        ways: Any = (lambda *at: EMPTY, lambda *at: SCALAR, lambda *at: TRELLIS)
        way = ways[seed] if seed < 3 else lambda *at, random=random: int(random.integers(3))
        payload, words_nbytes, chosen = slow_encoder.encode(arrays, coarsest, wanted, size, seed, way)
        reader = reader_of(arrays, payload, words_nbytes, seed)
        found_coarsest, found = read_values(wide(arrays), reader, *size)
        np.testing.assert_array_equal(found_coarsest, coarsest)
        assert len(found) == len(chosen) == level_count(*size)
        for bands, others in zip(found, chosen, strict=True):
            for band, other in zip(bands, others, strict=True):
                np.testing.assert_array_equal(band, other)
        decoded = decode_transform_reference(arrays, payload, words_nbytes, *size, 65535, 700, 100, seed)
        np.testing.assert_array_equal(decoded, synthesise(wide(arrays), coarsest, chosen, 65535, 700, 100))
        assert decoded.shape == size


@pytest.mark.parametrize("top", [1, 2, 255, 1000, 4095, 65535])
def test_fine_steps_give_the_picture_back(top: int, slow_encoder: ModuleType) -> None:
    """The transform is the wavelet that the encoder inverts: with fine steps nearly every sample comes back exactly."""
    arrays = known_transform_arrays()
    arrays["gains"][:] = 0
    step = 300 if top < 4095 else 360 if top == 4095 else 440  # values have 20 bits
    for size in ((1, 1), (2, 3), (1, 40), (40, 1), (5, 7), (33, 40)):
        plane = picture(np.random.default_rng([top, *size]), *size, top)
        coarsest, wanted = slow_encoder.analyse(plane, top, arrays["gains"], step, 0)
        payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, size)
        decoded = decode_transform_reference(arrays, payload, words_nbytes, *size, top, step, 0, 0)
        error = np.abs(decoded.astype(int) - plane)
        assert error.max() <= (1 if top < 65535 else 6)
        if top <= 1000:
            assert error.mean() < 0.01


def test_the_error_follows_the_step(slow_encoder: ModuleType) -> None:
    """Two octaves more of step are four times the error; quality moves between the gain vectors of the model."""
    arrays = known_transform_arrays()
    arrays["gains"] = np.stack([np.zeros((10, 3)), np.full((10, 3), 256)]).astype(np.int16)
    plane = picture(np.random.default_rng(1), 48, 48, 4095)

    def error(step: int, quality: int) -> float:
        coarsest, wanted = slow_encoder.analyse(plane, 4095, arrays["gains"], step, quality)
        payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, plane.shape)
        decoded = decode_transform_reference(arrays, payload, words_nbytes, *plane.shape, 4095, step, quality, 0)
        return float(np.sqrt(np.mean((decoded.astype(float) - plane) ** 2)))

    fine, coarse = error(800, 0), error(928, 0)
    assert 3.5 < coarse / fine < 4.5
    assert error(800, 16) == error(800, 255) == error(1056, 0)
    assert error(800, 8) == coarse


def test_the_way_of_a_phase_costs_one_bit_or_two(slow_encoder: ModuleType) -> None:
    """An empty plane is its states, its coarsest grid and one bit for every phase that may say so, and one more."""
    arrays = known_transform_arrays()
    size = (256, 256)
    coarsest, wanted = slow_encoder.random_wish(np.random.default_rng(0), size, 1)
    payload, words_nbytes, chosen = slow_encoder.encode(
        arrays, coarsest, [[0 * band for band in bands] for bands in wanted], size, 5, lambda *at: EMPTY
    )
    assert all((band == 0).all() for bands in chosen[3:] for band in bands)  # sides of 16 and more
    reader = reader_of(arrays, payload, words_nbytes, 5)
    read_values(wide(arrays), reader, *size)
    flags = 1 + 12 * 4
    assert 8 * (len(payload) - words_nbytes) >= 4 * 23 + flags


def test_rare_symbols_are_met(slow_encoder: ModuleType) -> None:
    """Among the planes of these tests are rows with and without raw bits, escapes of both kinds, both quantisers."""
    met: set[tuple[int, bool, int]] = set()

    def choose(target: float, mean: int, row: int, quantiser: int) -> int:
        k: int = slow_encoder.nearest(target, mean, row, quantiser)
        bits = max(0, (row - 44) >> 2) if row >= 48 else 0
        table = row if row < 48 else 44 + (row & 3)
        j = k if bits == 0 else (k >> (bits + 1)) * 2 + (k & 1)
        met.add((bits, abs(j) > int(arrays["half"][quantiser, table]), 2 * quantiser + (j & 1)))
        return k

    for seed in range(4):
        arrays = known_transform_arrays() if seed < 2 else random_arrays(seed)
        coarsest, wanted = slow_encoder.random_wish(np.random.default_rng(seed), (90, 70), 2.0**19.9)
        payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, (90, 70), 3, choose=choose)
        read_values(wide(arrays), reader_of(arrays, payload, words_nbytes, 3), 90, 70)
    expected = {(bits, escape, kind) for bits in range(11) for escape in (False, True) for kind in range(4)}
    assert met == expected


def test_indices_and_values_out_of_range_are_refused(slow_encoder: ModuleType) -> None:
    """An index of 2^17, a value of 2^20: damage, on either side of zero; one less is none."""
    arrays = known_transform_arrays()
    arrays["w3"][:] = 0
    arrays["b3"][:] = 0
    arrays["b3"][..., 0] = 87 << 8  # the largest row, 10 raw bits
    size = (1, 3)
    coarsest, wanted = slow_encoder.random_wish(np.random.default_rng(0), size, 1)

    def read(choice: int, arrays: dict[str, np.ndarray] = arrays) -> int:
        payload, words_nbytes, _ = slow_encoder.encode(
            arrays, coarsest, wanted, size, choose=lambda target, mean, row, quantiser: choice
        )
        _, bands = read_values(wide(arrays), reader_of(arrays, payload, words_nbytes, 0), *size)
        decode_transform_reference(arrays, payload, words_nbytes, *size, 255, 2047, 0, 0)
        return int(bands[0][0][0, 0])

    assert read(131071) == 1048568
    assert read(-131071) == -1048568
    for index in (131072, -131072, 140_000, 1 << 31, 1 << 32, -(1 << 32), 1 << 34):
        with pytest.raises(DamagedChunkError, match="index lies beyond"):
            read(index)


def test_values_beyond_their_range_are_refused(slow_encoder: ModuleType) -> None:
    """A mean and an index, each allowed, whose sum is 2^20 or more in magnitude."""
    arrays = known_transform_arrays()
    arrays["w3"][:] = 0
    arrays["b3"][:] = 0
    arrays["b3"][..., 0] = 87 << 8
    arrays["b3"][..., 1:] = 100 << 8
    arrays["s3"][:] = 5
    size = (2, 130)
    coarsest, wanted = slow_encoder.random_wish(np.random.default_rng(0), size, 1)
    for index in (131_000, -131_000):
        payload, words_nbytes, _ = slow_encoder.encode(
            arrays, coarsest, wanted, size, choose=lambda target, mean, row, quantiser, index=index: index
        )
        with pytest.raises(DamagedChunkError, match="value lies outside"):
            decode_transform_reference(arrays, payload, words_nbytes, *size, 255, 2047, 0, 0)


def test_altered_payloads_are_refused_or_decode(slow_encoder: ModuleType) -> None:
    """Truncation, extension and flipped bits end in DamagedChunkError or in a plane within range."""
    arrays = known_transform_arrays()
    size, lanes, top = (9, 12), 1, 1000
    plane = picture(np.random.default_rng(5), *size, top)
    coarsest, wanted = slow_encoder.analyse(plane, top, arrays["gains"], 900, 20)
    payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, size, lanes)

    def decode(data: bytes, words: int) -> np.ndarray:
        return decode_transform_reference(arrays, data, words, *size, top, 900, 20, lanes)

    right = decode(payload, words_nbytes)
    refused = 0
    for place in range(0, 8 * len(payload), 37):
        altered = bytearray(payload)
        altered[place >> 3] ^= 1 << (place & 7)
        try:
            assert decode(bytes(altered), words_nbytes).max() <= top
        except DamagedChunkError:
            refused += 1
    assert refused > len(payload) / 8
    for end in range(0, len(payload), 23):
        with pytest.raises(DamagedChunkError):
            decode(payload[:end], words_nbytes)
    for words in (-2, 0, 6, words_nbytes - 1, words_nbytes - 2, words_nbytes + 2, len(payload) + 2):
        with pytest.raises(DamagedChunkError):
            decode(payload, words)
    with pytest.raises(DamagedChunkError):
        decode(payload + b"\0", words_nbytes)
    np.testing.assert_array_equal(decode(payload, words_nbytes), right)


def test_numbers_wrap_round_at_32_bits() -> None:
    """Where numbers outgrow 32 bits, which no encoder makes them do, the result is still defined."""
    arrays = wide(known_transform_arrays())
    arrays["gains"] = np.full((1, 10, 3), 2047)
    bands = []
    for level in range(level_count(20, 20), 0, -1):
        rows = side_at(20, level - 1)
        shapes = [((rows + (b == 0)) // 2, (rows + (b == 1)) // 2) for b in range(3)]
        bands.append([np.full(shape, 2**20 - 1 - b) for b, shape in enumerate(shapes)])
    samples = synthesise(arrays, np.full((2, 2), 2**22 - 1), bands, 65535, 2047, 255)
    assert samples.dtype == np.uint16
    assert samples.min() == 0
    assert samples.max() == 65535


@pytest.mark.parametrize("size", [*SIZES, (90, 70)], ids=str)
def test_native_decodes_what_the_slow_encoder_writes(size: tuple[int, int], slow_encoder: ModuleType) -> None:
    """Every kernel set decodes any values, ways, lanes, steps and ranges, with any model, as the reference does."""
    for seed in range(6):
        random = np.random.default_rng([9, seed, *size])
        arrays = known_transform_arrays() if seed % 3 == 0 else random_arrays(100 * size[0] + seed)
        coarsest, wanted = slow_encoder.random_wish(random, size, 2.0 ** (2 + 3.5 * seed))
        payload, words_nbytes, _ = slow_encoder.encode(
            arrays, coarsest, wanted, size, seed, lambda *at, random=random: int(random.integers(3))
        )
        model, data = _native.make_lossy_model(*native_arrays(arrays)), np.frombuffer(payload, np.uint8)
        for top in (int(random.choice([1, 255, 4095])), 65535, int(random.integers(1, 65536))):
            key = words_nbytes, *size, top, int(random.integers(2048)), int(random.integers(256)), seed
            expected = decode_transform_reference(arrays, payload, *key)
            for kernels in _native.kernel_names():
                np.testing.assert_array_equal(_native.decode_transform(model, data, *key, kernels), expected)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 200), (300, 1), (9, 70), (129, 130), (70, 257)], ids=str)
def test_reference_decodes_what_native_encodes(size: tuple[int, int]) -> None:
    """Pictures of any range and error, encoded by native code, decode to the same samples, with the error it states."""
    for seed, top in enumerate([1, 255, 4095, 65535]):
        arrays = known_transform_arrays() if seed % 2 else random_arrays(seed)
        plane = picture(np.random.default_rng([seed, *size]), *size, top)
        for share in (0.003, 0.05):
            coded = _native.encode_transform(
                _native.make_lossy_model(*native_arrays(arrays)), plane, top, max(0.02, (share * top) ** 2), 0.25
            )
            if coded is None:  # gains of that model leave no step that is fine enough
                continue
            payload, words_nbytes, step, quality, lanes, mse, *_ = coded[:6]
            key = words_nbytes, *size, top, step, quality, lanes
            decoded = decode_transform_reference(arrays, payload, *key)
            assert np.mean((decoded.astype(float) - plane) ** 2) == pytest.approx(mse, rel=1e-12)
            data = np.frombuffer(payload, np.uint8)
            np.testing.assert_array_equal(
                _native.decode_transform(_native.make_lossy_model(*native_arrays(arrays)), data, *key), decoded
            )


def test_reference_and_native_refuse_the_same_payloads(slow_encoder: ModuleType) -> None:
    """Of altered payloads, both decoders refuse the same, and decode the others to the same samples."""
    arrays = known_transform_arrays()
    model = _native.make_lossy_model(*native_arrays(arrays))
    random = np.random.default_rng(11)
    refused = 0
    for trial in range(120):
        size = [(7, 9), (20, 21), (1, 200)][trial % 3]
        coarsest, wanted = slow_encoder.random_wish(np.random.default_rng(trial % 12), size, 2.0 ** (trial % 4 * 5))
        lanes = trial % 6
        payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, size, lanes)
        altered = np.frombuffer(payload, np.uint8).copy()
        altered[random.integers(len(altered), size=random.integers(1, 3))] ^= np.uint8(1 << random.integers(8))
        key = words_nbytes, *size, 1000, 640, trial, lanes
        try:
            expected = decode_transform_reference(arrays, altered.tobytes(), *key)
        except DamagedChunkError:
            refused += 1
            with pytest.raises(_native.DamagedStream):
                _native.decode_transform(model, altered, *key)
        else:
            np.testing.assert_array_equal(_native.decode_transform(model, altered, *key), expected)
    assert 70 < refused < 120


@pytest.mark.parametrize("size", [(20, 20), (64, 3), (1, 90)], ids=str)
def test_native_wraps_round_as_the_reference_does(size: tuple[int, int], slow_encoder: ModuleType) -> None:
    """The largest values at the largest step outgrow 32 bits in every sum; both decoders still agree."""
    arrays = known_transform_arrays()
    arrays["gains"][:] = 2047
    for seed in range(4):
        random = np.random.default_rng(seed)
        coarsest, wanted = slow_encoder.random_wish(random, size, 2.0**20)
        wanted = [[np.sign(band) * 2.0**21 for band in bands] for bands in wanted]
        payload, words_nbytes, _ = slow_encoder.encode(arrays, coarsest, wanted, size, 2)
        for top in (1, 65535):
            key = words_nbytes, *size, top, 2047, 255, 2
            expected = decode_transform_reference(arrays, payload, *key)
            for kernels in _native.kernel_names():
                data = np.frombuffer(payload, np.uint8)
                np.testing.assert_array_equal(
                    _native.decode_transform(_native.make_lossy_model(*native_arrays(arrays)), data, *key, kernels),
                    expected,
                )
