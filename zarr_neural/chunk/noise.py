"""Camera noise: its model, its measurement from the images themselves, and the quantiser that follows it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, UnsupportedInputError

GAIN_UNIT = 2**16  # gain and variance are stored in units of 1/65536
Q_UNIT = 2**8  # the fidelity q is stored in 1/256
_BLOCK = 8  # side of the blocks whose variance is taken
_QUARTILE = 0.767  # lower quartile of a block's variance of white noise, in units of its mean (24 000 simulated blocks)


@dataclass(frozen=True)
class NoiseModel:
    """Noise of a camera: ``variance(x) = read_noise**2 + gain * max(x - offset, 0)``, all in grey levels.

    Parameters
    ----------
    gain : float
        Grey levels per photo-electron, 0 to 65535.
    offset : float
        Grey level of darkness; rounded to a whole level when chunks are written.
    read_noise : float
        Standard deviation in the dark, grey levels, 0 to 65535.

    Raises
    ------
    ConfigurationError
        If a number is not finite or out of its range.
    """

    gain: float
    offset: float
    read_noise: float

    def __post_init__(self) -> None:
        for name, least, most in (("gain", 0, 65535), ("offset", -(2**31), 2**31), ("read_noise", 0, 65535)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ConfigurationError(f"noise model: {name} must be a number from {least} to {most}, not {value!r}")

    def sigma(self, level: NDArray[np.floating] | float) -> NDArray[np.floating]:
        """Standard deviation of the noise at a grey level."""
        return np.sqrt(self.read_noise**2 + self.gain * np.maximum(np.asarray(level) - self.offset, 0))

    def header_integers(self, q: float) -> tuple[int, int, int, int]:
        """``(q, gain, offset, variance)`` as the header stores them: everything that decoding depends on."""
        return (
            max(1, round(q * Q_UNIT)),
            round(self.gain * GAIN_UNIT),
            round(self.offset),
            round(self.read_noise**2 * GAIN_UNIT),
        )


def noise_intervals(
    integers: tuple[int, int, int, int], lowest: int, highest: int, reach: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last grey level of every quantiser interval, from ``lowest`` until ``reach`` is covered.

    Boundaries B are in 1/65536 grey level, ``B[0] = lowest`` and ``B[i+1] = B[i] + max(1, q * sigma(B[i]))``, with
    integer square roots: the increments of the generalised Anscombe transform, exact on every machine. A level x is in
    the interval with ``B[i] <= x < B[i+1]``.

    Parameters
    ----------
    integers : (q, gain, offset, variance)
        As in the header, see `NoiseModel.header_integers`.
    lowest, highest : int
        Range of the dtype.
    reach : int
        The largest level that is needed, ``lowest <= reach <= highest``.

    Source: M. Makitalo and A. Foi, "Optimal inversion of the generalized Anscombe transformation for Poisson-Gaussian
    noise", IEEE Trans. Image Process. 22 (2013), for the transform whose increments these are.
    """
    q, gain, offset, variance = integers
    q2 = q * q
    dark = offset * GAIN_UNIT
    at, stop = lowest * GAIN_UNIT, reach * GAIN_UNIT
    firsts = []
    while at <= stop:
        firsts.append(-(-at // GAIN_UNIT))
        light = at - dark
        noise = variance + (gain * light // GAIN_UNIT if light > 0 else 0)
        at += max(GAIN_UNIT, math.isqrt(q2 * noise))
    firsts.append(-(-at // GAIN_UNIT))
    edges = np.minimum(np.array(firsts, np.int64), highest + 1)
    return edges[:-1], edges[1:] - 1


def estimate_noise(planes: Iterable[NDArray[np.integer]]) -> NoiseModel:
    """The noise model measured from images (photon transfer within the image).

    A mask that is blind to planes and edges of constant slope leaves noise and fine structure; of 8 x 8 blocks of its
    response the quieter ones at each level hold noise only, so their lower quartile, corrected for what a quartile of
    white noise is, gives the variance there. A line through variance against level, fitted robustly, gives gain and
    read noise. The offset cannot be told from the read noise in one image: it is taken to be the darkest level seen.
    Noise that was smoothed (interpolated images) is underestimated, which errs on the side of fidelity.

    Parameters
    ----------
    planes : iterable of (Y, X) integer arrays
        Planes of one channel; at least 16 x 16 pixels to be of use, smaller ones are skipped.

    Returns
    -------
    NoiseModel
        With ``gain = 0`` and ``read_noise = 0`` where nothing could be measured (then every step is one grey level).

    Raises
    ------
    UnsupportedInputError
        If a plane is not a two-dimensional integer array.

    Source: J. Immerkaer, "Fast noise variance estimation", CVIU 64 (1996), for the mask.
    """
    levels, variances = [], []
    darkest: float = math.inf
    for plane in planes:
        if plane.ndim != 2 or plane.dtype.kind not in "iu":
            raise UnsupportedInputError(
                f"noise is measured on planes of two axes of integers, not on {plane.ndim} axes of {plane.dtype}"
            )
        if plane.size:
            darkest = min(darkest, float(np.quantile(_sampled(plane).astype(np.float64), 0.001)))
        level, variance = _block_statistics(plane)
        levels.append(level)
        variances.append(variance)
    if not levels or sum(len(v) for v in levels) == 0:
        return NoiseModel(gain=0.0, offset=0.0 if math.isinf(darkest) else darkest, read_noise=0.0)
    return _fit_line(np.concatenate(levels), np.concatenate(variances), darkest)


def was_quantised(planes: NDArray[np.integer]) -> bool:
    """Whether at least about a third of the samples keep to steps of two grey levels or more.

    Measuring the noise of what was quantised by its noise finds more than there was, and a chunk that is read, altered
    and written again and again would drift. Told by pairs of samples: in a camera's data they differ by one grey level
    about as often as they are equal. The darkest and the brightest level (borders, saturation) are left out.

    Parameters
    ----------
    planes : (N, Y, X) integer array
        8- or 16-bit.
    """
    least, most = int(planes.min()), int(planes.max())
    counts = np.bincount(planes.reshape(-1).astype(np.int64) - least, minlength=most - least + 1)[1:-1].astype(float)
    equal = float((counts * (counts - 1)).sum())
    one_apart = float((counts[:-1] * counts[1:]).sum())
    return equal > 0 and one_apart < 0.5 * equal


def _sampled(plane: NDArray[np.integer]) -> NDArray[np.integer]:
    step = max(1, math.isqrt(plane.size // 65536))
    return plane[::step, ::step]


def _block_statistics(plane: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean level and noise variance of up to about 4000 blocks, clipped ones left out."""
    side = _BLOCK + 2
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    if rows == 0 or columns == 0:
        return np.empty(0), np.empty(0)
    step = max(1, math.isqrt(rows * columns // 4096))
    cut = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)[::step, :, ::step]
    blocks = cut.transpose(0, 2, 1, 3).reshape(-1, side, side)
    least, most = int(plane.min()), int(plane.max())
    inside = (blocks.min((1, 2)) > least) & (blocks.max((1, 2)) < most)
    b = blocks[inside].astype(np.float64)
    rows_done = b[:, :-2] - 2 * b[:, 1:-1] + b[:, 2:]
    response = rows_done[:, :, :-2] - 2 * rows_done[:, :, 1:-1] + rows_done[:, :, 2:]
    return b.mean((1, 2)), (response**2).mean((1, 2)) / 36


def _fit_line(level: NDArray[np.float64], variance: NDArray[np.float64], darkest: float) -> NoiseModel:
    order = np.argsort(level, kind="stable")
    groups = np.array_split(order, max(1, min(32, len(order) // 24)))
    x = np.array([level[g].mean() for g in groups])
    y = np.array([np.quantile(variance[g], 0.25) for g in groups]) / _QUARTILE
    # least absolute relative deviations by reweighting: structure only ever adds variance, so outliers lie above
    gain, floor = 0.0, float(np.median(y))
    for _ in range(20):
        model = np.maximum(floor + gain * (x - darkest), 1e-3)
        above = y > model
        weight = np.where(above, 0.5, 1.0) / (model * np.maximum(np.abs(y - model), 0.02 * model))
        centre = np.average(x, weights=weight)
        spread = float((weight * (x - centre) ** 2).sum())
        slope = float((weight * (x - centre) * y).sum()) / spread if spread > 0 else 0.0
        gain = max(0.0, slope)
        floor = float(np.average(y - gain * (x - darkest), weights=weight))
        if floor < 0:
            floor = 0.0
            light = np.maximum(x - darkest, 0)
            total = float((weight * light**2).sum())
            gain = max(0.0, float((weight * light * y).sum()) / total) if total > 0 else 0.0
    return NoiseModel(gain=min(gain, 65535.0), offset=darkest, read_noise=min(math.sqrt(floor), 65535.0))
