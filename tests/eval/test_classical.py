from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.classical import FURTHER, USUAL, Codec, by_name, jpegls_near
from eval.modes import Mode, quantised, task


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
@pytest.mark.parametrize("codec", USUAL + FURTHER, ids=lambda c: c.name)
def test_every_classical_codec_returns_every_pixel(codec: Codec, sample: Sample) -> None:
    work = task(codec, sample.tile, quantised(sample.tile, Mode("lossless"), None))
    stream = work.encode()
    decoded = work.decode(stream)
    assert decoded.dtype == work.given.dtype
    np.testing.assert_array_equal(work.restore(decoded), sample.tile)


def test_jpegls_near_keeps_its_bound() -> None:
    tile = samples()[1].tile
    codec = jpegls_near(3)
    decoded = codec.decode(codec.encode(tile), tile.shape, tile.dtype)
    error = np.abs(decoded.astype(int) - tile.astype(int))
    assert 0 < error.max() <= 3


def test_names_are_unique_and_unknown_ones_are_refused() -> None:
    names = [codec.name for codec in USUAL + FURTHER]
    assert len(set(names)) == len(names)
    assert [codec.name for codec in by_name(["png-6", "jpegls"])] == ["png-6", "jpegls"]
    with pytest.raises(ValueError, match="unknown codec nosuch; there are: jpegxl-7"):
        by_name(["nosuch"])
