"""What a store says of itself, held against what it is: how its arrays are cut, its scales, and what was lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import zarr

from zarr_neural.archive.check.measure import ChannelError
from zarr_neural.archive.stores import codec_records
from zarr_neural.errors import ArchiveError


def structure(
    said: Mapping[str, Any], record: Mapping[str, Any], arrays: Sequence[tuple[str, zarr.Array[Any]]]
) -> Iterator[tuple[str, str]]:
    """Yield (array, what is wrong) for every level that is missing or is not what was recorded.

    Parameters
    ----------
    said : mapping
        The attributes of the group.
    record : mapping
        Ours among them.
    arrays : sequence of (str, zarr.Array)
        What is there.

    Raises
    ------
    ArchiveError
        The attributes are not of the form that OME-Zarr has.
    """
    _check_form(record)
    there = dict(arrays)
    scales = _datasets(said)
    for path in scales:
        if path not in there:
            yield path, "the array is missing"
    for level in record.get("levels", []):
        path = level["path"]
        if path not in there:
            if path not in scales:
                yield path, "the array is missing"
            continue
        array = there[path]
        found = {
            **_cut(array),
            "dtype": array.dtype.name,
            "codecs": codec_records(array),
            "transforms": scales.get(path),
        }
        for name, value in found.items():
            if name in level and level[name] != value:
                yield path, f"its {name} is {_short(value)}, but {_short(level[name])} was recorded when it was made"


def cut_otherwise(record: Mapping[str, Any], arrays: Sequence[tuple[str, zarr.Array[Any]]]) -> set[str]:
    """Return the arrays whose shape, chunks or shards are not those that were recorded: what they say that there is

    was never written, and may be more than can be looked for.
    """
    known = {level["path"]: level for level in record.get("levels", [])}
    return {
        path
        for path, array in arrays
        if any(known.get(path, {}).get(name, value) != value for name, value in _cut(array).items())
    }


def _cut(array: zarr.Array[Any]) -> dict[str, Any]:
    """How an array is cut into chunks, as JSON."""
    return {
        "shape": list(array.shape),
        "chunks": list(array.chunks),
        "shards": array.shards and list(array.shards),
    }


def levels_of(
    said: Mapping[str, Any], record: Mapping[str, Any], arrays: Sequence[tuple[str, zarr.Array[Any]]]
) -> list[tuple[str, zarr.Array[Any]]]:
    """Return the arrays that are levels of the image, the full resolution first; others were added by somebody.

    They are those that our record names, without one those that the OME attributes name, without these all.
    """
    named = [level["path"] for level in record.get("levels", [])] or list(_datasets(said))
    there = dict(arrays)
    return [(path, there[path]) for path in named if path in there] or list(arrays)


def _check_form(record: Mapping[str, Any]) -> None:
    """Refuse a record that was edited into something else than what is written."""
    levels = _entries(record, "levels")
    if not all(isinstance(level.get("path"), str) for level in levels):
        raise ArchiveError("a level in its record has no path")
    for entry in (record, *levels):
        parameters = entry.get("parameters", {})
        if not isinstance(parameters, Mapping):
            raise ArchiveError("the parameters in its record are not an object")
        measured = _entries(entry, "measured")
        numbers = [
            parameters.get("max_error"),
            *(found.get(key) for found in measured for key in ("rmse", "max_error")),
        ]
        numbers += [target.get("rmse") for target in _entries(entry, "targets")]
        if not all(number is None or isinstance(number, int | float) for number in numbers):
            raise ArchiveError("an error in its record is not a number")
        if not all(isinstance(found.get("channel"), str) and {"rmse", "max_error"} <= set(found) for found in measured):
            raise ArchiveError("the measurements in its record are incomplete")


def _entries(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    entries = record.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ArchiveError(f"{name} in its record is not a list of objects")
    return entries


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 120 else f"{text[:117]}..."


def _datasets(said: Mapping[str, Any]) -> dict[str, Any]:
    """The coordinate transformations of every level that the OME attributes name."""
    content = said.get("ome", said)
    scales = content.get("multiscales", []) if isinstance(content, Mapping) else None
    if not isinstance(scales, list) or not all(isinstance(scale, Mapping) for scale in scales):
        raise ArchiveError("its multiscales are not a list of objects")
    found = {}
    for scale in scales:
        datasets = scale.get("datasets", [])
        if not isinstance(datasets, list):
            raise ArchiveError("the datasets of its multiscales are not a list")
        for dataset in datasets:
            if not isinstance(dataset, Mapping) or not isinstance(dataset.get("path"), str):
                raise ArchiveError("a dataset of its multiscales has no path")
            found[dataset["path"]] = dataset.get("coordinateTransformations")
    return found


def broken_promises(
    record: Mapping[str, Any], arrays: Sequence[tuple[str, zarr.Array[Any]]], errors: Sequence[Sequence[ChannelError]]
) -> Iterator[tuple[str, str]]:
    """Yield (array, what is wrong) where errors are beyond a bound, or not those that were measured at the making.

    Parameters
    ----------
    record : mapping
        Of the store.
    arrays : sequence of (str, zarr.Array)
        Its levels.
    errors : sequence of sequence of ChannelError
        Measured now, by level and channel.
    """
    levels = {level["path"]: level for level in record.get("levels", [])}
    for (path, _), found in zip(arrays, errors, strict=False):
        own = levels.get(path, record)
        bound = 0.0 if own.get("method") == "lossless" else own.get("parameters", {}).get("max_error")
        recorded = own.get("measured", [])
        for error in found:
            if bound is not None and error.max_error > bound:
                yield path, f"channel {error.channel}: the error is {error.max_error}, but at most {bound} was promised"
            if error.channel < len(recorded):
                there = recorded[error.channel]
                if there["max_error"] != error.max_error or not same_rmse(there["rmse"], error.rmse):
                    now, then = (
                        f"{error.max_error} (rmse {error.rmse:.6f})",
                        f"{there['max_error']} (rmse {there['rmse']})",
                    )
                    what = f"the error is {now}, but the store says {then}: the pixels or the source were changed"
                    yield path, f"channel {error.channel}: {what}"


def same_rmse(recorded: float, measured: float) -> bool:
    """Return whether a measured rmse is the one that was recorded, to the last digit that was recorded.

    From 1 on six digits behind the point are recorded, below six that count. Sums of floats that are added in another
    order may differ by some 1e-12 of their size, which is more than that where errors are huge.
    """
    if recorded <= 0 or measured <= 0 or not math.isfinite(measured):
        return recorded == measured
    unit = 1e-6 if recorded >= 1 else 10.0 ** (math.floor(math.log10(recorded)) - 5)
    return abs(recorded - measured) <= 0.5 * unit * (1 + 1e-6) + 1e-12 * recorded
