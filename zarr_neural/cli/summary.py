"""What a conversion did, in words and tables; nothing is measured here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from zarr_neural.archive import ImageReport
from zarr_neural.cli.terminal import cell, number, print_table, say, times


def print_images(reports: list[ImageReport]) -> None:
    """Print one line per image, all of it measured by reading back."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("image", overflow="fold", min_width=10)
    table.add_column("pixels", overflow="fold", min_width=8)
    table.add_column("kept as")
    for name in ("ratio", "bit/\npixel", "max\nerror", "PSNR\ndB", "encode\nMP/s", "decode\nMP/s"):
        table.add_column(name, justify="right")
    for report in reports:
        name = Path(report.source).name if len(reports) < 2 else Path(report.target).name.removesuffix(".ome.zarr")
        if report.status != "converted":
            table.add_row(
                cell(name), "", "failed" if report.status == "failed" else "there already", number(report.ratio)
            )
            continue
        table.add_row(
            cell(name),
            f"{times(report.shape)} {report.dtype}",
            _kept_as(report),
            number(report.ratio),
            number(report.bits_per_pixel),
            number(report.max_error),
            "exact" if report.psnr_db is None else number(report.psnr_db),
            number(report.encode_mpixel_s),
            number(report.decode_mpixel_s),
        )
    print_table(table)
    say("PSNR against each channel's own range, the lowest of the channels; speed of one thread, with the disk")
    for report in reports:
        name = Path(report.source).name
        for target, found in zip(report.targets, report.channels, strict=False):
            say(f"{name}: {_target_words(target, found)}")
        for note in report.notes:
            say(f"{name}: {note}")


def _target_words(target: dict[str, Any], found: dict[str, Any]) -> str:
    """What one channel was to lose, and what became of it."""
    peak = "" if target["peak"] is None else f" of its range of {target['peak']:g}"
    wanted = "lossless" if target["rmse"] is None else f"rmse at most {target['rmse']:g}"
    decibel = "exact" if found["psnr_db"] is None else f"PSNR {found['psnr_db']:.2f} dB{peak}"
    ratio = f", ratio {number(found['ratio'])}" if "ratio" in found else ""
    return f"{found['channel']}: {wanted}; measured rmse {found['rmse']:.4g}, {decibel}{ratio}"


def _kept_as(report: ImageReport) -> str:
    """The fidelity in the words of the user, or in those of the codec where something else came of it."""
    if report.asked and report.method == "rmse":
        return ", ".join(f"{name} {value:g}" for name, value in report.asked.items() if name != "preset")
    value = report.parameters.get(report.method)
    return report.method if value is None else f"{report.method} {value:g}"
