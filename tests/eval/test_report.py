import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from eval.report import Row, Writer, print_summary, read, relative, total, totals


def row(name: str, codec: str, nbytes: int, speed: float, pixels: int = 1000) -> Row:
    return Row(
        set=name,
        file="f.tif",
        dtype="uint16",
        planes=1,
        tiles=1,
        pixels=pixels,
        mode="lossless",
        codec=codec,
        setting="as is",
        nbytes=nbytes,
        bits_per_pixel=8 * nbytes / pixels,
        encode_mpx_s=speed,
        decode_mpx_s=2 * speed,
        encode_all_mpx_s=math.nan,
        decode_all_mpx_s=math.nan,
        cores=2,
        largest_error=0,
    )


ROWS = [
    row("a", "jpegxl-7", 1000, 2.0),
    row("b", "jpegxl-7", 500, 2.0),
    row("a", "x", 500, 20.0),
    row("b", "x", 1000, 5.0),
]


def test_rows_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.tsv"
    with path.open("w") as file:
        writer = Writer(file, ["command: none"])
        for each in ROWS:
            writer.write(each)
    assert [str(each) for each in read(path)] == [str(each) for each in ROWS]
    path.write_text("set\tfile\n")
    with pytest.raises(ValueError, match="expected the columns"):
        read(path)


def test_a_set_counts_once_however_many_files_it_has() -> None:
    of = totals(ROWS)["lossless"]
    assert relative(of, "x", "jpegxl-7", lambda t: t.bits_per_pixel) == {"a": 0.5, "b": 2.0}
    out = io.StringIO()
    print_summary(ROWS, Console(file=out, width=140))
    line = next(line for line in out.getvalue().splitlines() if "geometric mean" in line and "│" in line)
    assert "+0.0" in line


def test_speed_of_a_set_is_pixels_over_summed_times() -> None:
    rows = [row("a", "x", 1, 1.0, pixels=3_000_000), row("a", "x", 1, 3.0, pixels=3_000_000)]
    assert total(rows).encode == pytest.approx(6 / (3 + 1))


def test_nothing_cannot_be_summed_up() -> None:
    with pytest.raises(ValueError, match="no results"):
        print_summary([])
