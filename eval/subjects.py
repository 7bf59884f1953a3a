"""The planes that rate-distortion curves are measured on: one plane a file, cut to its middle, and what is truer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.images import Image, Source, heldout_sources, read_planes, spread
from eval.jpeg_past import was_jpeg

EXPOSURES = "yeast-raw/brightfield-timelapse"
"""Folder, below the data root, of frames of one field. Models are trained on it: it never counts as held out."""
EXPOSURE_SET = "yeast-exposures"
LEAST_SIDE = 100
"""Smaller held-out images are left out: headers would be what is measured."""
LIKENESS = 0.25
"""Frames whose mean differs by more than this part are not taken for an exposure of the same field."""


@dataclass(frozen=True)
class Subject:
    """One plane to be coded.

    Attributes
    ----------
    set, file
        Data set and file, as results name them.
    plane
        Which plane of the file.
    image
        Its middle, uint8 or uint16.
    truth
        The mean of other exposures of the same field, brought to the level of this one; None where there are none.
    seen
        Whether models may have been trained on it.
    """

    set: str
    file: str
    plane: int
    image: Image
    truth: Image | None = None
    seen: bool = False

    @property
    def data_range(self) -> float:
        """Largest minus smallest value of the image: the range of PSNR and of SSIM's constants."""
        return float(np.ptp(self.image))


def without_border(image: Image) -> Image:
    """Return the image without outer rows and columns that hold one value: padding of registered images.

    Examples
    --------
    >>> without_border(np.pad(np.arange(6).reshape(2, 3), 2)).shape
    (2, 3)
    """
    rows, columns = np.flatnonzero(np.ptp(image, axis=1)), np.flatnonzero(np.ptp(image, axis=0))
    if not rows.size:
        return image
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def middle(image: Image, crop: int) -> Image:
    """Return the middle of an image, at most `crop` pixels a side."""
    y, x = (max(0, (side - crop) // 2) for side in image.shape)
    return np.ascontiguousarray(image[y : y + crop, x : x + crop])


def some_of_each_set(sources: Sequence[Source], per_set: int | None) -> list[Source]:
    """Return at most `per_set` sources of every set, evenly spread over its list."""
    by_set: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        by_set[source.set].append(source)
    return [members[i] for members in by_set.values() for i in spread(len(members), per_set)]


def subject_of(source: Source, crop: int) -> Subject:
    """Return the middle plane of a source, cut to its middle.

    Of an image whose few listed planes are spread over a stack it is the middle one of those listed.

    Raises
    ------
    ValueError
        For a plane that does not hold unsigned integers of 8 or 16 bits, or only one grey level.
    """
    planes = read_planes(source.path)
    listed = source.planes or tuple(range(len(planes)))
    number = listed[len(listed) // 2]
    image = planes[number]
    if image.dtype.name not in ("uint8", "uint16"):
        raise ValueError(f"expected uint8 or uint16, found {image.dtype}")
    image = middle(without_border(image), crop)
    if np.ptp(image) == 0:
        raise ValueError("the plane holds one grey level only")
    return Subject(source.set, source.name, number, image)


def levelled(other: Image, like: Image) -> Image:
    """Return another exposure with mean and contrast of `like`: lamps flicker.

    The contrast is that of means over 8 x 8 pixels, in which noise is small.
    """
    rows, columns = (side // 8 for side in like.shape)

    def coarse(image: Image) -> Image:
        return np.asarray(image[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).mean(axis=(1, 3)))

    gain = coarse(like).std() / max(coarse(other).std(), 1e-9)
    return np.asarray((other - other.mean()) * gain + like.mean())


def exposures(folder: Path, root: Path, crop: int, limit: int | None) -> Iterator[Subject]:
    """Yield frames of one field, each with the mean of the others that are alike.

    Frames at another brightness (`LIKENESS`) and frames without any that is alike are left out.
    """
    paths = sorted(folder.glob("*.tif"))
    frames = [middle(read_planes(path)[0], crop) for path in paths]
    means = [float(frame.mean()) for frame in frames]
    found = []
    for i, path in enumerate(paths):
        alike = [j for j, mean in enumerate(means) if j != i and abs(mean - means[i]) < LIKENESS * means[i]]
        if len(alike) >= 2:
            truth = np.mean([levelled(frames[j].astype(np.float64), frames[i]) for j in alike], axis=0)
            found.append(Subject(EXPOSURE_SET, path.relative_to(root).as_posix(), 0, frames[i], truth=truth, seen=True))
    yield from (found[i] for i in spread(len(found), limit))


def all_subjects(
    given: Sequence[Source],
    heldout: bool,
    data: Path | None,
    per_set: int | None,
    crop: int,
    sets: Sequence[str] | None,
    say: Callable[[str], None],
) -> Iterator[Subject]:
    """Yield the subjects of a run: files as given, then held-out images, then repeated exposures.

    Held-out images that are tiny or were once JPEGs are left out, since no fair figure comes of them.

    Parameters
    ----------
    given
        Files named by a user: all of them are taken.
    heldout
        Whether to take the committed list of held-out images, and the exposures beside them.
    data
        The folder below which those lie.
    per_set
        At most so many images of each held-out set.
    crop
        Largest side in pixels.
    sets
        Only these held-out sets; None for all.
    say
        Told of what cannot be measured.
    """
    sources = list(given)
    if heldout:
        found, missing = heldout_sources(data)
        if missing:
            say(f"{len(missing)} held-out images are not on this machine, the first: {missing[0]}")
        sources += some_of_each_set([source for source in found if sets is None or source.set in sets], per_set)
    for source in sources:
        try:
            subject = subject_of(source, crop)
            if source not in given and min(subject.image.shape) < min(LEAST_SIDE, crop):
                raise ValueError(f"{' x '.join(map(str, subject.image.shape))} pixels are too few")
            if was_jpeg(subject.image):
                if source not in given:
                    raise ValueError("it was once a JPEG")
                say(f"{source.name} was once a JPEG: codecs with its transform find what is left of it")
            yield subject
        except (OSError, ValueError) as error:
            say(f"{source.name} is left out: {error}")
    if heldout and data is not None and (sets is None or EXPOSURE_SET in sets):
        yield from exposures(data / EXPOSURES, data, crop, per_set)
