"""Matched error, or matched rate: the setting at which a codec comes nearest to it, found with few encodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from eval.metrics import psnr_db, rmse
from eval.timing import cpu_seconds, loops_for
from zarr_neural.zoo.classical import LossyCodec
from zarr_neural.zoo.classical.record import Settings, Stream
from zarr_neural.zoo.classical.scaling import Image

TOLERANCE_DB = 0.1
MOST_ENCODES = 8
"""Encodes for one target at most."""
RATE_TOLERANCE = 0.01
"""Part of a wanted rate by which a codec may miss it."""


@dataclass(frozen=True)
class Trial:
    """One setting tried: the bytes it took, the error it made."""

    setting: float
    position: float
    nbytes: int
    psnr_db: float

    @property
    def lossless(self) -> bool:
        """Whether not one pixel changed."""
        return math.isinf(self.psnr_db)


class OnePlane:
    """One codec on one plane, with every stream kept: what `Search` measures, and what is asked of a trial after."""

    def __init__(self, codec: LossyCodec, image: Image, data_range: float) -> None:
        self.codec = codec
        self._image = image
        self._range = data_range
        self._prepared = codec.prepare(image)
        self._streams: dict[float, Stream] = {}
        self._encode_s: dict[float, float] = {}

    def measure(self, setting: float) -> tuple[int, float]:
        """Return bytes and PSNR at a setting."""
        streams: list[Stream] = []
        self._encode_s[setting] = cpu_seconds(lambda: streams.append(self._encode(setting)), 1)
        self._streams[setting] = streams[-1]
        return len(streams[-1]), psnr_db(rmse(self._image, self.decoded(setting)), self._range)

    def decoded(self, setting: float) -> Image:
        """Return the image as it comes back at a setting that was measured."""
        return self.codec.restore(self._streams[setting], self._image.shape, self._prepared.scale)

    def seconds(self, setting: float) -> tuple[float, float]:
        """Return the processor time of encoding and of decoding, each the better of two; short work is repeated."""
        first = self._encode_s[setting], cpu_seconds(partial(self._decode, setting), 1)
        return (
            min(first[0], cpu_seconds(partial(self._encode, setting), loops_for(first[0]))),
            min(first[1], cpu_seconds(partial(self._decode, setting), loops_for(first[1]))),
        )

    def _encode(self, setting: float) -> Stream:
        return self.codec.compress(self._prepared, setting)

    def _decode(self, setting: float) -> Image:
        return self.codec.expand(self._streams[setting], self._image.shape)


class Search:
    """Settings of one codec on something, with every trial kept: the next target starts from what is known.

    Parameters
    ----------
    settings
        The range of the codec's setting.
    measure
        Returns bytes and PSNR in dB at a setting.
    """

    def __init__(self, settings: Settings, measure: Callable[[float], tuple[int, float]]) -> None:
        self._settings = settings
        self._measure = measure
        self._trials: dict[float, Trial] = {}

    @property
    def encodes(self) -> int:
        """How many settings were tried so far."""
        return len(self._trials)

    def at(self, position: float) -> Trial:
        """Return the trial at a position in the codec's range of settings, encoding where that is new."""
        setting = self._settings.at(position)
        if setting not in self._trials:
            self._trials[setting] = Trial(setting, self._settings.position(setting), *self._measure(setting))
        return self._trials[setting]

    def nearest(self, target_db: float) -> list[Trial]:
        """Return the trial nearest to a target, or where none is within 0.1 dB those on both sides of it.

        Errors are taken to shrink from the worst to the best setting, with ripples allowed. A target that no
        setting reaches gives the trial at the end of the range. Where the next better setting is lossless, that
        trial is among the two.
        """
        for attempt in range(MOST_ENCODES):
            below, above = self._bracket(target_db)
            if any(_off(trial, target_db) <= TOLERANCE_DB for trial in (below, above)):
                break
            position = self._next(below, above, target_db, halve=attempt % 3 == 2)
            if position is None or self._settings.at(position) in self._trials:
                break
            self.at(position)
        found = [trial for trial in self._bracket(target_db) if trial is not None]
        near = [trial for trial in found if _off(trial, target_db) <= TOLERANCE_DB]
        return [min(near, key=lambda trial: _off(trial, target_db))] if near else found

    def at_rate(self, nbytes: float) -> Trial:
        """Return the trial that comes nearest to a size, by halving the range between known trials."""
        for _ in range(MOST_ENCODES):
            smaller = [trial for trial in self._trials.values() if trial.nbytes < nbytes]
            larger = [trial for trial in self._trials.values() if trial.nbytes >= nbytes]
            low = max((trial.position for trial in smaller), default=0.0)
            high = min((trial.position for trial in larger if trial.position > low), default=1.0)
            position = (low + high) / 2
            if self._near(nbytes) or self._settings.at(position) in self._trials:
                break
            self.at(position)
        return min(self._trials.values(), key=lambda trial: abs(math.log(trial.nbytes / nbytes)))

    def _near(self, nbytes: float) -> bool:
        return any(abs(trial.nbytes - nbytes) <= RATE_TOLERANCE * nbytes for trial in self._trials.values())

    def _bracket(self, target_db: float) -> tuple[Trial | None, Trial | None]:
        """Return the best known trial below the target and the worst known one at or above it."""
        below = [trial for trial in self._trials.values() if trial.psnr_db < target_db]
        above = [trial for trial in self._trials.values() if trial.psnr_db >= target_db]
        return (
            max(below, key=lambda trial: trial.psnr_db, default=None),
            min(above, key=lambda trial: (trial.psnr_db, trial.position), default=None),
        )

    def _next(self, below: Trial | None, above: Trial | None, target_db: float, halve: bool) -> float | None:
        """Return the position to try next, or None where there is nothing between.

        Between two trials it is where the straight line through them meets the target, or half-way, which makes
        sure that the range shrinks where errors are far from straight.
        """
        if below is None and above is None:
            return 0.5
        if above is None:
            assert below is not None
            return None if below.position >= 1 else min(1.0, below.position + self._step(target_db - below.psnr_db))
        if below is None:
            down = 10.0 if above.lossless else above.psnr_db - target_db
            return None if above.position <= 0 else max(0.0, above.position - self._step(down))
        low, high = below.position, above.position
        if halve or above.lossless or above.psnr_db - below.psnr_db <= 0 or high <= low:
            part = 0.5
        else:
            part = min(0.95, max(0.05, (target_db - below.psnr_db) / (above.psnr_db - below.psnr_db)))
        position = low + part * (high - low)
        if self._settings.whole and self._settings.at(position) in self._trials:
            position = (low + high) / 2
        return position

    def _step(self, decibels: float) -> float:
        """Return how far to go for so many dB beyond the known trials, by their slope, with a little to spare."""
        finite = sorted((t for t in self._trials.values() if not t.lossless), key=lambda trial: trial.position)
        slope = 100.0
        if len(finite) >= 2:
            rise = finite[-1].psnr_db - finite[0].psnr_db
            slope = max(20.0, rise / max(finite[-1].position - finite[0].position, 1e-6))
        return max(0.01, 1.1 * decibels / slope)


def _off(trial: Trial | None, target_db: float) -> float:
    return math.inf if trial is None else abs(trial.psnr_db - target_db)
