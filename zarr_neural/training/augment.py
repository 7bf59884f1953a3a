"""Altered pictures: other resolutions, processing, intensity scales, noise, and what the bounded modes make of them.

Diversity matters more to a tiny network than anything else that was tried: sixty per cent of the tiles are altered.
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

Picture = NDArray[Any]


def altered(picture: Picture, rng: Generator) -> Picture:
    """Return a picture of plausible microscopy made from another, as integers 0..65535.

    Parameters
    ----------
    picture : ndarray, (height, width)
        Unsigned integers.
    rng : Generator
        Every choice comes from it.
    """
    f = picture.astype(np.float64)
    low, high = np.percentile(f[::4, ::4], [0.1, 99.9])
    span = max(high - low, 1.0)
    if rng.random() < 0.5:
        f = _reduced(f, int(rng.choice([2, 2, 3, 4])))
    f = _rescaled(_filtered(f, rng), low, span, rng)
    if rng.random() < 0.25:
        span = max(f.max() - f.min(), 1)
        gain, read = span * 10 ** rng.uniform(-4, -1.5), span * 10 ** rng.uniform(-4, -2)
        f = f + rng.normal(size=f.shape) * np.sqrt(np.maximum(f - f.min(), 0) * gain + read**2)
    f = np.clip(np.rint(f), 0, 65535)
    if f.max() < 300:
        f = np.minimum(f, 255)
    if rng.random() < 0.08:
        f[_mask(f.shape, rng)] = rng.choice([0, f.min(), f.max()])
    if rng.random() < 0.1:
        f = f.max() + f.min() - f
    return np.ascontiguousarray(np.rot90(f, int(rng.integers(4)))).astype(np.int32)


def _reduced(f: Picture, factor: int) -> Picture:
    h, w = f.shape[0] // factor * factor, f.shape[1] // factor * factor
    if min(h, w) < 96:
        return f
    return np.asarray(f[:h, :w].reshape(h // factor, factor, w // factor, factor).mean((1, 3)))


def _filtered(f: Picture, rng: Generator) -> Picture:
    choice = rng.random()
    if choice < 0.25:
        return np.asarray(ndimage.gaussian_filter(f, rng.uniform(0.4, 2)))
    if choice < 0.33:
        return np.asarray(ndimage.median_filter(f, int(rng.choice([3, 5]))))
    if choice < 0.43:
        return np.asarray(ndimage.zoom(f[:400, :400], rng.uniform(1.1, 2.2), order=int(rng.choice([1, 3]))))
    if choice < 0.50:
        return np.asarray(f + rng.uniform(0.5, 2) * (f - ndimage.gaussian_filter(f, 1.5)))
    if choice < 0.57:
        return np.asarray(ndimage.rotate(f[:500, :500], rng.uniform(1, 30), reshape=False, order=1, mode="reflect"))
    return f


def _rescaled(f: Picture, low: float, span: float, rng: Generator) -> Picture:
    choice = rng.random()
    if choice < 0.45:  # eight bits, possibly clipped
        gain, offset = rng.choice([1, 1, 0.5, 0.3, 1.5, 2.5]), rng.choice([0, 0, 0, 0.1])
        unit = np.clip((f - low) / span * gain - offset, 0, 1.2)
        curved = unit ** rng.choice([1, 1, 1, 0.5, 0.7, 1.5]) * 255 + rng.choice([0, 0, 10, 40])
        return np.asarray(np.clip(curved, 0, 255))
    if choice < 0.6:  # a wider range
        return np.asarray((f - low) / span * rng.choice([1000, 4000, 16000, 50000]) + rng.choice([0, 100, 1000]))
    if choice < 0.7:
        return np.asarray(f / 2 ** rng.integers(1, 4))
    return f


def _mask(shape: tuple[int, ...], rng: Generator) -> NDArray[np.bool_]:
    h, w = shape
    y, x = np.mgrid[:h, :w]
    if rng.random() < 0.5:
        return np.asarray(((y - h / 2) ** 2 + (x - w / 2) ** 2) > (min(h, w) * rng.uniform(0.35, 0.6)) ** 2)
    return np.asarray((y < h * rng.uniform(0, 0.3)) | (x > w * rng.uniform(0.7, 1)))


def quantised(picture: Picture, rng: Generator) -> Picture:
    """Return a picture as the bounded modes hand it to the networks: uniform steps, or steps of the noise.

    Uniform steps are 2k+1 grey levels for k = 1..20, as far as a few levels remain. Steps of the noise are 0.5..2
    standard deviations after a generalised Anscombe transform [1]_, for a gain guessed from the picture.

    .. [1] F. Murtagh, J.-L. Starck, A. Bijaoui, "Image restoration with noise suppression using a multiresolution
       support", Astronomy & Astrophysics Supplement 112 (1995), equation 5.
    """
    x = picture.astype(np.float64)
    x -= x.min()
    if rng.random() < 0.5:
        most = int(np.clip(np.ptp(x) / 16, 1, 20))
        k = int(rng.integers(1, most + 1))
        return ((x + k) // (2 * k + 1)).astype(np.int32)
    second = np.abs(x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2])
    sigma = max(np.median(second) / (0.6745 * np.sqrt(6)), 0.3)
    gain = 0.8 * sigma**2 / max(float(np.median(x)), 1.0)
    variance = gain * x + 0.375 * gain**2 + 0.2 * sigma**2
    stable = 2 / gain * np.sqrt(variance)
    return np.asarray(np.rint((stable - stable.min()) / rng.uniform(0.5, 2)).astype(np.int32))


def palettised(picture: Picture) -> Picture:
    """Return the ranks of the grey levels among those that occur."""
    return np.unique(picture, return_inverse=True)[1].reshape(picture.shape).astype(np.int32)


def is_sparse(picture: Picture) -> bool:
    """Say whether fewer than 60 per cent of the levels between the extremes occur."""
    return bool(np.unique(picture).size < 0.6 * (int(picture.max()) - int(picture.min()) + 1))
