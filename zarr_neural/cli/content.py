"""What `inspect` found, in words and tables."""

from __future__ import annotations

import json
from typing import Any

from rich import box
from rich.table import Table

from zarr_neural.archive.provenance import KEY
from zarr_neural.cli.terminal import cell, number, print_table, say, times


def print_content(content: dict[str, Any]) -> None:
    """Print what `inspect_path` found, the arrays and what was lost in each channel as tables."""
    arrays = content.pop("arrays", None)
    for name, value in content.items():
        shown = json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
        say(f"{name}: {shown}")
    if arrays is not None:
        table = Table(
            "array", "shape", "dtype", "chunk", "shard", "codec", "bytes", "ratio", "bit/pixel", box=box.SIMPLE_HEAD
        )
        for array in arrays:
            codec = ", ".join(str(codec.get("name") or codec.get("id")) for codec in array["codecs"])
            shards = "" if array["shards"] is None else times(array["shards"])
            row = (
                cell(array["path"]),
                times(array["shape"]),
                array["dtype"],
                times(array["chunks"]),
                shards,
                cell(codec),
            )
            table.add_row(*row, str(array["stored_nbytes"]), number(array["ratio"]), number(array["bits_per_pixel"]))
        print_table(table)
    record = content.get(KEY, {})
    if record.get("measured"):
        print_table(_channels(record["measured"], record.get("targets", [])))


def _channels(measured: list[dict[str, Any]], targets: list[dict[str, Any]]) -> Table:
    """What a conversion lost in each channel."""
    table = Table("channel", box=box.SIMPLE_HEAD)
    for name in (*(["rmse allowed"] if targets else []), "rmse", "max error", "PSNR dB", "ratio"):
        table.add_column(name, justify="right")
    for place, found in enumerate(measured):
        allowed = [number(targets[place]["rmse"] or 0)] if targets else []
        decibel = "exact" if found["psnr_db"] is None else f"{found['psnr_db']:.2f}"
        numbers = (f"{found['rmse']:.4g}", number(found["max_error"]), decibel, number(found.get("ratio")))
        table.add_row(cell(found["channel"]), *allowed, *numbers)
    return table
