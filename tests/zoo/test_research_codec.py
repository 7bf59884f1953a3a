"""The base of all codecs of the zoo, tried on one that stores zlib of a quantised chunk."""

import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zarr_neural.errors import (
    ConfigurationError,
    DamagedChunkError,
    MismatchError,
    ModelError,
    UnsupportedInputError,
)
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream

CHUNK = np.random.default_rng(5).integers(0, 60000, (2, 9, 7)).astype("<u2")


class Quantised(ResearchCodec):
    """Multiples of a step, which a test can change behind the codec's back."""

    codec_id = "test.quantised"

    def __init__(self, step: int = 8, drift: int = 0) -> None:
        self.step, self.drift = step, drift

    @property
    def identity(self) -> str:
        return f"quantised step={self.step}"

    def compress(self, chunk: NDArray[Any]) -> Coded:
        levels = chunk // self.step
        return zlib.compress(levels.tobytes()), [self.step], levels * self.step

    def expand(self, stream: Stream) -> NDArray[Any]:
        levels = np.frombuffer(zlib.decompress(stream.payload), stream.dtype).reshape(stream.shape)
        return levels * np.asarray(stream.parameters[0], stream.dtype) + np.asarray(self.drift, stream.dtype)


@pytest.mark.parametrize("dtype", ["u1", "<u2", "i1", "<i2"])
def test_round_trip_and_out(dtype: str) -> None:
    chunk = (CHUNK % 100).astype(dtype)
    codec = Quantised()
    data = codec.encode(chunk)
    decoded = codec.decode(data)
    assert decoded.dtype == chunk.dtype
    np.testing.assert_array_equal(decoded, chunk // 8 * 8)
    out = np.empty_like(chunk)
    codec.decode(data, out)
    np.testing.assert_array_equal(out, decoded)


def test_a_machine_that_decodes_otherwise_is_an_error() -> None:
    with pytest.raises(MismatchError, match="decodes other samples here"):
        Quantised(drift=1).decode(Quantised().encode(CHUNK))


def test_other_settings_are_an_error() -> None:
    with pytest.raises(DamagedChunkError, match="other settings or weights"):
        Quantised(step=4).decode(Quantised(step=8).encode(CHUNK))


def test_every_damaged_byte_is_an_error() -> None:
    data = Quantised().encode(CHUNK)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with pytest.raises((DamagedChunkError, MismatchError)):
            Quantised().decode(bytes(damaged))
        with pytest.raises(DamagedChunkError):
            Quantised().decode(data[:position])


@pytest.mark.parametrize(
    ("buf", "why"),
    [
        (np.zeros(5, "u1"), "two or more axes"),
        (b"abc", "two or more axes"),
        (np.zeros((0, 4), "u1"), "two or more axes"),
        (np.zeros((4, 5), "u1", order="F"), "order='C'"),
        (np.zeros((4, 5), ">u2"), "big-endian"),
        (np.zeros((4, 5), "<c8"), "is not taken"),
        (np.zeros((1,) * 9, "u1"), "at most 8 axes and 4294967296 bytes are taken, not 9 axes, 1 bytes"),
        (np.broadcast_to(np.uint8(0), (2**16, 2**17)), "C-contiguous|at most 8 axes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals_say_what_was_found(buf: Any, why: str) -> None:
    with pytest.raises(UnsupportedInputError, match=why):
        Quantised().encode(buf)


def test_what_is_missing_here_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the bytes are to blame for is called damage; that a library or weights are missing stays what it is."""
    data = Quantised().encode(CHUNK)
    for found, expected in (
        (ConfigurationError("no library"), ConfigurationError),
        (ModelError("weights of another network"), ModelError),
        (ZeroDivisionError("a span of 0"), DamagedChunkError),
        (KeyError("a symbol"), DamagedChunkError),
    ):

        def expand(self: Any, stream: Stream, error: Exception = found) -> NDArray[Any]:
            raise error

        monkeypatch.setattr(Quantised, "expand", expand)
        with pytest.raises(expected) as caught:
            Quantised().decode(data)
        assert type(caught.value) is expected


def test_an_altered_shape_or_parameter_is_found_before_anything_is_decoded() -> None:
    """Some libraries write beyond their memory when they are told another shape than the stream has."""
    data = Quantised().encode(CHUNK)
    shape_at = 10
    assert tuple(data[shape_at : shape_at + 3]) == CHUNK.shape
    assert tuple(data[shape_at + 3 : shape_at + 5]) == (1, 8)
    for position in (shape_at + 1, shape_at + 2, shape_at + 4):
        damaged = bytearray(data)
        damaged[position] += 1
        with pytest.raises(DamagedChunkError, match="checksum"):
            Quantised().decode(bytes(damaged))
