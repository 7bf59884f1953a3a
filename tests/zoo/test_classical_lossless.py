from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError
from zarr_neural.zoo.classical import LOSSLESS, LosslessCodec, lossless_family
from zarr_neural.zoo.classical.lossless import jpegls_near, signed, unsigned


@dataclass(frozen=True)
class Sample:
    id: str
    tile: NDArray[Any]


def samples() -> list[Sample]:
    rng = np.random.default_rng(7)
    ramp = np.add.outer(np.arange(61), np.arange(83))
    noisy = rng.poisson(ramp)
    return [
        Sample("u1", noisy.astype(np.uint8)),
        Sample("u2", (noisy * 37 + 1000).astype(np.uint16)),
        Sample("u2-full-range", rng.integers(0, 65536, (40, 33)).astype(np.uint16)),
        Sample("u1-constant", np.full((17, 9), 5, np.uint8)),
        Sample("i2", (noisy * 50 - 3000).astype(np.int16)),
        Sample("i2-full-range", rng.integers(-32768, 32768, (40, 33)).astype(np.int16)),
        Sample("i1", (noisy // 2 - 60).astype(np.int8)),
    ]


@pytest.mark.parametrize("sample", samples(), ids=lambda s: s.id)
@pytest.mark.parametrize("codec", LOSSLESS.values(), ids=lambda c: c.name)
def test_every_classical_codec_returns_every_pixel(codec: LosslessCodec, sample: Sample) -> None:
    tile, low = sample.tile, int(sample.tile.min())
    if codec.why_not(tile):
        assert codec.name in ("webp", "avif")
        assert tile.itemsize > 1
        return
    shift = tile.dtype.name not in codec.dtypes
    given = unsigned(tile, low) if shift else tile
    decoded = codec.decode(codec.encode(given), given.shape, given.dtype)
    assert decoded.dtype == given.dtype
    np.testing.assert_array_equal(signed(decoded, low, tile.dtype) if shift else decoded, tile)


@pytest.mark.parametrize(("name", "shape"), [("jpegls", (64, 1000)), ("png-9", (300, 1)), ("png-6", (9, 2))])
def test_noise_that_cannot_be_shrunk_is_coded(name: str, shape: tuple[int, int]) -> None:
    """Its stream takes more room than the pixels, which is about what imagecodecs gives it by itself."""
    tile = np.random.default_rng(1).integers(0, 65536, shape).astype(np.uint16)
    codec = lossless_family(name)
    stream = codec.encode(tile)
    assert len(stream) > tile.nbytes
    np.testing.assert_array_equal(codec.decode(stream, tile.shape, tile.dtype), tile)


def test_jpegls_near_keeps_its_bound() -> None:
    tile = samples()[1].tile
    codec = jpegls_near(3)
    decoded = codec.decode(codec.encode(tile), tile.shape, tile.dtype)
    error = np.abs(decoded.astype(int) - tile.astype(int))
    assert 0 < error.max() <= 3


def test_names_are_unique_and_unknown_ones_are_refused() -> None:
    assert all(name == codec.name for name, codec in LOSSLESS.items())
    with pytest.raises(ConfigurationError, match="no lossless codec is called 'nosuch'; there are: jpegxl-7"):
        lossless_family("nosuch")
