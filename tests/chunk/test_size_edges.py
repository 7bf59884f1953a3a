"""The most that a chunk may hold, to the byte: 2^31 - 1 bytes are a chunk, 2^31 are none."""

import numpy as np
import pytest

from zarr_neural.bitstream import crc32c
from zarr_neural.chunk.decode import decode_chunk
from zarr_neural.chunk.header import CONSTANT, LIMIT_VARIABLE, Header, pack_header, unpack_header
from zarr_neural.errors import DamagedChunkError


def constant(shape: tuple[int, ...]) -> bytes:
    """A chunk of some thirty bytes that claims to be that many zeros."""
    return pack_header(Header(CONSTANT, np.dtype("u1"), False, shape, 0, (), b"", 1, crc32c(b"\0"), 0)) + b"\0"


def test_two_gibibytes_at_their_edge() -> None:
    """A header of 2^31 - 1 bytes is read, one of 2^31 is refused."""
    assert unpack_header(constant((1, 2**31 - 1)))[0].shape == (1, 2**31 - 1)
    with pytest.raises(DamagedChunkError, match="shape is impossible"):
        unpack_header(constant((2, 2**30)))


def test_the_limit_that_can_be_set_at_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of as many bytes as the limit says is decoded (and its checksum looked at), one more is refused."""
    monkeypatch.setenv(LIMIT_VARIABLE, "1000")
    with pytest.raises(DamagedChunkError, match="the decoded samples are not those that were encoded"):
        decode_chunk(constant((10, 100)))
    with pytest.raises(DamagedChunkError, match=LIMIT_VARIABLE):
        decode_chunk(constant((7, 143)))
