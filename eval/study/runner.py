"""A study is run: images are scanned, each codec is measured on each at all its points, and every row is journalled."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from distributed import Client

from eval.study import pictures
from eval.study.cluster import threads_in
from eval.study.entry import Entry, Given, Point
from eval.study.image import Channel, StudyImage
from eval.study.journal import Journal
from eval.study.label_free import Raw, label_free, of_the_raw, raw_prediction
from eval.study.matching import points_for, sample_of, with_noise
from eval.study.plan import Channels, Plan, Progress, channels_of
from eval.study.recode import even_chunk
from eval.study.reconstruction import Decoded, decoded, reconstruction, scan_channel
from eval.study.rows import LabelFree, Reconstruction, Segmentation
from eval.study.scan import Scan
from eval.study.valid import Valid, valid_of
from zarr_neural.chunk import NoiseModel

INPUT, SEGMENT = "input", "segment"


@dataclass(frozen=True)
class Failure:
    """Something that could not be measured, and why; the others were."""

    image: str
    codec: str
    point: str
    why: str


@dataclass(frozen=True)
class Subject:
    """One image, scanned: its input channel and what belongs to it."""

    image: StudyImage
    input: Scan
    segment: Scan | None
    raws: tuple[Raw, ...]
    nuclei: Any
    pictured: bool


@dataclass
class Outcome:
    """What a run left: damaged chunks and failures; the rows are in the journal."""

    failures: list[Failure] = field(default_factory=list)
    damaged: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(image, channel, key, why) of every chunk of an input store that could not be read."""
    left_out: dict[str, list[str]] = field(default_factory=dict)
    """Codecs that are not for the images, by the reason."""


def run(plan: Plan, client: Client, journal: Journal, progress: Progress, say: Callable[[str], None]) -> Outcome:
    """Measure all that is missing in the journal.

    Images and codecs are worked on side by side, as many as there are workers; each row is added to the journal when
    it is finished. What fails is told and does not stop the others.
    """
    outcome = Outcome()
    roles = 1 if plan.segment is None else 2
    total = len(plan.images) * roles * sum(len(_labels(plan, entry, 0)) for entry in plan.entries)
    counter = _Counter(progress, total)
    with ThreadPoolExecutor(max_workers=min(32, threads_in(client))) as pool:
        for number, image in enumerate(plan.images):
            try:
                subject = _subject(plan, client, journal, image, number < plan.pictures)
            except Exception as error:
                outcome.failures.append(Failure(image.name, "", "", _why(error)))
                say(f"{image.name} is left out: {_why(error)}")
                continue
            _tell_damage(subject, outcome, say)
            fitting = [entry for entry in plan.entries if _fits(entry, subject.input.channel, outcome, say)]
            tasks = [
                pool.submit(_codec, plan, client, journal, subject, entry, role, counter)
                for entry in fitting
                for role in (INPUT, SEGMENT)[:roles]
            ]
            for task in as_completed(tasks):
                for failure in task.result():
                    outcome.failures.append(failure)
                    say(f"{failure.image}, {failure.codec} {failure.point}: {failure.why}")
    return outcome


def _fits(entry: Entry, channel: Channel, outcome: Outcome, say: Callable[[str], None]) -> bool:
    """Return whether a codec is for a channel; else it is told once for each reason."""
    if entry.dtypes and channel.dtype.name not in entry.dtypes:
        why = f"not for {channel.dtype.name}"
    elif entry.ndim not in (0, channel.ndim):
        why = f"for images of {entry.ndim} axes alone"
    else:
        return True
    names = outcome.left_out.setdefault(why, [])
    if entry.name not in names:
        names.append(entry.name)
        say(f"{entry.name} is left out: {why}")
    return False


def _tell_damage(subject: Subject, outcome: Outcome, say: Callable[[str], None]) -> None:
    scans = [subject.input, *([subject.segment] if subject.segment else []), *(raw.truth for raw in subject.raws)]
    for scan in scans:
        for damage in scan.channel.damaged:
            row = (subject.image.name, scan.channel.name, damage.key, damage.why)
            if row not in outcome.damaged:
                outcome.damaged.append(row)
                say(f"{row[0]}: chunk {row[2]} of {row[1]} cannot be read, its pixels do not count: {row[3]}")


class _Counter:
    """Tells of progress, from whatever thread a piece was finished in."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._lock, self._done, self._progress, self._total = threading.Lock(), 0, progress, total

    def done(self, name: str) -> None:
        with self._lock:
            self._done += 1
            self._progress(name, self._done, max(self._total, self._done))


def _labels(plan: Plan, entry: Entry, rates: int) -> list[str]:
    """Return what the points of an entry are called before they are known."""
    if entry.settings is None:
        return [point.label for point in entry.points]
    return [f"{target:g} dB" for target in plan.targets_db] + ["rate"] * rates


def _subject(plan: Plan, client: Client, journal: Journal, image: StudyImage, pictured: bool) -> Subject:
    found = channels_of(plan, image)
    scan = _scan(plan, client, found.input, found.valid)
    if not math.isfinite(scan.low) or not math.isfinite(scan.high):
        raise ValueError(f"the values of {found.input.name} go from {scan.low} to {scan.high}: finite ones are needed")
    if scan.data_range <= 0:
        raise ValueError(f"{found.input.name} holds one value only ({scan.low:g}): there is nothing to compare")
    segment = None if found.segment is None else _scan(plan, client, found.segment, found.valid)
    raws = _raws(plan, client, found, scan)
    for raw in raws:
        key = ("label-free", image.name, "original", "raw", raw.predictor.id[:12])
        if journal.get(key) is None:
            journal.add(key, [asdict(of_the_raw(client, raw, 8.0 * scan.channel.dtype.itemsize))])
    if pictured:
        pictures.keep_original(client, plan.out, scan, raws)
    nuclei = None
    if segment is not None:
        from eval.study.segmentation import raw_labels

        nuclei = partial(raw_labels, client, segment)
    return Subject(image, scan, segment, raws, nuclei, pictured)


def _scan(plan: Plan, client: Client, channel: Channel, valid: Valid) -> Scan:
    return scan_channel(client, channel, valid, even_chunk(channel.shape, plan.chunk))


def _raws(plan: Plan, client: Client, found: Channels, scan: Scan) -> tuple[Raw, ...]:
    if not plan.predictors or found.target is None:
        return ()
    valid = scan.valid if found.target.shape == scan.channel.shape else valid_of(found.target.image, plan.mask)
    truth = _scan(plan, client, found.target, valid)
    name = scan.channel.image.name
    return tuple(
        raw_prediction(client, predictor, scan, truth, plan.work / "predicted" / f"{name}-{predictor.id[:12]}.zarr")
        for predictor in plan.predictors
    )


def _codec(
    plan: Plan, client: Client, journal: Journal, subject: Subject, entry: Entry, role: str, counter: _Counter
) -> list[Failure]:
    """Measure one codec on one channel at all its points, and return what failed."""
    scan = subject.input if role == INPUT else subject.segment
    assert scan is not None
    name = (subject.image.name, scan.channel.name, entry.name)
    try:
        given, points = _points(plan, client, journal, subject, scan, entry, role)
    except Exception as error:
        return [Failure(subject.image.name, entry.name, "", _why(error))]
    failures = []
    for point in points:
        for attempt in (1, 2):
            try:
                _point(plan, client, journal, subject, scan, entry, point, given, role)
                break
            except Exception as error:
                if attempt == 2 or not _lost_worker(error):
                    failures.append(Failure(subject.image.name, entry.name, point.label, _why(error)))
                    break
        counter.done(" ".join((*name[::2], point.label)))
    return failures


def _points(
    plan: Plan, client: Client, journal: Journal, subject: Subject, scan: Scan, entry: Entry, role: str
) -> tuple[Given, list[Point]]:
    """Return what a codec is told and its points: those that the journal has, else found now."""
    given = Given(scan.low, scan.high, scan.data_range)
    rates = (plan.rate,) if subject.pictured and role == INPUT else ()
    asked = ",".join([*(f"{target:g}" for target in plan.targets_db), *(f"r{rate:g}" for rate in rates)])
    key = ("points", subject.image.name, scan.channel.name, entry.name, asked if entry.settings else "fixed")
    known = journal.get(key)
    if known is None:
        chunk = even_chunk(scan.channel.shape, plan.chunk, entry.chunk)
        noise, points = client.submit(prepared, entry, given, scan, chunk, plan.targets_db, rates, pure=False).result()
        known = {"noise": None if noise is None else asdict(noise), "points": [asdict(point) for point in points]}
        journal.add(key, known)
    noise = None if known["noise"] is None else NoiseModel(**known["noise"])
    return replace(given, noise=noise), [Point(**point) for point in known["points"]]


def prepared(
    entry: Entry, given: Given, scan: Scan, chunk: tuple[int, ...], targets: Sequence[float], rates: Sequence[float]
) -> tuple[NoiseModel | None, list[Point]]:
    """Return the noise of a channel where a codec wants it, and the codec's points, from a sample of the chunks."""
    if entry.settings is None and not entry.noise:
        return None, list(entry.points)
    sample = sample_of(scan.channel, scan.valid, chunk)
    if entry.noise:
        given = with_noise(given, sample)
    points = list(entry.points) if entry.settings is None else points_for(entry, given, sample, targets, rates)
    return given.noise, points


def _point(
    plan: Plan,
    client: Client,
    journal: Journal,
    subject: Subject,
    scan: Scan,
    entry: Entry,
    point: Point,
    given: Given,
    role: str,
) -> None:
    """Measure one codec at one point: all that the journal lacks."""
    name = subject.image.name
    place = (name, scan.channel.name, entry.name, point.label)
    first = ("reconstruction", *place)
    second = [("label-free", name, entry.name, point.label, raw.predictor.id[:12]) for raw in subject.raws]
    third = ("segmentation", *place)
    wanted = [first, *(second if role == INPUT else [third])]
    if all(journal.get(key) is not None for key in wanted):
        return
    stem = "-".join("".join(c if c.isalnum() or c in ".-_" else "_" for c in part) for part in place)
    path = plan.work / f"{stem}.zarr"
    with decoded(client, scan, entry, point, given, plan.chunk, path, plan.keep) as of:
        if journal.get(first) is None:
            journal.add(first, asdict(reconstruction(client, of, plan.most_tiles)))
        if role == SEGMENT:
            _segment(client, journal, subject, of, third)
            return
        seen = {}
        for raw, key in zip(subject.raws, second, strict=True):
            if journal.get(key) is None or subject.pictured:
                rows, prediction = label_free(client, raw, of, path.with_suffix(f".{raw.predictor.id[:12]}.zarr"))
                seen[raw.predictor.id[:12]] = prediction
                if journal.get(key) is None:
                    journal.add(key, [asdict(row) for row in rows])
        if subject.pictured:
            pictures.keep(client, plan.out, of, seen)


def _segment(client: Client, journal: Journal, subject: Subject, of: Decoded, key: tuple[str, ...]) -> None:
    from eval.study.segmentation import segmentation

    if journal.get(key) is None:
        tile = tuple(sizes[0] for sizes in of.lazy.chunks)
        journal.add(key, asdict(segmentation(client, of, subject.nuclei(tile))))


def _lost_worker(error: Exception) -> bool:
    return type(error).__name__ in ("KilledWorker", "FutureCancelledError", "CancelledError", "CommClosedError")


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:500]


def rows_of(journal: Journal, plan: Plan) -> tuple[list[Reconstruction], list[LabelFree], list[Segmentation]]:
    """Return the rows of a plan in the journal, in the order of the plan whatever the order they were finished in."""
    images = {image.name: place for place, image in enumerate(plan.images)}
    codecs = {"original": -1} | {entry.name: place for place, entry in enumerate(plan.entries)}

    def order(row: Any) -> tuple[Any, ...]:
        return (
            images[row.image],
            codecs[row.codec],
            getattr(row, "channel", ""),
            row.bits_per_pixel,
            row.point,
            getattr(row, "predictor", ""),
            getattr(row, "pair", ""),
        )

    def belongs(row: Any) -> bool:
        return row.image in images and row.codec in codecs

    first = [Reconstruction(**value) for value in journal.of_kind("reconstruction")]
    second = [LabelFree(**row) for value in journal.of_kind("label-free") for row in value]
    third = [Segmentation(**value) for value in journal.of_kind("segmentation")]
    return (
        sorted(filter(belongs, first), key=order),
        sorted(filter(belongs, second), key=order),
        sorted(filter(belongs, third), key=order),
    )
