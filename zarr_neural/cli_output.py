"""What the command line prints: tables on standard output, complaints on standard error, JSON.

Numbers come in as the data that the archive room returns; nothing is measured here.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zarr_neural.archive import ImageReport, VerifyReport
from zarr_neural.archive.provenance import KEY


def print_content(content: dict[str, Any]) -> None:
    """Print what `inspect_path` found, the arrays and what was lost in each channel as tables."""
    arrays = content.pop("arrays", None)
    console = _console()
    for name, value in content.items():
        shown = json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        console.print(f"{name}: {shown}", markup=False, highlight=False, soft_wrap=True)
    if arrays is not None:
        table = Table(
            "array", "shape", "dtype", "chunk", "shard", "codec", "bytes", "ratio", "bit/pixel", box=box.SIMPLE_HEAD
        )
        for array in arrays:
            codec = ", ".join(str(codec.get("name") or codec.get("id")) for codec in array["codecs"])
            shards = "" if array["shards"] is None else _times(array["shards"])
            row = (
                Text(array["path"]),
                _times(array["shape"]),
                array["dtype"],
                _times(array["chunks"]),
                shards,
                Text(codec),
            )
            table.add_row(*row, str(array["stored_nbytes"]), _number(array["ratio"]), _number(array["bits_per_pixel"]))
        console.print(table)
    record = content.get(KEY, {})
    if record.get("measured"):
        console.print(_channels(record["measured"], record.get("targets", [])))


def _channels(measured: list[dict[str, Any]], targets: list[dict[str, Any]]) -> Table:
    """What a conversion lost in each channel."""
    table = Table("channel", box=box.SIMPLE_HEAD)
    for name in (*(["rmse allowed"] if targets else []), "rmse", "max error", "PSNR dB", "ratio"):
        table.add_column(name, justify="right")
    for number, found in enumerate(measured):
        allowed = [_number(targets[number]["rmse"] or 0)] if targets else []
        decibel = "exact" if found["psnr_db"] is None else f"{found['psnr_db']:.2f}"
        numbers = (f"{found['rmse']:.4g}", _number(found["max_error"]), decibel, _number(found.get("ratio")))
        table.add_row(Text(found["channel"]), *allowed, *numbers)
    return table


def print_noise(entries: list[dict[str, Any]]) -> None:
    """Print the camera noise that `measure_noise` found, one line per channel."""
    table = Table("file", "image", "channel", "gain", "offset", "read noise", box=box.SIMPLE_HEAD)
    for entry in entries:
        if "error" not in entry:
            numbers = (f"{entry[name]:.4g}" for name in ("gain", "offset", "read_noise"))
            table.add_row(Text(Path(entry["source"]).name), str(entry["image"]), Text(entry["channel"]), *numbers)
    _console().print(table)


def _console() -> Console:
    """Standard output, never wrapped or cut where it goes into a file."""
    console = Console(emoji=False)
    return console if console.is_terminal else Console(width=200, emoji=False)


def complain(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(f"error: {text}", err=True)


def print_json(content: dict[str, Any]) -> None:
    """Print data as JSON that every parser reads."""
    typer.echo(json.dumps(_finite(content), indent=2, ensure_ascii=False, default=str, allow_nan=False))


def _finite(value: Any) -> Any:
    """The same data with null for what JSON does not have: infinities and NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def print_table(reports: list[ImageReport]) -> None:
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
                Text(name), "", "failed" if report.status == "failed" else "there already", _number(report.ratio)
            )
            continue
        table.add_row(
            Text(name),
            f"{_times(report.shape)} {report.dtype}",
            _kept_as(report),
            _number(report.ratio),
            _number(report.bits_per_pixel),
            _number(report.max_error),
            "exact" if report.psnr_db is None else _number(report.psnr_db),
            _number(report.encode_mpixel_s),
            _number(report.decode_mpixel_s),
        )
    console = _console()
    console.print(table)
    console.print(
        "PSNR against each channel's own range, the lowest of the channels; speed of one thread, with the disk"
    )
    for report in reports:
        name = Path(report.source).name
        for target, found in zip(report.targets, report.channels, strict=False):
            console.print(f"{name}: {_target_words(target, found)}", markup=False, highlight=False, soft_wrap=True)
        for note in report.notes:
            console.print(f"{name}: {note}", markup=False, highlight=False)


def _target_words(target: dict[str, Any], found: dict[str, Any]) -> str:
    """What one channel was to lose, and what became of it."""
    peak = "" if target["peak"] is None else f" of its range of {target['peak']:g}"
    wanted = "lossless" if target["rmse"] is None else f"rmse at most {target['rmse']:g}"
    decibel = "exact" if found["psnr_db"] is None else f"PSNR {found['psnr_db']:.2f} dB{peak}"
    ratio = f", ratio {_number(found['ratio'])}" if "ratio" in found else ""
    return f"{found['channel']}: {wanted}; measured rmse {found['rmse']:.4g}, {decibel}{ratio}"


def _kept_as(report: ImageReport) -> str:
    """The fidelity in the words of the user, or in those of the codec where something else came of it."""
    if report.asked and report.method == "rmse":
        return ", ".join(f"{name} {value:g}" for name, value in report.asked.items() if name != "preset")
    value = report.parameters.get(report.method)
    return report.method if value is None else f"{report.method} {value:g}"


def print_verified(report: VerifyReport) -> None:
    """Print whether a store is sound, and the errors against its source where they were measured."""
    state = "sound" if report.sound else f"{len(report.damaged)} faults"
    typer.echo(f"{report.store}: {report.chunks} chunks, {state}")
    for entry in report.measured:
        decibel = "exact" if entry["psnr_db"] is None else f"PSNR {entry['psnr_db']:.2f} dB"
        typer.echo(f"  {entry['channel']}: max error {entry['max_error']:g}, RMSE {entry['rmse']:.4g}, {decibel}")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _times(shape: Any) -> str:
    return "x".join(str(size) for size in shape)
