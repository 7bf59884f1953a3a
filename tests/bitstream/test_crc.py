"""CRC-32C is the one of RFC 3720."""

import numpy as np
import pytest

from zarr_neural.bitstream import crc32c


def slow_crc32c(data: bytes) -> int:
    """Bit by bit, as the definition says."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# RFC 3720, appendix B.4 (there in the order of transmission), and the usual check value
READ_10 = bytes.fromhex(
    "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000"
)
VECTORS = [
    (b"", 0),
    (b"\0" * 32, 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(reversed(range(32))), 0x113FDB5C),
    (READ_10, 0xD9963A56),
    (b"123456789", 0xE3069283),
]


@pytest.mark.parametrize(("data", "crc"), VECTORS, ids=[f"{crc:08x}" for _, crc in VECTORS])
def test_known_vectors(data: bytes, crc: int) -> None:
    """The vectors of the standard, by our code and by the slow one that checks it."""
    assert crc32c(data) == crc
    assert slow_crc32c(data) == crc


def test_equals_the_slow_definition_on_random_data() -> None:
    """All lengths up to 200, a long one, and any alignment in memory give the defined value."""
    random = np.random.default_rng(2)
    block = random.bytes(70_000)
    for length in [*range(200), 1023, 1024, 1025, 4097, 65_537]:
        start = int(random.integers(16))
        assert crc32c(memoryview(block)[start : start + length]) == slow_crc32c(block[start : start + length])


def test_continues_from_a_crc() -> None:
    """The CRC of a whole is that of its second part, continued from its first."""
    data = np.random.default_rng(3).bytes(1000)
    for cut in (0, 1, 7, 8, 500, 999, 1000):
        assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)
