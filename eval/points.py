"""Points of rate-distortion curves: one row each, written as they come and read back."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True)
class Point:
    """One image under one codec at one setting.

    Attributes
    ----------
    set, file, plane, dtype, rows, columns
        What was coded.
    data_range
        Largest minus smallest value of the image, in grey levels: the range of PSNR and SSIM.
    seen
        1 where models may have been trained on the image, else 0.
    codec, options, setting
        The codec, what was chosen for it, and the setting that was found.
    target_db
        The PSNR that was wanted; nan for a point at a low rate that is measured against the truth.
    nbytes, bits_per_pixel
        Size of the stream.
    psnr_db, rmse, max_error
        Error against the image: PSNR in dB against `data_range` (inf where lossless), the others in grey levels.
    ssim, ms_ssim, ms_ssim_scales
        Structural similarity, over one and over so many scales; nan where the image is too small.
    truth_db, truth_rmse
        Error against the mean of other exposures of the field; nan where there are none.
    encode_s, decode_s
        Processor time on one thread, in seconds.
    note
        What is unusual about the point.
    """

    set: str
    file: str
    plane: int
    dtype: str
    rows: int
    columns: int
    data_range: float
    seen: int
    codec: str
    options: str
    setting: float
    target_db: float
    nbytes: int
    bits_per_pixel: float
    psnr_db: float
    rmse: float
    max_error: float
    ssim: float
    ms_ssim: float
    ms_ssim_scales: int
    truth_db: float
    truth_rmse: float
    encode_s: float
    decode_s: float
    note: str

    @property
    def pixels(self) -> int:
        """Pixels of the image."""
        return self.rows * self.columns


COLUMNS = tuple(field.name for field in fields(Point))
EXACT = 9
"""Significant digits of figures: 1 - MS-SSIM of a good image needs them."""


class PointWriter:
    """Writes points as they come, so that an interrupted run leaves what it measured."""

    def __init__(self, file: TextIO, notes: Iterable[str]) -> None:
        self._file = file
        for note in notes:
            file.write(f"# {note}\n")
        file.write("\t".join(COLUMNS) + "\n")
        file.flush()

    def write(self, point: Point) -> None:
        """Append one point."""
        values = (f"{value:.{EXACT}g}" if isinstance(value, float) else str(value) for value in asdict(point).values())
        self._file.write("\t".join(values) + "\n")
        self._file.flush()


def read_points(path: Path) -> list[Point]:
    """Return the points of a TSV that `PointWriter` wrote.

    Raises
    ------
    ValueError
        Where the columns are not those of `Point`.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(
            (line for line in file if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path.name}: expected the columns {', '.join(COLUMNS)}, found {reader.fieldnames}")
        converters: dict[str, Callable[[str], object]] = {"str": str, "int": int, "float": float}
        kinds = {field.name: converters[str(field.type)] for field in fields(Point)}
        return [Point(**{name: kinds[name](text) for name, text in line.items()}) for line in reader]  # type: ignore[arg-type]
