"""All kernel sets give the same bytes and the same pixels; damage ends in our error; threads share models."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError
from zarr_neural.intnet import native
from zarr_neural.intnet.known_answer import known_arrays, known_plane

SETS = _native.kernel_names()


@dataclass(frozen=True)
class FakeModel:
    id: str
    arrays: dict[str, np.ndarray]


MODEL = FakeModel("known", known_arrays())


def varied_arrays(seed: int) -> dict[str, np.ndarray]:
    """The known model with weights, biases and widths of hidden layers drawn anew."""
    random = np.random.default_rng(seed)
    arrays = dict(known_arrays())
    hidden1, hidden2 = (int(4 * random.integers(1, 17)) for _ in range(2))
    for i, (outputs, inputs) in enumerate([(hidden1, 32), (hidden2, hidden1), (9, hidden2)], 1):
        arrays[f"w{i}"] = random.integers(-63, 64, (3, 3, 2, outputs, inputs)).astype(np.int8)
        if seed % 3 == 0:
            arrays[f"w{i}"][:] = np.where(arrays[f"w{i}"] < 0, -63, 63)  # sums at the edge of 16 bits
        arrays[f"b{i}"] = random.integers(-9000, 9000, (3, 3, 2, outputs)).astype(np.int32)
        arrays[f"s{i}"] = random.integers(0, 24 if seed % 4 == 0 else 12, (3, 3, 2, outputs)).astype(np.uint8)
    return arrays


def random_plane(random: np.random.Generator, largest: int) -> tuple[np.ndarray, int]:
    height, width = (int(x) for x in np.exp(random.uniform(0, np.log(largest), 2)).astype(int))
    top = int(random.choice([0, 1, 255, 1023, 4095, 65535, random.integers(1, 65536)]))
    kind = random.integers(4)
    if kind == 0:
        plane = random.integers(0, top + 1, (height, width))
    elif kind == 1:
        plane = random.choice([0, top], (height, width))
    elif kind == 2:
        plane = np.clip(np.cumsum(random.normal(size=(height, width)), 1) * top / 50 + top / 2, 0, top)
    else:
        plane = np.clip(random.poisson(20, (height, width)) + np.indices((height, width)).sum(0), 0, top)
    return plane.astype(np.uint16), top


def test_all_kernel_sets_write_the_same_bytes_and_read_the_same_pixels() -> None:
    """Every set encodes any plane with any model to the same bytes, and decodes them to the plane."""
    random = np.random.default_rng(3)
    for seed in range(60):
        model = _native.make_model(*varied_arrays(seed).values())
        for largest in (12, 60, 60, 200, 500):
            plane, top = random_plane(random, largest)
            payload, words_nbytes = _native.encode_plane(model, plane, top, SETS[0])
            data = np.frombuffer(payload, np.uint8)
            for kernels in SETS:
                assert _native.encode_plane(model, plane, top, kernels) == (payload, words_nbytes)
                decoded = _native.decode_plane(model, data, words_nbytes, *plane.shape, top, kernels)
                np.testing.assert_array_equal(decoded, plane)


def test_all_kernel_sets_agree_on_altered_payloads() -> None:
    """Of damaged payloads, every set refuses the same, and reads the same pixels out of the others."""
    random = np.random.default_rng(4)
    model = native.handle(MODEL)
    for height, width, top, trials in [(40, 30, 255, 300), (80, 60, 4095, 300), (256, 257, 65535, 20)]:
        payload, words_nbytes = _native.encode_plane(model, known_plane(height, width, top), top)
        for _ in range(trials):
            altered = np.frombuffer(payload, np.uint8).copy()
            altered[random.integers(len(altered), size=random.integers(1, 4))] ^= np.uint8(1 << random.integers(8))
            answers = [_answer(model, altered, words_nbytes, (height, width, top), kernels) for kernels in SETS]
            assert all(answer == answers[0] for answer in answers)


def _answer(model: Any, data: np.ndarray, words_nbytes: int, key: tuple[int, int, int], kernels: str) -> bytes | None:
    try:
        return _native.decode_plane(model, data, words_nbytes, *key, kernels).tobytes()
    except _native.DamagedStream:
        return None


def test_damage_ends_in_our_error_or_in_some_plane() -> None:
    """Thousands of truncated, altered, swapped and random payloads: DamagedChunkError or a plane within range."""
    random = np.random.default_rng(5)
    refused = decoded = 0
    for height, width, top in [(1, 1, 65535), (9, 7, 255), (1, 400, 4095), (33, 35, 1000), (66, 64, 65535)]:
        plane = known_plane(height, width, top)
        payload, words_nbytes = native.encode_plane(MODEL, plane, top)
        np.testing.assert_array_equal(native.decode_plane(MODEL, payload, words_nbytes, height, width, top), plane)
        for trial in range(1000):
            data, words = bytearray(payload), words_nbytes
            match trial % 6:
                case 0:
                    del data[random.integers(len(data)) :]
                case 1:
                    data[random.integers(len(data))] ^= 1 << random.integers(8)
                case 2:
                    words = int(random.integers(-3, len(data) + 4))
                case 3:
                    data += random.bytes(int(random.integers(1, 9)))
                case 4:
                    data = bytearray(random.bytes(len(data)))
                case _:
                    at = int(random.integers(len(data)))
                    data[at : at + 4] = random.bytes(4)
            try:
                got = native.decode_plane(MODEL, bytes(data), words, height, width, top)
            except DamagedChunkError:
                refused += 1
            else:
                decoded += 1
                assert got.max() <= top
    assert refused > 4500
    assert refused + decoded == 5000


def test_escapes_beyond_any_sample_are_refused() -> None:
    """An escape whose code is legal and whose value no sample has is refused for itself, before sums of it wrap."""
    key = (9, 7, 255)
    payload, words_nbytes = native.encode_plane(MODEL, known_plane(*key), key[2])
    said = set()
    for ones in range(17, 23):  # a Golomb code of so many ones is legal and stands for 2^18 and more
        for shift in range(ones + 6):
            bits = np.tile([1] * ones + [0] * 6, 8)[shift : shift + 8 * (len(payload) - words_nbytes)].astype("u1")
            raw = np.packbits(bits, bitorder="little").tobytes()
            try:
                native.decode_plane(MODEL, payload[:words_nbytes] + raw, words_nbytes, *key)
            except DamagedChunkError as error:
                said.add(str(error))
    assert "an escape lies beyond any sample" in said


def test_another_shape_or_range_never_crashes() -> None:
    """A payload read as a plane of another size or range is refused or decodes to such a plane."""
    payload, words_nbytes = native.encode_plane(MODEL, known_plane(50, 60, 4095), 4095)
    random = np.random.default_rng(6)
    for _ in range(300):
        height, width, top = (int(x) for x in random.integers([1, 1, 0], [90, 90, 65536]))
        try:
            assert native.decode_plane(MODEL, payload, words_nbytes, height, width, top).shape == (height, width)
        except DamagedChunkError:
            continue


@pytest.mark.parametrize(
    "plane",
    [np.zeros((3, 3), np.uint8), np.zeros((3, 3), ">u2"), np.zeros(9, np.uint16), np.zeros((0, 3), np.uint16)],
    ids=["uint8", "big-endian", "1-D", "empty"],
)
def test_other_arrays_are_refused(plane: np.ndarray) -> None:
    """A plane is a non-empty 2D array of native uint16."""
    with pytest.raises(UnsupportedInputError):
        native.encode_plane(MODEL, plane, 255)
    with pytest.raises(UnsupportedInputError):
        native.encode_repeats(plane, 255)


def test_samples_beyond_the_largest_value_are_refused() -> None:
    """A sample above `top` would be lost; it is an error."""
    with pytest.raises(UnsupportedInputError, match="300"):
        native.encode_plane(MODEL, np.full((2, 2), 300, np.uint16), 255)
    with pytest.raises(UnsupportedInputError, match="300"):
        native.encode_repeats(np.full((2, 2), 300, np.uint16), 255)


def test_any_memory_layout_is_taken() -> None:
    """Transposed, strided and read-only planes encode as their plain copies do."""
    plane = known_plane(31, 47, 1000)
    plain = native.encode_plane(MODEL, plane, 1000)
    locked = plane.copy()
    locked.flags.writeable = False
    wide = np.repeat(plane, 2, axis=1)[:, ::2]
    for other in (np.asfortranarray(plane), wide, locked):
        assert native.encode_plane(MODEL, other, 1000) == plain


def test_threads_share_one_handle_per_model() -> None:
    """Concurrent first uses of a model make one handle, and all threads get the same bytes."""
    model = FakeModel("shared between threads", varied_arrays(1))
    start = threading.Barrier(8)
    plane = known_plane(120, 90, 4095)

    def work(_: int) -> tuple[int, bytes]:
        start.wait()
        made = native.handle(model)
        payload, words_nbytes = native.encode_plane(model, plane, 4095)
        np.testing.assert_array_equal(native.decode_plane(model, payload, words_nbytes, 120, 90, 4095), plane)
        return id(made), payload

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert len(set(results)) == 1


@pytest.mark.parametrize("kernels", SETS)
def test_the_kernel_set_can_be_forced(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forced kernels write the bytes that all others write."""
    monkeypatch.delenv(native.KERNELS_VARIABLE, raising=False)
    usual = native.encode_plane(MODEL, known_plane(64, 65, 255), 255)
    monkeypatch.setenv(native.KERNELS_VARIABLE, kernels)
    assert native.encode_plane(MODEL, known_plane(64, 65, 255), 255) == usual
