import math

import numpy as np
import pytest

from eval.bd_rate import Curve, bd_rate, front

ANCHOR: Curve = [(0.05 * 2 ** ((db - 30) / 5), db) for db in (34.0, 37.0, 40.0, 43.0, 46.0, 50.0)]


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.25, 3.0])
def test_a_constant_factor_is_found(factor: float) -> None:
    """A curve with 10 % fewer bits at every quality has a BD-rate of -10 %, however its points are placed."""
    for shift in (0.0, 0.7, -1.3):
        other = [(factor * 0.05 * 2 ** ((db + shift - 30) / 5), db + shift) for _, db in ANCHOR]
        assert bd_rate(ANCHOR, other).percent == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_a_factor_that_changes_with_quality_is_averaged_in_the_logarithm() -> None:
    """Factors from 1 to 4 along the curve are 2 on average; the two directions are each other's inverse."""
    qualities = np.linspace(34, 50, 30)
    anchor = [(2 ** ((db - 30) / 5), db) for db in qualities]
    other = [(rate * 4 ** ((db - 34) / 16), db) for rate, db in anchor]
    assert bd_rate(anchor, other).percent == pytest.approx(100, abs=1e-6)
    back = bd_rate(other, anchor).percent
    assert (1 + back / 100) * 2 == pytest.approx(1, abs=1e-9)


def test_only_the_common_range_counts() -> None:
    other = [(0.8 * rate, db) for rate, db in ANCHOR if 37 <= db <= 46]
    result = bd_rate(ANCHOR, other)
    assert result.percent == pytest.approx(-20, abs=0.5)
    assert (result.low_db, result.high_db) == (37, 46)


def test_pieces_do_not_overshoot() -> None:
    """A curve with a jump stays between its points: cubic polynomials would leave them."""
    stepped = [(1.0, 34.0), (1.01, 37.0), (4.0, 37.5), (4.1, 40.0), (4.2, 43.0)]
    flat = [(1.0, 34.0), (1.0001, 43.0)]
    assert 0 < bd_rate(flat, stepped).percent < 320


def test_without_overlap_there_is_no_figure_but_a_reason() -> None:
    far = [(rate, db + 30) for rate, db in ANCHOR]
    assert math.isnan(bd_rate(ANCHOR, far).percent)
    assert bd_rate(ANCHOR, far).why == "the curves share 0 dB of quality"
    touching = [(rate, db + 15.5) for rate, db in ANCHOR]
    assert bd_rate(ANCHOR, touching).why == "the curves share 0.5 dB of quality"
    assert bd_rate(ANCHOR, ANCHOR[:1]).why == "the codec has 1 useful point"
    assert bd_rate([], ANCHOR).why == "the anchor has 0 useful points"


def test_points_not_worth_having_change_nothing() -> None:
    """More bits for less quality, points without loss and points without a figure are left out."""
    worse = [(1.0, 34.0), (9.0, 45.9), (8.0, math.inf), (math.nan, 40.0), (0.5, math.nan)]
    assert bd_rate(ANCHOR, [*ANCHOR, *worse]).percent == pytest.approx(0, abs=1e-9)
    assert front([(2.0, 36.0), (1.0, 35.0), (3.0, 36.0)]) == [(1.0, 35.0), (2.0, 36.0)]


def test_a_codec_that_goes_on_without_loss_pays_one_rate() -> None:
    lossless = [(0.5, 40.0), (1.0, 42.0), (1.0, 46.0), (1.0, 50.0)]
    assert front(lossless) == lossless
    assert math.isfinite(bd_rate(ANCHOR, lossless).percent)
