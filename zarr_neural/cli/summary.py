"""What a conversion did, in words: what became of the pixels, of every file, of the space on the disk."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from zarr_neural.archive import ImageReport
from zarr_neural.cli.images import image_name, kept_as, print_images
from zarr_neural.cli.terminal import megabytes, number, say

_NAMED = 3


def print_summary(reports: Sequence[ImageReport], target: Path, *, verbose: bool = False) -> None:
    """Print what a run did: first whether pixels were altered, then each image, notes, sizes, and how to go on.

    Parameters
    ----------
    reports : sequence of ImageReport
        What `convert` returned.
    target : Path
        Where the stores were to go.
    verbose : bool
        With the details of every channel.
    """
    done = [report for report in reports if report.status in ("converted", "kept")]
    if done:
        say(_verdict(done))
        for line in _losses(done):
            say(line)
    if any(report.status == "converted" for report in reports) or verbose:
        print_images([report for report in reports if report.status != "passed over"], verbose=verbose)
    _print_notes(reports)
    say(_counts(reports))
    passed = [Path(report.source).name for report in reports if report.status == "passed over"]
    if passed:
        say(f"Passed over because they are not TIFFs: {_listed(passed)}.")
    if done:
        _print_sizes(done)
        _print_saving(reports)
        _print_use(done, target)


def _verdict(done: Sequence[ImageReport]) -> str:
    """The sentence that comes first: how many images are not what they were."""
    altered, total = sum(not report.identical for report in done), len(done)
    if altered:
        if total == 1:
            return "The image is no longer identical to its source."
        return f"{altered} of {total} images {_are(altered)} no longer identical to their source."
    if total == 1:
        return "Every pixel of the image is identical to its source."
    return f"Every pixel of the {total} images is identical to its source."


def _losses(done: Sequence[ImageReport]) -> list[str]:
    """How pixels were altered and how much, for each way in which images were converted."""
    lines = []
    altered = [report for report in done if not report.identical]
    for way, count in Counter(map(kept_as, altered)).items():
        alike = [report for report in altered if kept_as(report) == way]
        errors = [report.max_error for report in alike if report.max_error is not None]
        decibels = [report.psnr_db for report in alike if report.psnr_db is not None]
        measured = f"; no pixel is off by more than {number(max(errors))} grey levels" if errors else ""
        measured += f", and the lowest PSNR is {min(decibels):.1f} dB" if decibels and errors else ""
        lines.append(f"  {_images(count)} converted with {way}{measured}.")
    return lines


def _print_notes(reports: Sequence[ImageReport]) -> None:
    """Print every note once, with the images that it is about."""
    about: dict[str, list[str]] = {}
    for report in reports:
        for note in report.notes:
            names = about.setdefault(note, [])
            if (name := image_name(report, reports)) not in names:
                names.append(name)
    for note, names in about.items():
        who = names[0] if len(names) == 1 else f"{len(names)} images ({_listed(names)})"
        say(f"Note on {who}: {note}")


def _counts(reports: Sequence[ImageReport]) -> str:
    """How many files there were, and how many images were converted, kept, failed and passed over."""
    files = len({report.source for report in reports})
    count = Counter(report.status for report in reports)
    kept = f", {count['kept']} kept (converted before)" if count["kept"] else ", 0 kept"
    return (
        f"{files} file{'s' if files != 1 else ''}: {_images(count['converted'])} converted{kept}, "
        f"{count['failed']} failed, {count['passed over']} passed over."
    )


def _print_sizes(done: Sequence[ImageReport]) -> None:
    """Print the bytes on the disk before and after; a file with several images is counted once."""
    before = sum({report.source: report.source_nbytes or 0 for report in done}.values())
    after = sum(report.store_nbytes or 0 for report in done)
    if before and after:
        levels = "with overviews and metadata"
        say(f"On disk: {megabytes(before)} before, {megabytes(after)} after ({levels}), ratio {before / after:.2f}.")


def _print_saving(reports: Sequence[ImageReport]) -> None:
    """Print what `--noise 1` would have saved of the images of which it was estimated."""
    known = [(report.noise_saving, report.store_nbytes or 1) for report in reports if report.noise_saving is not None]
    if known:
        share = sum(saving * nbytes for saving, nbytes in known) / sum(nbytes for _, nbytes in known)
        if share > 0:
            say(
                f"With --noise 1 the full-resolution chunks would take about {share:.0%} less space, and errors would "
                "stay within the camera noise (estimated from a few pieces of the images)."
            )


def _print_use(done: Sequence[ImageReport], target: Path) -> None:
    """Print where the stores are and how to open them."""
    first = _relative(Path(done[0].target))
    where = first if len(done) == 1 else f"{_relative(target)}{os.sep} ({_listed([_below(r, target) for r in done])})"
    say(f"{'The store is' if len(done) == 1 else 'The stores are in'} {where}")
    say("To open one, with zarr-neural installed:")
    say(f"  napari:  napari --plugin napari-ome-zarr {_quoted(first)}")
    say(f"  Python:  dask.array.from_zarr({str(Path(first) / '0')!r})")
    say(f"  Fiji:    zarr-neural export {_quoted(first)} {_quoted(_stem(first) + '.ome.tif')}, and open that")


def _below(report: ImageReport, target: Path) -> str:
    path = Path(report.target)
    return str(path.relative_to(target)) if path.is_relative_to(target) else path.name


def _relative(path: Path) -> str:
    """The path from here, where that is not longer."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # on another drive, or here is gone
        return str(path)
    return relative if len(relative) <= len(str(path)) else str(path)


def _quoted(path: str) -> str:
    return f"'{path}'" if any(sign in path for sign in " ()[]&;*?$") else path


def _stem(path: str) -> str:
    return Path(path).name.removesuffix(".zarr").removesuffix(".ome")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" ..." if len(names) > _NAMED else "")


def _images(count: int) -> str:
    return f"{count} image{'s' if count != 1 else ''}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
