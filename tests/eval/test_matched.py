import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.matched import MOST_ENCODES, TOLERANCE_DB, OnePlane, Search
from eval.metrics import psnr_db, rmse
from zarr_neural.zoo.classical import LossyCodec
from zarr_neural.zoo.classical.record import Settings, Stream
from zarr_neural.zoo.classical.scaling import AS_IT_IS, Prepared

RNG = np.random.default_rng(5)
IMAGE = RNG.integers(0, 60000, (64, 64)).astype(np.uint16)
RANGE = 60000.0


def toy(settings: Settings, decibels: bool = False, lossless_below: float = 0.0) -> LossyCodec:
    """A codec that adds noise as large as its setting, or of so many dB, and needs the bits that theory asks for."""
    signs = np.random.default_rng(1).choice((-1, 1), IMAGE.shape)

    def compress(given: Prepared, setting: float) -> Stream:
        noise = RANGE / 10 ** (setting / 20) if decibels else setting
        size = int(IMAGE.size / 8 * max(0.02, math.log2(30000 / noise)))
        return np.float64(noise).tobytes().ljust(size, b"\0")

    def expand(data: Stream, shape: tuple[int, ...]) -> NDArray[Any]:
        noise = float(np.frombuffer(data[:8], np.float64)[0])
        return IMAGE if noise < lossless_below else np.asarray(IMAGE + noise * signs)

    return LossyCodec("toy", "", "noise", settings, AS_IT_IS, compress, expand)


def searched(codec: LossyCodec) -> Search:
    return Search(codec.settings, OnePlane(codec, IMAGE, RANGE).measure)


@pytest.mark.parametrize(
    "codec",
    [toy(Settings(20000, 1, log=True)), toy(Settings(10, 90), decibels=True), toy(Settings(1500, 100))],
    ids=["log", "dB", "crooked"],
)
def test_every_target_is_met_with_few_encodes(codec: LossyCodec) -> None:
    search = searched(codec)
    for target in (34.0, 37.0, 40.0, 43.0, 46.0, 50.0):
        before = search.encodes
        (trial,) = search.nearest(target)
        assert abs(trial.psnr_db - target) <= TOLERANCE_DB
        assert search.encodes - before <= MOST_ENCODES
    assert search.encodes <= 40
    count = search.encodes
    search.nearest(40.0)
    assert search.encodes == count


def test_coarse_settings_give_the_points_on_both_sides() -> None:
    search = searched(toy(Settings(0, 99, whole=True), decibels=True))
    below, above = search.nearest(41.4)
    assert (below.setting, above.setting) == (41, 42)


def test_targets_out_of_reach_give_the_end_of_the_range() -> None:
    search = searched(toy(Settings(500, 100, log=True)))
    (least,) = search.nearest(30.0)
    (most,) = search.nearest(80.0)
    assert (least.setting, most.setting) == (500, 100)


def test_where_loss_ends_both_sides_are_known() -> None:
    """Beyond the last lossy setting the price of a target is that of the stream without loss."""
    search = searched(toy(Settings(20000, 1, log=True), lossless_below=200))
    below, above = search.nearest(53.0)
    assert above.lossless
    assert not below.lossless
    assert below.psnr_db == pytest.approx(20 * math.log10(RANGE / 200), abs=1)


def test_a_rate_is_matched_too() -> None:
    search = searched(toy(Settings(20000, 1, log=True)))
    trial = search.at_rate(IMAGE.size * 5 / 8)
    assert trial.nbytes == pytest.approx(IMAGE.size * 5 / 8, rel=0.03)
    best, worst = search.at_rate(1e9), search.at_rate(1)
    assert (best.position, worst.position) == (pytest.approx(1, abs=0.01), pytest.approx(0, abs=0.01))


def test_times_are_positive_and_decoding_is_right() -> None:
    codec = toy(Settings(20000, 1, log=True))
    plane = OnePlane(codec, IMAGE, RANGE)
    trial = Search(codec.settings, plane.measure).at(0.5)
    assert min(plane.seconds(trial.setting)) > 0
    assert psnr_db(rmse(IMAGE, plane.decoded(trial.setting)), RANGE) == trial.psnr_db
