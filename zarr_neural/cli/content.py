"""What `inspect` found, in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from zarr_neural.archive.provenance import KEY
from zarr_neural.cli.terminal import cell, megabytes, number, print_table, say, times

_OURS = "zarr_neural.v1"
_PLAIN = "no compression"


def print_content(content: dict[str, Any]) -> None:
    """Print what `inspect_path` found: a sentence first, then the arrays, what was lost, and notes."""
    if content["kind"] == "folder":
        _print_folder(content)
    elif content["kind"] == "chunk":
        _print_chunk(content)
    else:
        say(f"{content['path']}: {sentence(content)}")
        print_table(_arrays(content["arrays"]))
        record = _record(content)
        if record.get("measured"):
            print_table(_channels(record["measured"], record.get("targets") or []))
        for note in record.get("notes") or []:
            say(f"Note: {note}")


def sentence(content: dict[str, Any]) -> str:
    """Return what a store is in one sentence, such as "A lossless OME-Zarr 0.5 image of 3 channels, ..."."""
    if content["kind"] == "unreadable":
        return f"It cannot be read: {content['error']}."
    arrays = content["arrays"]
    if not arrays:
        return "A Zarr group without arrays."
    first = arrays[0]
    record = _record(content)
    how = {"lossless": "A lossless", None: "A"}.get(record.get("method"), "A lossy")
    ours = any(_name(codec) == _OURS for codec in first["codecs"])
    if "ome_version" in content:
        what = f"{how} OME-Zarr {content['ome_version']} {'label image' if record.get('labels') else 'image'}"
        channels = dict(zip(record.get("axes") or "", first["shape"], strict=False)).get("c", 1)
        what += f" of {channels} channels" if channels > 1 else ""
        rest = f"in {len(arrays)} levels" if len(arrays) > 1 else "in one level, without overviews"
    else:
        what = f"A Zarr v{content['zarr_format']} {'array' if content['kind'] == 'array' else 'group'}"
        rest = "not marked as an OME-Zarr image" + (f", {len(arrays)} arrays" if len(arrays) > 1 else "")
    words = _codec_words(first["codecs"])
    coded = "" if ours else ", not compressed" if words == _PLAIN else f", coded with {words} and not by zarr-neural"
    ratio = f", ratio {number(first['ratio'])} at full resolution" if first["ratio"] else ""
    return f"{what}, {times(first['shape'])} {first['dtype']}, {rest}, {megabytes(content['nbytes'])}{ratio}{coded}."


def _record(content: dict[str, Any]) -> dict[str, Any]:
    """Our record in the attributes, empty where it is missing or was edited into something else."""
    record = content.get(KEY)
    return record if isinstance(record, dict) else {}


def _print_folder(content: dict[str, Any]) -> None:
    stores = content["stores"]
    for store in stores:
        say(f"{store['path']}: {sentence(store)}")
    read = [store for store in stores if store["kind"] != "unreadable"]
    faults = f", {len(stores) - len(read)} cannot be read" if len(read) < len(stores) else ""
    say(f"{len(stores)} store{'s' if len(stores) != 1 else ''}{faults}, {megabytes(sum(s['nbytes'] for s in read))}.")


def _print_chunk(content: dict[str, Any]) -> None:
    say(f"{content['path']}: a chunk of zarr_neural.v1.")
    for name, value in content.items():
        if name not in ("kind", "path"):
            say(f"  {name}: {value}")


def _arrays(arrays: Sequence[dict[str, Any]]) -> Table:
    """One line per array: how it is cut, coded, and how large it is."""
    names = ("array", "shape", "dtype", "chunk", "shard", "codec", "on disk", "ratio", "bit/pixel")
    table = Table(*names, box=box.SIMPLE_HEAD)
    for array in arrays:
        table.add_row(
            cell(array["path"]),
            times(array["shape"]),
            array["dtype"],
            times(array["chunks"]),
            "" if array["shards"] is None else times(array["shards"]),
            cell(_codec_words(array["codecs"])),
            megabytes(array["stored_nbytes"]),
            number(array["ratio"]),
            number(array["bits_per_pixel"]),
        )
    return table


def _name(codec: dict[str, Any]) -> str:
    return str(codec.get("name") or codec.get("id"))


def _codec_words(codecs: Sequence[dict[str, Any]]) -> str:
    """The codecs of an array, such as "blosc (zstd)", or "no compression"."""
    words = []
    for codec in codecs:
        inner = codec.get("configuration", codec)
        more = inner.get("cname") if isinstance(inner, dict) else None
        words.append(_name(codec) + (f" ({getattr(more, 'value', more)})" if more else ""))
    return ", ".join(words) if words and words != ["bytes"] else _PLAIN


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
