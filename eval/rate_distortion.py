"""Rate-distortion curves: every codec on every image at matched error, in one run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.bd_table import ImageKey
from eval.matched import TOLERANCE_DB, OnePlane, Search, Trial
from eval.metrics import largest_error, ms_ssim, psnr_db, rmse, scales_for, ssim
from eval.points import Point, PointWriter
from eval.subjects import Subject
from zarr_neural.zoo.classical import LossyCodec

TARGETS_DB = (34.0, 37.0, 40.0, 43.0, 46.0, 50.0)
"""PSNR that every codec is brought to, in dB against the image's own range."""
TRUTH_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Rates in bits per pixel that are measured too where the truth is known: what comes nearest to it lies below the
noise, where PSNR against the noisy image hardly tells streams apart."""


def point(subject: Subject, plane: OnePlane, trial: Trial, target_db: float) -> Point:
    """Measure one trial in full."""
    image, decoded, data_range = subject.image, plane.decoded(trial.setting), subject.data_range
    error = rmse(image, decoded)
    scales = scales_for(image.shape)
    true_error = math.nan if subject.truth is None else rmse(subject.truth, decoded)
    encode_s, decode_s = plane.seconds(trial.setting)
    notes = []
    if trial.lossless:
        notes.append("lossless")
    elif abs(trial.psnr_db - target_db) > TOLERANCE_DB:
        notes.append("beside the target")
    if 0 < scales < 5:
        notes.append(f"MS-SSIM over {scales} scales")
    return Point(
        set=subject.set,
        file=subject.file,
        plane=subject.plane,
        dtype=image.dtype.name,
        rows=image.shape[0],
        columns=image.shape[1],
        data_range=data_range,
        seen=int(subject.seen),
        codec=plane.codec.name,
        options=plane.codec.options,
        setting=trial.setting,
        target_db=target_db,
        nbytes=trial.nbytes,
        bits_per_pixel=8 * trial.nbytes / image.size,
        psnr_db=psnr_db(error, data_range),
        rmse=error,
        max_error=largest_error(image, decoded),
        ssim=ssim(image, decoded, data_range) if scales else math.nan,
        ms_ssim=ms_ssim(image, decoded, data_range) if scales else math.nan,
        ms_ssim_scales=scales,
        truth_db=psnr_db(true_error, data_range),
        truth_rmse=true_error,
        encode_s=encode_s,
        decode_s=decode_s,
        note="; ".join(notes),
    )


def curve(subject: Subject, codec: LossyCodec, targets_db: Sequence[float]) -> Iterator[Point]:
    """Yield the points of one codec on one image, targets in order.

    A setting that serves two targets comes once; a stream without loss comes for every target that it serves. Where
    the truth is known, points at low rates come first, with nan for their target.
    """
    plane = OnePlane(codec, subject.image, subject.data_range)
    search = Search(codec.settings, plane.measure)
    done: set[float] = set()
    for rate in TRUTH_RATES if subject.truth is not None else ():
        trial = search.at_rate(rate * subject.image.size / 8)
        if trial.setting not in done:
            done.add(trial.setting)
            yield point(subject, plane, trial, math.nan)
    done.clear()
    for target in targets_db:
        for trial in search.nearest(target):
            if trial.lossless or trial.setting not in done:
                done.add(trial.setting)
                yield point(subject, plane, trial, target)


@dataclass
class Run:
    """What a run has measured so far.

    Attributes
    ----------
    points
        All points, image by image.
    refused
        Why a codec did not code an image that others coded, by image and codec.
    """

    points: list[Point] = field(default_factory=list)
    refused: dict[tuple[ImageKey, str], str] = field(default_factory=dict)


def measure(
    subjects: Sequence[Subject],
    codecs: Sequence[LossyCodec],
    targets_db: Sequence[float],
    writer: PointWriter,
    say: Callable[[str], None],
) -> Run:
    """Measure every codec on every subject, writing points as they come and saying one line for each image."""
    run = Run()
    for number, subject in enumerate(subjects, 1):
        start, before = time.perf_counter(), len(run.points)
        for codec in codecs:
            why = codec.why_not(subject.image)
            if why:
                run.refused[(subject.set, subject.file, subject.plane), codec.name] = why
                continue
            for one in curve(subject, codec, targets_db):
                writer.write(one)
                run.points.append(one)
        rows, columns = subject.image.shape
        say(
            f"{number}/{len(subjects)} {subject.set}: {Path(subject.file).name}, {rows} x {columns} "
            f"{subject.image.dtype}, {len(run.points) - before} points in {time.perf_counter() - start:.0f} s"
        )
    return run


def notes(command: str, targets_db: Sequence[float], missing: Sequence[LossyCodec]) -> list[str]:
    """Return the head of the tables: the command, and what the figures mean."""
    lines = [
        f"command: {command}",
        f"targets: {', '.join(f'{target:g}' for target in targets_db)} dB",
        "PSNR, SSIM and MS-SSIM against the range of each image: its largest minus its smallest value in the crop",
        "bits per pixel of the codec's own stream; what maps an image to its scale (two numbers) is not counted",
        "times: processor time on one thread, without what prepares the image; compare inside one run only",
        "SSIM: Gaussian window of 1.5 pixels, K1 0.01, K2 0.03; MS-SSIM: five scales, fewer where so noted",
        "truth: mean of other exposures of the field, brought to the brightness and contrast of this one",
        "seen=1: models may have been trained on the image; it is left out of what is said of held-out images",
    ]
    return [*lines, *(f"not measured: {codec.name}: {codec.missing}" for codec in missing)]
