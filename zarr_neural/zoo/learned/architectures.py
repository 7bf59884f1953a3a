"""The architectures by name: metrics, qualities, weights of the distortion, widths of the networks trained here."""

from __future__ import annotations

from zarr_neural.errors import ConfigurationError

METRICS = ("mse", "ms-ssim")
QUALITIES = tuple(range(1, 9))
LAMBDAS = {
    "mse": (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932, 0.1800),
    "ms-ssim": (2.40, 4.58, 8.73, 16.64, 31.73, 60.50, 115.37, 220.00),
}
"""What a unit of distortion is worth in bits a pixel, by quality 1 to 8: CompressAI's table.

The distortion is 255² times the mean squared error of samples 0..1, or 1 minus MS-SSIM.
"""
RGB_QUALITIES = {
    "bmshj2018-factorized": 8,
    "bmshj2018-hyperprior": 8,
    "mbt2018-mean": 8,
    "mbt2018": 8,
    "cheng2020-anchor": 6,
    "cheng2020-attn": 6,
}
"""Highest quality that CompressAI publishes weights of, for each architecture."""
ARCHITECTURES = tuple(RGB_QUALITIES)
GREY_WIDTHS: dict[str, tuple[int, ...]] = {
    "bmshj2018-factorized": (40, 64),
    "bmshj2018-hyperprior": (40, 64),
    "mbt2018-mean": (40, 64),
    "mbt2018": (40, 64),
    "cheng2020-anchor": (26,),
    "cheng2020-attn": (26,),
}
"""Arguments N, M of CompressAI's classes (N alone for cheng2020) of the single-channel networks trained here."""
VOLUME = "bmshj2018-factorized-3d"
"""The factorised prior with 3D convolutions: no name of CompressAI's."""


def check(name: str, metric: str, quality: int, channels: int) -> None:
    """Say whether there is such a codec.

    Raises
    ------
    ConfigurationError
        If name, metric, quality or channels are none of those that exist.
    """
    if name not in ARCHITECTURES:
        raise ConfigurationError(f"there is no architecture {name!r}, only {', '.join(ARCHITECTURES)}")
    _check_metric(metric)
    if channels not in (1, 3):
        raise ConfigurationError(f"channels is {channels!r}, allowed are 1 (trained here) and 3 (CompressAI's own)")
    most = RGB_QUALITIES[name] if channels == 3 else QUALITIES[-1]
    _check_quality(name, quality, most)


def check_volume(metric: str, quality: int) -> None:
    """Say whether there is such a codec of volumes: ConfigurationError if not."""
    _check_metric(metric)
    _check_quality(VOLUME, quality, QUALITIES[-1])


def _check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise ConfigurationError(f"there is no metric {metric!r}, only {' and '.join(METRICS)}")


def _check_quality(name: str, quality: int, most: int) -> None:
    if type(quality) is not int or not 1 <= quality <= most:
        raise ConfigurationError(f"the quality of {name} is {quality!r}, allowed are 1 to {most}")
