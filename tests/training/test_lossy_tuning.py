"""Gains are found again by search where they are wrong; similarity is that of the evaluation; rates are compared."""

import numpy as np
import pytest
from scipy import ndimage

from zarr_neural.training import lossy_tuning
from zarr_neural.training.data import Picture
from zarr_neural.training.lossy_coefficients import first_guess
from zarr_neural.training.lossy_similarity import ms_ssim_decibels
from zarr_neural.training.lossy_tuning import psnr, tune, tuning_crops
from zarr_neural.training.lossy_validation import rate_change


def test_wrong_gains_are_found(pictures: list[Picture], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where level 1 has steps that are too fine by an octave, the search for squared error makes them coarser."""
    monkeypatch.setattr(lossy_tuning, "SIDE", 96)
    monkeypatch.setattr(lossy_tuning, "STRIDES", (40,))
    monkeypatch.setattr(lossy_tuning, "PASSES", 1)
    monkeypatch.setattr(lossy_tuning, "LAST", 2)
    crops = tuning_crops(pictures[:2])
    assert len(crops) == 2
    wrong = first_guess()
    wrong["gains"][:, 0] -= 64
    moved = tune(wrong, crops, 0.25, psnr) - wrong["gains"]
    assert moved[0, 0].tolist() == [40, 40, 40]
    assert moved.dtype == np.int16


def test_similarity_falls_with_the_error() -> None:
    """Equal planes have the highest value, stronger noise a lower one; one gain for both planes changes nothing."""
    rng = np.random.default_rng(0)
    plane = ndimage.gaussian_filter(rng.normal(size=(128, 160)), 3) * 1000
    noise = rng.normal(size=plane.shape)
    levels = [ms_ssim_decibels(plane, plane + strength * noise) for strength in (0, 2, 10, 40)]
    assert levels[0] == 60
    assert levels == sorted(levels, reverse=True)
    assert ms_ssim_decibels(3 * plane, 3 * (plane + 2 * noise)) == pytest.approx(levels[1])


def test_rate_change() -> None:
    """A curve that takes a tenth less everywhere is 10 % better; curves that do not overlap say nothing."""
    curve = [(30.0, 0.1), (36.0, 0.4), (42.0, 1.3)]
    assert rate_change(curve, [(level, 0.9 * rate) for level, rate in curve]) == pytest.approx(-10)
    assert np.isnan(rate_change(curve, [(level + 20, rate) for level, rate in curve]))
    assert np.isnan(rate_change(curve, []))
