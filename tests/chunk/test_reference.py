"""The slow reference decoder and the native engine, which share no code, agree on every plane and on every byte."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.chunk.reference import decode_plane_from, decode_plane_reference, level_count, merge, side_at
from zarr_neural.entropy import RawReader, SymbolReader, SymbolWriter, TableSet, lane_count, row_of
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet.known_answer import known_arrays

SHAPES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (1, 700), (650, 1), (2, 333), (5, 3), (17, 31), (64, 64), (101, 77)]


def random_arrays(seed: int) -> dict[str, np.ndarray]:
    """A model within the numeric contract whose scales and rules reach far."""
    random = np.random.default_rng(seed)
    hidden1, hidden2, experts, shapes = (int(random.choice(c)) for c in ([4, 16, 32], [4, 8, 24], [1, 3], [3, 5]))
    lead = (3, 3, experts)
    falls = random.integers(55_000, 65_000, shapes)
    tails = np.full((shapes, 1025), 1 << 29, np.uint64)
    for i in range(1024):
        tails[:, i + 1] = tails[:, i] * falls.astype(np.uint64) >> np.uint64(16)
    arrays = {"tails": tails.astype(np.uint32)}
    arrays["bank"] = random.integers(-511 if seed % 3 == 0 else -20, 512 if seed % 3 == 0 else 60, (3, 2, 16)).astype(
        np.int16
    )
    shift = random.integers(-64 if seed % 2 else -4, 64 if seed % 2 else 5, (*lead, 42))
    arrays["rules"] = np.stack([shift, random.integers(0, shapes, shift.shape)], axis=-1).astype(np.int8)
    for i, (outputs, inputs) in enumerate([(hidden1, 32), (hidden2, hidden1), (9, hidden2)], 1):
        arrays[f"w{i}"] = random.integers(-63, 64, (*lead, outputs, inputs)).astype(np.int8)
        arrays[f"b{i}"] = random.integers(-20_000, 20_000, (*lead, outputs)).astype(np.int32)
        arrays[f"s{i}"] = random.integers(4, 12, (*lead, outputs)).astype(np.uint8)
    return arrays


def planes(height: int, width: int, seed: int) -> list[tuple[np.ndarray, int]]:
    """Planes of every kind of content, each with its largest value."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(np.cumsum(random.normal(size=(height, width)), 0), 1)
    wide = int(random.integers(1, 65536))
    return [
        (np.zeros((height, width), np.uint16), 0),
        (np.full((height, width), 65535, np.uint16), 65535),
        (random.integers(0, 256, (height, width)).astype(np.uint16), 255),
        (random.choice([0, 65535], (height, width)).astype(np.uint16), 65535),
        (np.clip(walk * 5 + 2000, 0, 4095).astype(np.uint16), 4095),
        (np.clip(walk * 400 + 30_000, 0, wide).astype(np.uint16), wide),
        (np.clip(walk / 4 + 100, 0, 255).astype(np.uint16), 255),
    ]


class RecordingReader(SymbolReader):
    """Keeps the blocks that it hands out."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.blocks: list[tuple[Sequence[int], Sequence[int], list[int]]] = []

    def get_block(self, table: Sequence[int], bits: Sequence[int]) -> list[int]:
        residuals = super().get_block(table, bits)
        self.blocks.append((table, bits, residuals))
        return residuals


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reference_decodes_what_native_encodes(shape: tuple[int, int]) -> None:
    """Every plane that native code encodes, with any model, the reference decodes to the same samples."""
    for seed in range(3):
        arrays = known_arrays() if seed == 0 else random_arrays(100 * shape[0] + shape[1] + seed)
        model = _native.make_model(*arrays.values())
        for plane, top in planes(*shape, seed):
            payload, words_nbytes = _native.encode_plane(model, plane, top)
            decoded = decode_plane_reference(arrays, payload, words_nbytes, *shape, top)
            np.testing.assert_array_equal(decoded, plane)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (3, 22_000), (301, 230)])
def test_reference_decodes_many_lanes(height: int, width: int) -> None:
    """Planes of 65536 pixels and more, coded on 32 lanes, decode alike."""
    arrays = known_arrays()
    plane, top = planes(height, width, 7)[4]
    payload, words_nbytes = _native.encode_plane(_native.make_model(*arrays.values()), plane, top)
    np.testing.assert_array_equal(decode_plane_reference(arrays, payload, words_nbytes, height, width, top), plane)


def test_reference_coder_writes_the_bytes_of_native_code() -> None:
    """The blocks of a plane, coded again by the reference, are the native payload; nearly all tables occur."""
    used: set[int] = set()
    widths: set[int] = set()
    for seed in range(1, 19):
        height, width = [(40, 41), (70, 70), (13, 500)][seed % 3]
        arrays = random_arrays(seed)
        model = {name: array.astype(np.int64) for name, array in arrays.items()}
        tables = TableSet(arrays["tails"])
        for plane, top in planes(height, width, seed)[2:]:
            payload, words_nbytes = _native.encode_plane(_native.make_model(*arrays.values()), plane, top)
            lanes = lane_count(height * width)
            reader = RecordingReader(tables, lanes, payload, words_nbytes)
            np.testing.assert_array_equal(decode_plane_from(model, reader, height, width, top), plane)
            writer = SymbolWriter(tables, lanes)
            levels = level_count(height, width)
            first = RawReader(payload[words_nbytes:])
            for _ in range(side_at(height, levels) * side_at(width, levels)):
                writer.raw.put(first.get(top.bit_length()), top.bit_length())
            for block in reader.blocks:
                writer.put_block(*block)
                used.update(block[0])
                widths.update(block[1])
            assert writer.finish() == (payload, words_nbytes)
    assert widths == set(range(15))
    assert len(used) > 0.95 * 5 * 196


def test_reference_and_native_refuse_the_same_payloads() -> None:
    """Of altered payloads, both decoders refuse the same, and decode the others to the same samples."""
    arrays = known_arrays()
    model = _native.make_model(*arrays.values())
    wide = {name: array.astype(np.int64) for name, array in arrays.items()}
    tables = TableSet(arrays["tails"])
    random = np.random.default_rng(11)
    refused = 0
    for trial in range(400):
        height, width = [(7, 9), (30, 31), (1, 200)][trial % 3]
        plane, top = planes(height, width, trial % 5)[2 + trial % 5]
        payload, words_nbytes = _native.encode_plane(model, plane, top)
        altered = np.frombuffer(payload, np.uint8).copy()
        place = int(random.integers(len(altered)))
        altered[place] ^= 1 << random.integers(8)
        try:
            reader = SymbolReader(tables, 1, altered.tobytes(), words_nbytes)
            expected = decode_plane_from(wide, reader, height, width, top)
        except DamagedChunkError:
            refused += 1
            with pytest.raises(_native.DamagedStream):
                _native.decode_plane(model, altered, words_nbytes, height, width, top)
        else:
            got = _native.decode_plane(model, altered, words_nbytes, height, width, top)
            np.testing.assert_array_equal(got, expected)
    assert refused > 300


@pytest.mark.parametrize("residual", [1 << 32, -(1 << 32), (1 << 31) - 20_000, 1 << 17, 1 << 16, 600])
def test_escapes_beyond_any_sample_are_refused(residual: int) -> None:
    """A residual that no sample has is damage, also where 32 bits would wrap round to one that has."""
    arrays = dict(known_arrays())
    arrays["w3"] = np.zeros_like(arrays["w3"])
    arrays["b3"] = np.full_like(arrays["b3"], 700 << 8)  # the largest scale: 14 raw bits
    arrays["rules"] = np.full_like(arrays["rules"], [63, 0])
    tables = TableSet(arrays["tails"])
    rule = row_of(0, 83)
    writer = SymbolWriter(tables, 1)
    for sample in (5, 5):
        writer.raw.put(sample, 16)
    writer.put_block([rule.table], [rule.bits], [residual])
    payload, words_nbytes = writer.finish()
    model, data = _native.make_model(*arrays.values()), np.frombuffer(payload, np.uint8)
    if residual == 600:
        decoded = decode_plane_reference(arrays, payload, words_nbytes, 1, 3, 65535)
        np.testing.assert_array_equal(_native.decode_plane(model, data, words_nbytes, 1, 3, 65535), decoded)
    else:
        with pytest.raises(DamagedChunkError):
            decode_plane_reference(arrays, payload, words_nbytes, 1, 3, 65535)
        with pytest.raises(_native.DamagedStream):
            _native.decode_plane(model, data, words_nbytes, 1, 3, 65535)


def test_geometry() -> None:
    """Sides halve, rounded up, down to at most two; four parts merge into their grid."""
    assert [level_count(*shape) for shape in [(1, 1), (2, 2), (1, 3), (4, 1), (5, 5), (512, 512), (1, 5000)]] == [
        0,
        0,
        1,
        1,
        2,
        8,
        12,
    ]
    assert [side_at(5, level) for level in range(4)] == [5, 3, 2, 1]
    grid = np.arange(15).reshape(3, 5)
    parts = [grid[0::2, 0::2], grid[1::2, 1::2], grid[0::2, 1::2], grid[1::2, 0::2]]
    np.testing.assert_array_equal(merge(parts, 3, 5), grid)
