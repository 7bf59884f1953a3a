"""What a store says about its making, under "zarr_neural" in the attributes of its group.

Nothing in it depends on the machine or the moment of the conversion: two conversions of one plan give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import zarr

from zarr_neural.archive.ask.decide import Choice
from zarr_neural.archive.ask.options import Options
from zarr_neural.archive.check.measure import ChannelError
from zarr_neural.archive.stores import codec_records
from zarr_neural.archive.tiff.source import SourceImage
from zarr_neural.chunk import NoiseModel

KEY = "zarr_neural"
READER = "the Python package zarr-neural: pip install zarr-neural"
"""Told to readers who lack the package, to whom zarr says no more than that it does not know the codec."""


def task_of(image: SourceImage, options: Options) -> dict[str, Any]:
    """Return what is to be done, as JSON, without measuring anything: stores of the same task are the same.

    Raises
    ------
    ConfigurationError
        Labels are wanted of an image that cannot hold them.
    """
    return {
        "source": {"name": image.path.name, "series": image.series, "digest": image.digest, "stamp": image.stamp},
        "axes": image.axes,
        "axes_option": options.axes,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "ome_version": options.ome_version,
        "chunks": options.chunks and list(options.chunks),
        "levels_option": options.levels,
        "shards": options.shards if isinstance(options.shards, bool) else list(options.shards),
        "labels_option": options.labels,
        "asked": options.fidelity.words(),
    }


def plan_of(image: SourceImage, choice: Choice, options: Options) -> dict[str, Any]:
    """Return all that decides the bytes of the store, as JSON: the task, and what was measured for it."""
    plan = {
        **task_of(image, options),
        "method": choice.fidelity.method,
        "parameters": choice.fidelity.record(),
        "labels": choice.labels,
    }
    if choice.targets:
        named = zip(image.channel_names, choice.targets, strict=True)
        plan["targets"] = [{"channel": name, **asdict(target)} for name, target in named]
    return plan


def where_from(image: SourceImage) -> dict[str, Any]:
    """Return what the file says of the place of an image, as JSON: position, well, and how its values are read."""
    record = image.record
    found = {"position": record.position, "well": record.well}
    if image.photometric not in ("minisblack", "rgb"):
        found["photometric"] = image.photometric
    return {key: value for key, value in found.items() if value}


def outcome(
    array: zarr.Array[Any], channels: list[dict[str, Any]], ratio: float, bits_per_pixel: float, notes: list[str]
) -> dict[str, Any]:
    """Return what came of a plan, as JSON: the models, the measured errors, the size.

    Parameters
    ----------
    array : zarr.Array
        The full resolution.
    channels : list of dict
        See `channel_records`.
    ratio, bits_per_pixel : float
        Of the full resolution.
    notes : list of str
        What had to be assumed or decided.
    """
    return {
        "read_with": READER,
        "models": model_ids(array),
        "measured": channels,
        "ratio": ratio,
        "bits_per_pixel": bits_per_pixel,
        "every_chunk_stored": True,
        "notes": notes,
    }


def model_ids(array: zarr.Array[Any]) -> list[str]:
    """Return the full SHA-256 of the models that the array's codec names."""
    configs = [entry.get("configuration", entry) for entry in codec_records(array)]
    return [model for config in configs for model in config.get("models", [])]


def channel_records(
    names: Sequence[str],
    errors: Sequence[ChannelError],
    noise: Sequence[NoiseModel] = (),
    ratios: Mapping[int, float] | None = None,
) -> list[dict[str, Any]]:
    """Return what became of every channel as JSON: its name and error, and its ratio and noise where they are known."""
    records: list[dict[str, Any]] = [
        {"channel": name, "max_error": e.max_error, "rmse": _six_digits(e.rmse), "psnr_db": e.psnr_db}
        for name, e in zip(names, errors, strict=True)
    ]
    for channel, ratio in (ratios or {}).items():
        records[channel]["ratio"] = round(ratio, 4)
    for record, model in zip(records, noise, strict=False):
        record["noise"] = asdict(model)
    return records


def _six_digits(value: float) -> float:
    """Six digits behind the point, or six that count where the number is small."""
    return round(value, 6) if value >= 1 else float(f"{value:.6g}")
