"""A study is run: images are scanned, each codec is measured on each at all its points, and every row is journalled."""

from __future__ import annotations

import json
import math
import shutil
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
from eval.study.errors import StudyError
from eval.study.image import Channel, StudyImage
from eval.study.journal import Journal
from eval.study.label_free import Raw, label_free, of_the_raw, raw_prediction
from eval.study.matching import points_for, sample_of, with_noise
from eval.study.plan import Channels, Plan, Progress, channels_of
from eval.study.recode import even_chunk
from eval.study.reconstruction import decoded, reconstruction, scan_channel
from eval.study.rows import LabelFree, Reconstruction, Segmentation
from eval.study.scan import Scan
from eval.study.segmentation import raw_labels, segmentation
from eval.study.valid import Valid, valid_of
from zarr_neural.chunk import NoiseModel

PREDICTED = "predicted"
"""Folder of predictions from raw images too large for memory, among the work stores."""


@dataclass(frozen=True)
class Failure:
    """Something that could not be measured, and why; the others were."""

    image: str
    codec: str
    point: str
    why: str


@dataclass(frozen=True)
class Coded:
    """A channel that is coded: whether it is what is predicted from, and whether nuclei are found in it."""

    scan: Scan
    input: bool
    segmented: bool


@dataclass(frozen=True)
class Subject:
    """One image, scanned: the channels that are coded, the input first, and what they are compared with."""

    image: StudyImage
    coded: tuple[Coded, ...]
    raws: tuple[Raw, ...]
    nuclei: _Once | None
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
    counter = _Counter(progress, sum(_expected(plan, image) for image in plan.images))
    with ThreadPoolExecutor(max_workers=min(32, threads_in(client))) as pool:
        for number, image in enumerate(plan.images):
            try:
                subject = _subject(plan, client, journal, image, number < plan.pictures, outcome, say)
            except Exception as error:
                outcome.failures.append(Failure(image.name, "", "", _why(error)))
                say(f"{image.name} is left out: {_why(error)}")
                counter.expect(-_expected(plan, image))
                continue
            tasks = []
            for entry in plan.entries:
                if _fits(entry, subject.coded[0].scan.channel, outcome, say):
                    tasks += [
                        pool.submit(_codec, plan, client, journal, subject, entry, coded, counter)
                        for coded in subject.coded
                    ]
                else:
                    counter.expect(-len(subject.coded) * len(_labels(plan, entry)))
            for task in as_completed(tasks):
                for failure in task.result():
                    outcome.failures.append(failure)
                    say(f"{failure.image}, {failure.codec} {failure.point}: {failure.why}")
            shutil.rmtree(plan.work / PREDICTED, ignore_errors=True)
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


def _tell(outcome: Outcome, say: Callable[[str], None], scan: Scan) -> None:
    """Tell of the chunks that a scan could not read."""
    for damage in scan.channel.damaged:
        row = (scan.channel.image.name, scan.channel.name, damage.key, damage.why.replace("\n", " "))
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

    def expect(self, more: int) -> None:
        with self._lock:
            self._total += more


class _Once:
    """A function of one argument that is called once for each, whatever the threads that ask."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function, self._lock, self._found = function, threading.Lock(), dict[Any, Any]()

    def __call__(self, argument: Any) -> Any:
        with self._lock:
            if argument not in self._found:
                self._found[argument] = self._function(argument)
            return self._found[argument]


def _labels(plan: Plan, entry: Entry) -> list[str]:
    """Return what the points of an entry are called before they are known."""
    if entry.settings is None:
        return [point.label for point in entry.points]
    return [f"{target:g} dB" for target in plan.targets_db]


def _expected(plan: Plan, image: StudyImage) -> int:
    """Return how many pieces an image will make, before its points are known."""
    found = channels_of(plan, image)
    channels = 1 if found.segment in (None, found.input) else 2
    return channels * sum(len(_labels(plan, entry)) for entry in plan.entries)


def _subject(
    plan: Plan,
    client: Client,
    journal: Journal,
    image: StudyImage,
    pictured: bool,
    outcome: Outcome,
    say: Callable[[str], None],
) -> Subject:
    tell = partial(_tell, outcome, say)
    found = channels_of(plan, image)
    scan = _scan(plan, client, journal, found.input, found.valid, tell)
    if not scan.pixels:
        raise ValueError(f"not one chunk of {found.input.name} can be read")
    if not math.isfinite(scan.low) or not math.isfinite(scan.high):
        raise ValueError(f"the values of {found.input.name} go from {scan.low} to {scan.high}: finite ones are needed")
    if scan.data_range <= 0:
        raise ValueError(f"{found.input.name} holds one value only ({scan.low:g}): there is nothing to compare")
    coded = [Coded(scan, input=True, segmented=found.segment == found.input)]
    if found.segment not in (None, found.input):
        assert found.segment is not None
        segment = _scan(plan, client, journal, found.segment, found.valid, tell)
        if segment.data_range > 0:
            coded.append(Coded(segment, input=False, segmented=True))
        else:
            why = f"no nuclei are looked for: {found.segment.name} has no two values that can be read"
            outcome.failures.append(Failure(image.name, "", "", why))
            say(f"{image.name}: {why}")
    raws = _raws(plan, client, journal, found, scan, tell)
    if plan.predictors and not raws:
        assert found.target is not None
        why = f"nothing is predicted: {found.target.name} has no two values that can be read"
        outcome.failures.append(Failure(image.name, "", "", why))
        say(f"{image.name}: {why}")
    for raw in raws:
        key = ("label-free", image.name, "original", "raw", raw.predictor.id[:12])
        if journal.get(key) is None:
            journal.add(key, [asdict(of_the_raw(client, raw, 8.0 * scan.channel.dtype.itemsize))])
    if pictured:
        pictures.keep_original(client, plan.out, scan, raws)
    nuclei = None
    if coded[-1].segmented:
        nuclei = _Once(partial(raw_labels, client, coded[-1].scan))
    return Subject(image, tuple(coded), raws, nuclei, pictured)


def _scan(
    plan: Plan,
    client: Client,
    journal: Journal,
    channel: Channel,
    valid: Valid,
    tell: Callable[[Scan], None],
    use: str = "coded",
) -> Scan:
    """Scan a channel, tell of its damage, and refuse one that is not what the journal's rows were measured on."""
    scan = scan_channel(client, channel, valid, even_chunk(channel.shape, plan.chunk))
    tell(scan)
    key = ("scan", channel.image.name, channel.name, use)
    found = [scan.low, scan.high, scan.moments.mean, scan.moments.deviation, scan.pixels]
    known = journal.get(key)
    if known is None:
        journal.add(key, found)
    elif json.dumps(known) != json.dumps(found):
        raise StudyError(
            f"channel {channel.name} is not what the journal was begun with (lowest, highest, mean, deviation, pixels: "
            f"{known}, now {found}): choose another --out"
        )
    return scan


def _raws(
    plan: Plan, client: Client, journal: Journal, found: Channels, scan: Scan, tell: Callable[[Scan], None]
) -> tuple[Raw, ...]:
    if not plan.predictors or found.target is None:
        return ()
    valid = scan.valid if found.target.shape == scan.channel.shape else valid_of(found.target.image, plan.mask)
    truth = _scan(plan, client, journal, found.target, valid, tell, "truth")  # counts where the input does, too
    if not truth.data_range > 0:
        return ()
    name = scan.channel.image.name
    return tuple(
        raw_prediction(client, predictor, scan, truth, plan.work / PREDICTED / f"{name}-{predictor.id[:12]}.zarr")
        for predictor in plan.predictors
    )


def _codec(
    plan: Plan, client: Client, journal: Journal, subject: Subject, entry: Entry, coded: Coded, counter: _Counter
) -> list[Failure]:
    """Measure one codec on one channel at all its points, and return what failed."""
    try:
        given, points = _points(plan, client, journal, subject, coded, entry)
    except Exception as error:
        counter.expect(-len(_labels(plan, entry)))
        return [Failure(subject.image.name, entry.name, "", _why(error))]
    counter.expect(len(points) - len(_labels(plan, entry)))
    failures = []
    for point in points:
        for attempt in (1, 2):
            try:
                _point(plan, client, journal, subject, coded, entry, point, given)
                break
            except Exception as error:
                if attempt == 2 or not _lost_worker(error):
                    failures.append(Failure(subject.image.name, entry.name, point.label, _why(error)))
                    break
        counter.done(f"{subject.image.name} {entry.name} {point.label}")
    return failures


def _points(
    plan: Plan, client: Client, journal: Journal, subject: Subject, coded: Coded, entry: Entry
) -> tuple[Given, list[Point]]:
    """Return what a codec is told and its points: those that the journal has, else found now."""
    scan = coded.scan
    given = Given(scan.low, scan.high, scan.data_range)
    rates = (plan.rate,) if subject.pictured and coded.input else ()
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
    coded: Coded,
    entry: Entry,
    point: Point,
    given: Given,
) -> None:
    """Measure one codec at one point: all that the journal lacks."""
    name, scan = subject.image.name, coded.scan
    raws = subject.raws if coded.input else ()
    pictured = subject.pictured and coded.input
    place = (name, scan.channel.name, entry.name, point.label)
    first = ("reconstruction", *place)
    second = [("label-free", name, entry.name, point.label, raw.predictor.id[:12]) for raw in raws]
    third = ("segmentation", *place)
    wanted = [first, *second, *([third] if coded.segmented else [])]
    if all(journal.get(key) is not None for key in wanted) and (
        not pictured or pictures.there(plan.out, name, entry.name, point.label)
    ):
        return
    stem = "-".join("".join(c if c.isalnum() or c in ".-_" else "_" for c in part) for part in place)
    path = plan.work / f"{stem}.zarr"
    with decoded(client, scan, entry, point, given, plan.chunk, path, plan.keep) as of:
        if journal.get(first) is None:
            journal.add(first, asdict(reconstruction(client, of, plan.most_tiles)))
        if coded.segmented and journal.get(third) is None:
            assert subject.nuclei is not None
            tile = tuple(sizes[0] for sizes in of.lazy.chunks)
            journal.add(third, asdict(segmentation(client, of, subject.nuclei(tile))))
        seen = {}
        kept = [path.with_suffix(f".{raw.predictor.id[:12]}.zarr") for raw in raws]
        try:
            for raw, key, folder in zip(raws, second, kept, strict=True):
                if journal.get(key) is None or pictured:
                    rows, prediction = label_free(client, raw, of, folder)
                    seen[raw.predictor.id[:12]] = prediction
                    if journal.get(key) is None:
                        journal.add(key, [asdict(row) for row in rows])
            if pictured:
                pictures.keep(client, plan.out, of, seen)
        finally:
            for folder in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _lost_worker(error: Exception) -> bool:
    return type(error).__name__ in ("KilledWorker", "FutureCancelledError", "CancelledError", "CommClosedError")


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:500]


def rows_of(journal: Journal, plan: Plan) -> tuple[list[Reconstruction], list[LabelFree], list[Segmentation]]:
    """Return the rows of a plan in the journal, in the order of the plan whatever the order they were finished in."""
    images = {image.name: place for place, image in enumerate(plan.images)}
    predictors = {predictor.id[:12] for predictor in plan.predictors}
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
        known = row.predictor in predictors if isinstance(row, LabelFree) else True
        return row.image in images and row.codec in codecs and known

    first = [Reconstruction(**value) for value in journal.of_kind("reconstruction")]
    second = [LabelFree(**row) for value in journal.of_kind("label-free") for row in value]
    third = [Segmentation(**value) for value in journal.of_kind("segmentation")]
    return (
        sorted(filter(belongs, first), key=order),
        sorted(filter(belongs, second), key=order),
        sorted(filter(belongs, third), key=order),
    )
