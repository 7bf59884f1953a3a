"""Matched error, or matched rate: the setting at which a codec comes nearest to it, found with few encodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from eval.lossy_record import Image, LossyCodec, Stream
from eval.metrics import psnr_db, rmse
from eval.timing import cpu_seconds, loops_for

TOLERANCE_DB = 0.1
MOST_ENCODES = 8
"""Encodes for one target at most."""
RATE_TOLERANCE = 0.01
"""Part of a wanted rate by which a codec may miss it."""


@dataclass(frozen=True)
class Trial:
    """One encode: the setting, its stream, the error it made and the processor time it took in seconds."""

    setting: float
    position: float
    stream: Stream
    psnr_db: float
    encode_s: float

    @property
    def lossless(self) -> bool:
        """Whether not one pixel changed."""
        return math.isinf(self.psnr_db)


class Search:
    """One codec on one image, with every encode kept: the next target starts from what is known."""

    def __init__(self, codec: LossyCodec, image: Image, data_range: float) -> None:
        self.codec = codec
        self._image = image
        self._range = data_range
        self._prepared = codec.prepare(image)
        self._trials: dict[float, Trial] = {}

    @property
    def encodes(self) -> int:
        """How many streams were made so far, repeats for their time not counted."""
        return len(self._trials)

    def at(self, position: float) -> Trial:
        """Return the trial at a position in the codec's range of settings, encoding where that is new."""
        setting = self.codec.settings.at(position)
        if setting not in self._trials:
            streams: list[Stream] = []
            seconds = cpu_seconds(lambda: streams.append(self.codec.compress(self._prepared, setting)), 1)
            stream = streams[-1]
            error = rmse(self._image, self.decoded(stream))
            self._trials[setting] = Trial(
                setting, self.codec.settings.position(setting), stream, psnr_db(error, self._range), seconds
            )
        return self._trials[setting]

    def decoded(self, stream: Stream) -> Image:
        """Return the image in a stream."""
        return self._prepared.restore(self.codec.expand(stream, self._prepared))

    def seconds(self, trial: Trial) -> tuple[float, float]:
        """Return the processor time of encoding and of decoding, each the better of two; short work is repeated."""

        def encode() -> Stream:
            return self.codec.compress(self._prepared, trial.setting)

        def decode() -> Image:
            return self.codec.expand(trial.stream, self._prepared)

        first = cpu_seconds(decode, 1)
        return (
            min(trial.encode_s, cpu_seconds(encode, loops_for(trial.encode_s))),
            min(first, cpu_seconds(decode, loops_for(first))),
        )

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
            if position is None or self.codec.settings.at(position) in self._trials:
                break
            self.at(position)
        found = [trial for trial in self._bracket(target_db) if trial is not None]
        near = [trial for trial in found if _off(trial, target_db) <= TOLERANCE_DB]
        return [min(near, key=lambda trial: _off(trial, target_db))] if near else found

    def at_rate(self, nbytes: float) -> Trial:
        """Return the trial whose stream comes nearest to a size, by halving the range between known trials."""
        for _ in range(MOST_ENCODES):
            smaller = [trial for trial in self._trials.values() if len(trial.stream) < nbytes]
            larger = [trial for trial in self._trials.values() if len(trial.stream) >= nbytes]
            low = max((trial.position for trial in smaller), default=0.0)
            high = min((trial.position for trial in larger if trial.position > low), default=1.0)
            position = (low + high) / 2
            if self._near(nbytes) or self.codec.settings.at(position) in self._trials:
                break
            self.at(position)
        return min(self._trials.values(), key=lambda trial: abs(math.log(len(trial.stream) / nbytes)))

    def _near(self, nbytes: float) -> bool:
        return any(abs(len(trial.stream) - nbytes) <= RATE_TOLERANCE * nbytes for trial in self._trials.values())

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
        if self.codec.settings.whole and self.codec.settings.at(position) in self._trials:
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
