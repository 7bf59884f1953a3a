"""Results as TSV, and the tables that sum them up: size and speed relative to JPEG XL effort 7, set by set."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from eval.lossless_codecs import BASELINE


@dataclass(frozen=True)
class Row:
    """One file under one codec in one mode.

    Attributes
    ----------
    set, file
        Data set and image file.
    dtype, planes, tiles, pixels
        What was coded: dtype of the file, number of its planes that were measured, tiles and pixels in them.
    mode
        ``lossless``, ``max_error=k`` or ``noise=q``.
    codec, setting
        The codec and its setting in words.
    nbytes
        Sum of the sizes of all tiles' streams.
    bits_per_pixel
        8 `nbytes` / `pixels`.
    encode_mpx_s, decode_mpx_s
        Million pixels per second of processor time, on one core.
    encode_all_mpx_s, decode_all_mpx_s, cores
        The same in wall time over a pool of threads on that many cores; nan where it was not measured.
    largest_error
        Largest difference between a decoded and an original pixel, in grey levels: checked against the promise.
    """

    set: str
    file: str
    dtype: str
    planes: int
    tiles: int
    pixels: int
    mode: str
    codec: str
    setting: str
    nbytes: int
    bits_per_pixel: float
    encode_mpx_s: float
    decode_mpx_s: float
    encode_all_mpx_s: float
    decode_all_mpx_s: float
    cores: int
    largest_error: int


COLUMNS = tuple(field.name for field in fields(Row))


class Writer:
    """Writes rows as they come, so that an interrupted run leaves what it measured."""

    def __init__(self, file: TextIO, notes: Iterable[str]) -> None:
        self._file = file
        for note in notes:
            file.write(f"# {note}\n")
        file.write("\t".join(COLUMNS) + "\n")

    def write(self, row: Row) -> None:
        """Append one row."""
        values = (f"{value:.5g}" if isinstance(value, float) else str(value) for value in asdict(row).values())
        self._file.write("\t".join(values) + "\n")
        self._file.flush()


def read(path: Path) -> list[Row]:
    """Return the rows of a TSV that `Writer` wrote.

    Raises
    ------
    ValueError
        Where the columns are not those of `Row`.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t")
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path.name}: expected the columns {', '.join(COLUMNS)}, found {reader.fieldnames}")
        converters: dict[str, Callable[[str], object]] = {"str": str, "int": int, "float": float}
        kinds = {field.name: converters[str(field.type)] for field in fields(Row)}
        return [Row(**{name: kinds[name](text) for name, text in line.items()}) for line in reader]  # type: ignore[arg-type]


@dataclass(frozen=True)
class Total:
    """One codec over one set in one mode: bits per pixel, and speeds in Mpixel/s as pixels over summed times."""

    bits_per_pixel: float
    encode: float
    decode: float
    encode_all: float
    decode_all: float


def total(rows: Sequence[Row]) -> Total:
    """Return the sums over the files of one set."""
    pixels = sum(row.pixels for row in rows)

    def speed(of: Callable[[Row], float]) -> float:
        return pixels / sum(row.pixels / of(row) for row in rows)

    return Total(
        8 * sum(row.nbytes for row in rows) / pixels,
        speed(lambda row: row.encode_mpx_s),
        speed(lambda row: row.decode_mpx_s),
        speed(lambda row: row.encode_all_mpx_s),
        speed(lambda row: row.decode_all_mpx_s),
    )


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean, nan of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


Totals = dict[tuple[str, str], Total]


def totals(rows: Iterable[Row]) -> dict[str, Totals]:
    """Return, per mode, the totals by (set, codec)."""
    grouped: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.mode, row.set, row.codec].append(row)
    result: dict[str, Totals] = defaultdict(dict)
    for (mode, name, codec), members in grouped.items():
        result[mode][name, codec] = total(members)
    return dict(result)


def relative(of: Totals, codec: str, baseline: str, value: Callable[[Total], float]) -> dict[str, float]:
    """Return value(codec) / value(baseline) for every set that has both."""
    sets = [name for name, c in of if c == codec and (name, baseline) in of]
    return {name: value(of[name, codec]) / value(of[name, baseline]) for name in sets}


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _percent(ratio: float) -> str:
    text = f"{100 * (ratio - 1):+.1f}"
    return f"[green]{text}[/green]" if ratio < 1 else text


def size_table(mode: str, of: Totals, baseline: str) -> Table:
    """Return the table of sizes: bits per pixel of the baseline, and percent more or less of the others.

    Our codec that checks itself while encoding is left out: it writes the same bytes.
    """
    codecs = _unique(codec for _, codec in of if codec != baseline and not codec.endswith("-verify"))
    table = Table(title=f"{mode}: size, % more (+) or less (−) than {baseline}", title_justify="left")
    table.add_column("set", no_wrap=True)
    table.add_column(f"{baseline}\nbits/px", justify="right")
    for codec in codecs:
        table.add_column(codec.replace("-", "\n", 1).replace("_", "_\n"), justify="right", no_wrap=True)
    ratios = {codec: relative(of, codec, baseline, lambda t: t.bits_per_pixel) for codec in codecs}
    for name in _unique(name for name, _ in of):
        cells = [_percent(ratios[codec][name]) if name in ratios[codec] else "" for codec in codecs]
        bits = f"{of[name, baseline].bits_per_pixel:.3f}" if (name, baseline) in of else ""
        table.add_row(name, bits, *cells)
    table.add_section()
    table.add_row("geometric mean", "", *(_percent(geometric_mean(ratios[codec].values())) for codec in codecs))
    table.add_row("worst set", "", *(_percent(max(ratios[codec].values(), default=math.nan)) for codec in codecs))
    return table


def speed_table(mode: str, of: Totals, baseline: str) -> Table:
    """Return the table of speeds: Mpixel/s and times the baseline, geometric means over the sets."""
    table = Table(title=f"{mode}: speed, Mpixel/s, geometric mean over sets", title_justify="left")
    table.add_column("codec", no_wrap=True)
    for head in ("encode", "decode"):
        table.add_column(f"{head}\none core", justify="right")
        table.add_column(f"× {baseline}", justify="right")
    table.add_column("encode\nall cores", justify="right")
    table.add_column("decode\nall cores", justify="right")
    for codec in _unique(codec for _, codec in of):
        mine = [t for (_, c), t in of.items() if c == codec]

        def mean(value: Callable[[Total], float], mine: list[Total] = mine) -> str:
            result = geometric_mean(value(t) for t in mine)
            return "" if math.isnan(result) else f"{result:.1f}"

        def times(value: Callable[[Total], float], codec: str = codec) -> str:
            return f"{geometric_mean(relative(of, codec, baseline, value).values()):.2f}"

        table.add_row(
            codec,
            mean(lambda t: t.encode),
            times(lambda t: t.encode),
            mean(lambda t: t.decode),
            times(lambda t: t.decode),
            mean(lambda t: t.encode_all),
            mean(lambda t: t.decode_all),
        )
    return table


def print_summary(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print the two tables of every mode."""
    if not rows:
        raise ValueError("there are no results to sum up")
    console = console or Console()
    if console.width < 140 and not console.is_terminal:
        console = Console(width=140, file=console.file)
    for mode, of in totals(rows).items():
        codecs = _unique(codec for _, codec in of)
        baseline = BASELINE if BASELINE in codecs else codecs[0]
        console.print(size_table(mode, of, baseline))
        console.print(speed_table(mode, of, baseline))
