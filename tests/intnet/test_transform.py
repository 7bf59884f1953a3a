"""Path Y by the engine: all kernel sets read alike; the error asked for holds; damage ends in our error."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError
from zarr_neural.intnet import native, transform
from zarr_neural.intnet.known_answer import known_plane, known_transform_arrays
from zarr_neural.intnet.lossy_arrays import native_arrays

SETS = _native.kernel_names()


@dataclass(frozen=True)
class FakeModel:
    id: str
    arrays: dict[str, np.ndarray]


MODEL = FakeModel("known lossy", known_transform_arrays())


def varied_arrays(seed: int) -> dict[str, np.ndarray]:
    """The known lossy model with weights, biases and widths of hidden layers drawn anew."""
    random = np.random.default_rng(seed)
    arrays = dict(known_transform_arrays())
    hidden1, hidden2 = (int(4 * random.integers(1, 17)) for _ in range(2))
    for i, (outputs, inputs) in enumerate([(hidden1, 32), (hidden2, hidden1), (9, hidden2)], 1):
        arrays[f"w{i}"] = random.integers(-63, 64, (4, 3, 4, outputs, inputs)).astype(np.int8)
        if seed % 3 == 0:
            arrays[f"w{i}"][:] = np.where(arrays[f"w{i}"] < 0, -63, 63)  # sums at the edge of 16 bits
        arrays[f"b{i}"] = random.integers(-9000, 9000, (4, 3, 4, outputs)).astype(np.int32)
        arrays[f"s{i}"] = random.integers(0, 24 if seed % 4 == 0 else 12, (4, 3, 4, outputs)).astype(np.uint8)
    return arrays


def random_plane(random: np.random.Generator, largest: int) -> tuple[np.ndarray, int]:
    height, width = (int(x) for x in np.exp(random.uniform(0, np.log(largest), 2)).astype(int))
    top = int(random.choice([1, 255, 1023, 4095, 65535, random.integers(1, 65536)]))
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


def test_all_kernel_sets_write_the_same_bytes_and_read_the_same_samples() -> None:
    """Every set encodes any plane, with any model and to any error, alike, and decodes it to the samples stated."""
    random = np.random.default_rng(3)
    coded = 0
    for seed in range(40):
        model = _native.make_lossy_model(*native_arrays(varied_arrays(seed)))
        for largest in (12, 60, 200, 500):
            plane, top = random_plane(random, largest)
            max_mse = float(top * random.choice([0.001, 0.02, 0.2])) ** 2 + 0.02
            found = _native.encode_transform(model, plane, top, max_mse, 0.25, SETS[0])
            if found is None:
                assert all(_native.encode_transform(model, plane, top, max_mse, 0.25, k) is None for k in SETS)
                continue
            payload, words_nbytes, step, quality, lanes, mse, decoded = found
            coded += 1
            assert mse == pytest.approx(np.mean((plane.astype(float) - decoded) ** 2), rel=1e-12, abs=1e-12)
            assert mse <= max_mse
            data = np.frombuffer(payload, np.uint8)
            for kernels in SETS:
                other = _native.encode_transform(model, plane, top, max_mse, 0.25, kernels)
                assert other is not None
                assert other[:6] == found[:6]
                again = _native.decode_transform(
                    model, data, words_nbytes, *plane.shape, top, step, quality, lanes, kernels
                )
                np.testing.assert_array_equal(again, decoded)
    assert coded > 100


def test_all_kernel_sets_agree_on_altered_payloads() -> None:
    """Of damaged payloads, every set refuses the same, and reads the same pixels out of the others."""
    random = np.random.default_rng(4)
    handle = transform.handle(MODEL)
    for height, width, top, trials in [(40, 30, 255, 300), (80, 60, 4095, 200), (256, 257, 65535, 20)]:
        coded = transform.encode_transform(MODEL, known_plane(height, width, top), top, (top / 60) ** 2)
        assert coded is not None
        step, quality, lanes, words_nbytes = coded.parameters
        for _ in range(trials):
            altered = np.frombuffer(coded.payload, np.uint8).copy()
            altered[random.integers(len(altered), size=random.integers(1, 4))] ^= np.uint8(1 << random.integers(8))
            answers = []
            for kernels in SETS:
                try:
                    answers.append(
                        _native.decode_transform(
                            handle, altered, words_nbytes, height, width, top, step, quality, lanes, kernels
                        ).tobytes()
                    )
                except _native.DamagedStream:
                    answers.append(b"")
            assert all(answer == answers[0] for answer in answers)


def test_damage_ends_in_our_error_or_in_some_plane() -> None:
    """Thousands of truncated, altered, extended and random payloads: DamagedChunkError or a plane within range."""
    random = np.random.default_rng(5)
    refused = decoded = 0
    for height, width, top in [(1, 1, 65535), (9, 7, 255), (1, 400, 4095), (33, 35, 1000), (66, 64, 65535)]:
        coded = transform.encode_transform(MODEL, known_plane(height, width, top), top, (top / 60) ** 2 + 0.1)
        assert coded is not None
        for trial in range(1000):
            data, parameters = bytearray(coded.payload), coded.parameters
            match trial % 7:
                case 0:
                    del data[random.integers(len(data)) :]
                case 1:
                    data[random.integers(len(data))] ^= 1 << random.integers(8)
                case 2:
                    parameters = parameters._replace(words_nbytes=int(random.integers(-3, len(data) + 4)))
                case 3:
                    data += random.bytes(int(random.integers(1, 9)))
                case 4:
                    data = bytearray(random.bytes(len(data)))
                case 5:
                    step, quality, lanes = (int(x) for x in random.integers([2048, 256, 6]))
                    parameters = parameters._replace(step=step, quality=quality, lanes=lanes)
                case _:
                    at = int(random.integers(len(data)))
                    data[at : at + 4] = random.bytes(4)
            try:
                got = transform.decode_transform(MODEL, bytes(data), parameters, height, width, top)
            except DamagedChunkError:
                refused += 1
            else:
                decoded += 1
                assert got.max() <= top
    assert refused > 3000
    assert refused + decoded == 5000


def test_another_shape_or_range_never_crashes() -> None:
    """A payload read as a plane of another size or range is refused or decodes to such a plane."""
    coded = transform.encode_transform(MODEL, known_plane(50, 60, 4095), 4095, 100)
    assert coded is not None
    random = np.random.default_rng(6)
    for _ in range(300):
        height, width, top = (int(x) for x in random.integers([1, 1, 1], [90, 90, 65536]))
        try:
            plane = transform.decode_transform(MODEL, coded.payload, coded.parameters, height, width, top)
        except DamagedChunkError:
            continue
        assert plane.shape == (height, width)
        assert plane.max() <= top


@pytest.mark.parametrize(
    ("plane", "top"),
    [
        (np.zeros((3, 3), np.uint8), 255),
        (np.zeros((3, 3), ">u2"), 255),
        (np.zeros(9, np.uint16), 255),
        (np.zeros((0, 3), np.uint16), 255),
        (np.zeros((3, 3), np.uint16), 0),
        (np.zeros((3, 3), np.uint16), 65536),
        (np.full((3, 3), 300, np.uint16), 255),
    ],
    ids=["uint8", "big-endian", "1-D", "empty", "top 0", "top 65536", "beyond top"],
)
def test_other_planes_are_refused(plane: np.ndarray, top: int) -> None:
    """A plane is a non-empty 2D array of native uint16, within its range, which is not empty."""
    with pytest.raises(UnsupportedInputError):
        transform.encode_transform(MODEL, plane, top, 1)


def test_any_memory_layout_is_taken() -> None:
    """Transposed, strided and read-only planes encode as their plain copies do."""
    plane = known_plane(31, 47, 1000)
    plain = transform.encode_transform(MODEL, plane, 1000, 4)
    assert plain is not None
    locked = plane.copy()
    locked.flags.writeable = False
    for other in (np.asfortranarray(plane), np.repeat(plane, 2, axis=1)[:, ::2], locked):
        found = transform.encode_transform(MODEL, other, 1000, 4)
        assert found is not None
        assert found.payload == plain.payload


def test_threads_share_one_handle_per_model() -> None:
    """Concurrent first uses of a model make one handle, and all threads get the same bytes and samples."""
    model = FakeModel("lossy, shared between threads", varied_arrays(1))
    start = threading.Barrier(8)
    plane = known_plane(120, 90, 4095)

    def work(_: int) -> tuple[int, bytes]:
        start.wait()
        made = transform.handle(model)
        coded = transform.encode_transform(model, plane, 4095, 10_000)
        assert coded is not None
        for _ in range(5):
            again = transform.decode_transform(model, coded.payload, coded.parameters, 120, 90, 4095)
            np.testing.assert_array_equal(again, coded.decoded)
        return id(made), coded.payload

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert len(set(results)) == 1


def test_threads_with_planes_of_all_sizes_do_not_meet() -> None:
    """Memory is handed on from call to call, by thread: planes of many sizes, mixed, come out as they do alone."""
    planes = [
        known_plane(height, width, 4095) for height, width in [(300, 200), (64, 700), (9, 9), (257, 256), (512, 70)]
    ]
    alone = [transform.encode_transform(MODEL, plane, 4095, 10_000) for plane in planes]

    def work(seed: int) -> None:
        for n in np.random.default_rng(seed).integers(len(planes), size=8):
            expected, plane = alone[n], planes[n]
            assert expected is not None
            found = transform.encode_transform(MODEL, plane, 4095, 10_000)
            assert found is not None
            assert found.payload == expected.payload
            again = transform.decode_transform(MODEL, found.payload, found.parameters, *plane.shape, 4095)
            np.testing.assert_array_equal(again, expected.decoded)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.parametrize("kernels", SETS)
def test_the_kernel_set_can_be_forced(kernels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forced kernels decode to the samples that all others decode to."""
    coded = transform.encode_transform(MODEL, known_plane(64, 65, 255), 255, 9)
    assert coded is not None
    monkeypatch.setenv(native.KERNELS_VARIABLE, kernels)
    again = transform.decode_transform(MODEL, coded.payload, coded.parameters, 64, 65, 255)
    np.testing.assert_array_equal(again, coded.decoded)
