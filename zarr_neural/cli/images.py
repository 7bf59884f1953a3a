"""The images of a conversion as a table; all numbers were measured by reading back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from zarr_neural.archive import ImageReport
from zarr_neural.cli.terminal import cell, number, print_table, say, times

_STATES = {"failed": "failed", "kept": "kept as it was", "passed over": "passed over"}


def print_images(reports: Sequence[ImageReport], *, verbose: bool = False) -> None:
    """Print one line per image; with `verbose` the speed and a line per channel too."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("image", overflow="fold", min_width=10)
    table.add_column("pixels", overflow="fold", min_width=8)
    table.add_column("stored")
    speed = ("encode\nMP/s", "decode\nMP/s") if verbose else ()
    for name in ("ratio", "bit/\npixel", "max\nerror", "PSNR\ndB", *speed):
        table.add_column(name, justify="right")
    for report in reports:
        name = cell(image_name(report, reports))
        if report.status != "converted":
            table.add_row(name, "", _STATES[report.status], number(report.ratio))
            continue
        rates = (number(report.encode_mpixel_s), number(report.decode_mpixel_s)) if verbose else ()
        table.add_row(
            name,
            f"{times(report.shape)} {report.dtype}",
            kept_as(report),
            number(report.ratio),
            number(report.bits_per_pixel),
            number(report.max_error),
            "exact" if report.psnr_db is None else number(report.psnr_db),
            *rates,
        )
    print_table(table)
    if verbose:
        say("The PSNR is that of the worst channel against its own range; the speed is that of one thread.")
        for report in reports:
            for place, found in enumerate(report.channels):
                target = report.targets[place] if place < len(report.targets) else None
                say(f"{image_name(report, reports)}: {_channel_words(target, found)}")


def image_name(report: ImageReport, reports: Sequence[ImageReport]) -> str:
    """Return the name of an image: of its file, or of its store where there are several images."""
    target = Path(report.target).name.removesuffix(".ome.zarr") if report.status == "converted" else ""
    return target if len(reports) > 1 and target else Path(report.source).name


def kept_as(report: ImageReport) -> str:
    """Return the fidelity in the words of the user, or in those of the codec where something else came of it."""
    if report.asked and report.method == "rmse":
        return ", ".join(f"{name} {value:g}" for name, value in report.asked.items() if name != "preset")
    value = report.parameters.get(report.method)
    return report.method if value is None else f"{report.method} {value:g}"


def _channel_words(target: dict[str, Any] | None, found: dict[str, Any]) -> str:
    """What one channel was to lose, and what became of it."""
    peak = "" if target is None or target["peak"] is None else f" of its range of {target['peak']:g}"
    wanted = "" if target is None else "lossless; " if target["rmse"] is None else f"rmse at most {target['rmse']:g}; "
    decibel = "exact" if found["psnr_db"] is None else f"PSNR {found['psnr_db']:.2f} dB{peak}"
    ratio = f", ratio {number(found['ratio'])}" if "ratio" in found else ""
    return f"{found['channel']}: {wanted}measured rmse {found['rmse']:.4g}, {decibel}{ratio}"
