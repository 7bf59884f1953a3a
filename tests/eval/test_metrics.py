import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve2d

from eval.metrics import decibels, largest_error, ms_ssim, psnr_db, rmse, scales_for, ssim

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def pair(shape: tuple[int, int] = (60, 71), noise: float = 9.0) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(11)
    image = 1000 + 80 * np.sin(np.add.outer(np.arange(shape[0]), np.arange(shape[1])) / 5)
    image = np.rint(image + rng.normal(0, 10, shape)).astype(np.uint16)
    return image, np.rint(image * 1.02 + rng.normal(0, noise, shape)).astype(np.uint16)


def by_the_paper(a: NDArray[Any], b: NDArray[Any], data_range: float) -> tuple[float, float]:
    """Return mean SSIM and mean contrast and structure, written out from the equations of the paper."""
    x = np.arange(-5, 6)
    window = np.exp(-np.add.outer(x**2, x**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(image: NDArray[Any]) -> NDArray[Any]:
        return convolve2d(image, window, mode="valid")

    a, b = a.astype(float), b.astype(float)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    luminance = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)
    structure = (2 * cov + c2) / (va + vb + c2)
    return float((luminance * structure).mean()), float(structure.mean())


def test_errors_are_those_of_the_definitions() -> None:
    a, b = np.array([[0, 255]], np.uint8), np.array([[3, 251]], np.uint8)
    assert rmse(a, b) == pytest.approx(math.sqrt(12.5))
    assert largest_error(a, b) == 4
    assert psnr_db(2.55, 255) == pytest.approx(40)
    assert psnr_db(0, 255) == math.inf


def test_ssim_is_that_of_the_paper() -> None:
    a, b = pair()
    assert ssim(a, b, 200) == pytest.approx(by_the_paper(a, b, 200)[0], abs=1e-9)
    assert ssim(a, a, 200) == 1


def test_ms_ssim_is_that_of_the_paper() -> None:
    """Contrast and structure at all scales, luminance at the last, powers of the paper."""
    a, b = pair((180, 190))
    expected = 1.0
    x, y = a.astype(float), b.astype(float)
    for scale, power in enumerate(WEIGHTS):
        expected *= by_the_paper(x, y, 200)[0 if scale == 4 else 1] ** power
        x, y = (i[: i.shape[0] // 2 * 2, : i.shape[1] // 2 * 2] for i in (x, y))
        x, y = ((i[::2, ::2] + i[1::2, ::2] + i[::2, 1::2] + i[1::2, 1::2]) / 4 for i in (x, y))
    assert ms_ssim(a, b, 200) == pytest.approx(expected, abs=1e-9)
    assert ms_ssim(a, a, 200) == pytest.approx(1, abs=1e-12)


def test_small_images_have_fewer_scales_and_tiny_ones_none() -> None:
    assert [scales_for((side, 500)) for side in (10, 11, 43, 44, 176)] == [0, 1, 2, 3, 5]
    a, b = pair((20, 20))
    assert ms_ssim(a, b, 200) == pytest.approx(by_the_paper(a, b, 200)[0] ** sum(WEIGHTS), abs=1e-9)
    for measure in (ssim, ms_ssim):
        with pytest.raises(ValueError, match="at least 11 pixels"):
            measure(a[:10], b[:10], 200)


def test_unlike_images_do_not_break_the_powers() -> None:
    a, _ = pair()
    assert 0 <= ms_ssim(a, a.max() - a, 200) < 0.2


def test_decibels_rise_with_likeness() -> None:
    assert decibels(0.999) == pytest.approx(30)
    assert decibels(1.0) == math.inf
