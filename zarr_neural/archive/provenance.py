"""What a store says about its making, under "zarr_neural" in the attributes of its group.

Nothing in it depends on the machine or the moment of the conversion: two conversions of one plan give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import zarr

from zarr_neural.archive.fidelity import Choice
from zarr_neural.archive.measure import ChannelError
from zarr_neural.archive.options import Options
from zarr_neural.archive.source import SourceImage
from zarr_neural.archive.stores import codec_records
from zarr_neural.chunk import NoiseModel

KEY = "zarr_neural"


def plan_of(image: SourceImage, choice: Choice, options: Options) -> dict[str, Any]:
    """Return all that decides the bytes of the store, as JSON: two conversions of the same plan are the same."""
    return {
        "source": {"name": image.path.name, "series": image.series, "digest": image.digest, "stamp": image.stamp},
        "axes": image.axes,
        "axes_option": options.axes,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "ome_version": options.ome_version,
        "chunks": options.chunks and list(options.chunks),
        "shards": options.shards if isinstance(options.shards, bool) else list(options.shards),
        "labels": choice.labels,
        "method": choice.fidelity.method,
        "parameters": choice.fidelity.record(),
        "version": version("zarr-neural"),
    }


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


def channel_names(image: SourceImage) -> list[str]:
    """Return a name for every channel, "channel 0" and so on where the source has none."""
    return [image.calibration.channel_names[i] or f"channel {i}" for i in range(image.channels)]


def channel_records(
    names: Sequence[str], errors: Sequence[ChannelError], noise: Sequence[NoiseModel] = ()
) -> list[dict[str, Any]]:
    """Return the measured error of every channel as JSON, with its name and, where it was measured, its noise."""
    records: list[dict[str, Any]] = [
        {"channel": name, "max_error": e.max_error, "rmse": round(e.rmse, 6), "psnr_db": e.psnr_db}
        for name, e in zip(names, errors, strict=True)
    ]
    for record, model in zip(records, noise, strict=False):
        record["noise"] = asdict(model)
    return records
