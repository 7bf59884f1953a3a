"""Damage of any kind ends in our error or in the pixels that were written; never in others, a crash or a hang."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numcodecs
import numpy as np
import pytest

from zarr_neural import NeuralCodec
from zarr_neural.chunk import decode_chunk, describe
from zarr_neural.errors import DamagedChunkError, ModelNotFoundError, ZarrNeuralError

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden"
COUNT = 24_000
Golden = tuple[bytes, dict[str, Any]]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What became of the damages, which a process of limited memory decodes."""
    command = [sys.executable, str(HERE / "damages.py"), str(GOLDEN), "1", str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_damage_gives_our_error_or_the_samples_written(report: dict[str, Any]) -> None:
    """Of 24 000 damages, with and without checksums made right, none gives other pixels or an error of another kind."""
    assert report["count"] == COUNT
    assert report["fault_count"] == 0, report["faults"]
    assert report["chunks"] >= 16


def test_damage_reaches_deep(report: dict[str, Any]) -> None:
    """The damages are no straw men: every check, from the magic to the last bit of a plane, has refused some."""
    said = " ".join(report["messages"])
    for words in (
        "not a chunk of zarr_neural",
        "another format version",
        "checksum of the header",
        "payload has another length",
        "checksum of the payload",
        "shape is impossible",
        "impossible parameters",
        "is not for",
        "does not decompress",
        "stored samples",
        "no model",
        "rectangle of a plane",
        "palette",
        "symbol section",
        "outside the range of its plane",
        "the decoded samples are not those",
        "bytes are left",
        "does not fit",
        "noise table",
        "constant chunk",
        "flags of the planes",
        "bound of the corrections",
    ):
        assert words in said
    kinds = {outcome.split(":")[0] for outcome in report["outcomes"]}
    assert kinds == {
        "blind",
        "early",
        "splice",
        "foreign_payload",
        "header_field",
        "payload",
        "record_field",
        "head_field",
        "palette",
    }
    blind = sum(n for outcome, n in report["outcomes"].items() if outcome == "blind: decoded")
    assert blind < 0.01 * COUNT


def test_no_damage_hangs(report: dict[str, Any]) -> None:
    """Decoding a damaged chunk takes no longer than decoding a chunk of its size may."""
    assert report["slowest_s"] < 5


@functools.cache
def chunk() -> bytes:
    y, x = np.mgrid[:64, :64]
    image = (np.random.default_rng(0).poisson(40 + 30 * np.sin(x / 9) * np.cos(y / 7)) * 3).astype(np.uint16)
    return NeuralCodec(lossless=True).encode(image)


def jpeg() -> bytes:
    return bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes(500)


FOREIGN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "the chunk is empty"),
    "one-byte": (lambda: b"\x89", r"not a chunk of zarr_neural: expected .*x89ZNC', found b'.x89'"),
    "zstd": (lambda: bytes(numcodecs.Zstd().encode(chunk())), r"not a chunk of zarr_neural: .* found b'\(.xb5/.xfd'"),
    "blosc": (lambda: bytes(numcodecs.Blosc().encode(chunk())), "not a chunk of zarr_neural"),
    "jpeg": (jpeg, r"not a chunk of zarr_neural: .* found b'.xff.xd8.xff.xe0'"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), r"not a chunk of zarr_neural: .* found b'.x89PNG'"),
    "zeros": (lambda: bytes(8192), r"not a chunk of zarr_neural: .* found b'.x00.x00.x00.x00'"),
    "fill": (lambda: b"\xff" * 8192, "not a chunk of zarr_neural"),
    "text": (lambda: b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", r"found b'<\?xm'"),
    "future-version": (lambda: chunk()[:4] + b"\2" + chunk()[5:], "another format version: expected 1, found 2"),
    "far-future": (lambda: chunk()[:4] + b"\xff", "another format version: expected 1, found 255"),
    "magic-only": (lambda: chunk()[:4], "the version is cut off"),
    "header-only": (
        lambda: chunk()[: describe(chunk())["header_nbytes"]],
        "payload has another length: expected .* bytes, found 0 bytes",
    ),
    "twice": (lambda: chunk() * 2, "payload has another length"),
    "newlines": (lambda: chunk().replace(b"\n", b"\r\n"), "checksum|another length"),
    "text-mode": (lambda: chunk().decode("latin-1").encode("utf-8"), "not a chunk of zarr_neural"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_bytes_are_named(name: str) -> None:
    """Bytes of another kind, another version or a failed copy are refused by what was found."""
    make, says = FOREIGN[name]
    for read in (decode_chunk, describe, NeuralCodec().decode):
        with pytest.raises(DamagedChunkError, match=says):
            read(make())


def test_a_chunk_of_an_unknown_model_names_it(damages: ModuleType) -> None:
    """A whole chunk whose model is not there asks for the model, by the beginning of its SHA-256."""
    one = damages.take_apart("one", chunk())
    data = damages.rebuild(one.values | {"model": b"\xde\xad\xbe\xef" * 2}, one.payload)
    with pytest.raises(ModelNotFoundError, match="deadbeefdeadbeef") as raised:
        decode_chunk(data)
    assert "deadbeefdeadbeef" in raised.value.wanted
    with pytest.raises(ModelNotFoundError):
        decode_chunk(data, ["deadbeefdeadbeef" + "0" * 48])


@pytest.mark.parametrize(
    "shape",
    [[2**31 - 1, 2**31 - 1], [2**31], [65536, 65536], [2**31 - 1] * 32, [1, 2**31 - 1, 2], [0, 5], [], [64], [1] * 33],
    ids=str,
)
def test_oversized_shapes_are_refused_before_anything_is_allocated(shape: list[int], damages: ModuleType) -> None:
    """A header that declares more than 2 GiB, no samples or no plane is refused by its shape, whatever the mode."""
    one = damages.take_apart("one", chunk())
    for mode in (0, 1, 2, 3):
        data = damages.rebuild({"model": bytes(8)} | one.values | {"shape": shape, "mode": mode}, one.payload)
        with pytest.raises(DamagedChunkError, match="shape"):
            decode_chunk(data)


@functools.cache
def transformed() -> bytes:
    return (GOLDEN / "transform-residual-u2-margin.bin").read_bytes()


@pytest.mark.parametrize("make", [chunk, transformed])
def test_any_single_bit_is_noticed(make: Callable[[], bytes]) -> None:
    """Each bit of a chunk, flipped, is an error: none is without meaning."""
    data = make()
    for place in range(len(data)):
        for bit in range(8) if place < 80 else (place % 8,):
            altered = bytearray(data)
            altered[place] ^= 1 << bit
            with pytest.raises(ZarrNeuralError):
                decode_chunk(bytes(altered))


@pytest.mark.parametrize("make", [chunk, transformed])
def test_any_truncation_is_noticed(make: Callable[[], bytes]) -> None:
    """No beginning of a chunk passes for a chunk."""
    data = make()
    for end in range(len(data)):
        with pytest.raises(DamagedChunkError):
            decode_chunk(data[:end])


def test_any_bit_behind_right_checksums_is_noticed(damages: ModuleType) -> None:
    """Each byte of a transform altered, all checksums of bytes made right: an error, or the same samples."""
    one = damages.take_apart("one", transformed())
    random = np.random.default_rng(3)
    refused = 0
    for place in range(len(one.payload)):
        altered = bytearray(one.payload)
        altered[place] ^= 1 << int(random.integers(8))
        try:
            decoded = decode_chunk(damages.rebuild(one.values, bytes(altered)), damages.MODEL_IDS)
        except ZarrNeuralError:
            refused += 1
        else:
            np.testing.assert_array_equal(decoded, one.array)
    assert refused > 0.9 * len(one.payload)


def test_swapped_chunks_are_noticed(all_golden: dict[str, Golden]) -> None:
    """The payload of one chunk behind the header of another is an error, for every pair of golden chunks."""
    parts = {name: (data, describe(data)["header_nbytes"]) for name, (data, _) in all_golden.items()}
    for one, (head, at) in parts.items():
        for other, (tail, start) in parts.items():
            if one != other:
                with pytest.raises(DamagedChunkError):
                    decode_chunk(head[:at] + tail[start:])


def test_damage_beside_good_chunks_in_threads(all_golden: dict[str, Golden]) -> None:
    """Errors in some threads leave the decoding in others alone."""
    data, _ = all_golden["networks-u2"]
    good = decode_chunk(data)
    bad = data[:-1] + bytes([data[-1] ^ 1])

    def work(turn: int) -> None:
        if turn % 2:
            with pytest.raises(DamagedChunkError):
                decode_chunk(bad)
        else:
            np.testing.assert_array_equal(decode_chunk(data), good)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
