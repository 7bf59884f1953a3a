"""Measures of the likeness of two planes, each against a data range that the caller states.

In:   two planes of one shape, and the data range in grey levels.
Out:  numbers in float64.
May import: numpy, scipy, scikit-image. Knows nothing of codecs.
Tests: ``tests/eval/test_metrics.py``.
"""

from eval.metrics.errors import largest_error, psnr_db, rmse
from eval.metrics.ms_ssim import ms_ssim, scales_for
from eval.metrics.ssim import decibels, ssim, ssim_uniform

__all__ = ["decibels", "largest_error", "ms_ssim", "psnr_db", "rmse", "scales_for", "ssim", "ssim_uniform"]
