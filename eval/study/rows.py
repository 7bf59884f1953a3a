"""The rows of a study's TSV files: plain records, written with nine significant digits and read back."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

EXACT = 9


@dataclass(frozen=True)
class Reconstruction:
    """Phase 1: one channel of one image under one codec at one point of its setting.

    Attributes
    ----------
    image, group, channel, codec, kind, point
        What was coded and how; images of one group are alike; `point` is what was asked for, such as "40 dB",
        "0.5 bpp", "q8", "noise 1".
    setting
        The setting that was used.
    dtype, shape, pixels, damaged
        Of the channel; pixels and damaged chunks as the scan found them.
    valid
        Pixels that count in the metrics.
    data_range
        Largest minus smallest value that counts: the range of PSNR, SSIM and MS-SSIM.
    raw_nbytes, chunk_nbytes, metadata_nbytes
        Bytes of the pixels, of the chunk files and of the metadata of the array.
    bits_per_pixel, ratio, saving_percent
        Of the chunk files.
    ratio_with_metadata
        Of chunk files and metadata together.
    mse, rmse, psnr_db, ssim, ms_ssim, correlation, max_error
        On true intensities.
    mse_z, psnr_z_db, ssim_z
        As the study has it: both images z-scored by themselves, range of the decoded one, scikit-image's SSIM.
    ssim_over
        "planes" where similarities are of whole planes, "tiles" where they are means over tiles of about 2048 x 2048,
        with how many of them were measured where not all were.
    """

    image: str
    group: str
    channel: str
    codec: str
    kind: str
    point: str
    setting: float
    dtype: str
    shape: str
    pixels: int
    damaged: int
    valid: int
    data_range: float
    raw_nbytes: int
    chunk_nbytes: int
    metadata_nbytes: int
    bits_per_pixel: float
    ratio: float
    saving_percent: float
    ratio_with_metadata: float
    mse: float
    rmse: float
    psnr_db: float
    ssim: float
    ms_ssim: float
    correlation: float
    max_error: float
    mse_z: float
    psnr_z_db: float
    ssim_z: float
    ssim_over: str


@dataclass(frozen=True)
class LabelFree:
    """Phase 2: a predictor on one image under one codec at one point, for one pair of images.

    Attributes
    ----------
    image, group, codec, kind, point, bits_per_pixel
        As in `Reconstruction`, of the input channel; codec "original" for the raw input.
    predictor, architecture, trained_on
        First digits of the model file's SHA-256, what it is, and what its training input was.
    target
        Channel that it predicts.
    pair
        Which two images are compared: "decoded/raw", "decoded/truth" or "raw/truth".
    valid
        Pixels that count.
    data_range
        Range of the second image, against which `ssim` and `psnr_db` are, in its deviations.
    mse, ssim, psnr_db
        In deviations of the second image: of both predictions by its mean and deviation, which keeps errors of gain
        and offset; against the truth each z-scored by itself, since a predictor's scale is free.
    correlation
        Pearson's.
    mse_z, ssim_z, psnr_z_db
        As the study has it, see `Reconstruction`.
    """

    image: str
    group: str
    codec: str
    kind: str
    point: str
    bits_per_pixel: float
    predictor: str
    architecture: str
    trained_on: str
    target: str
    pair: str
    valid: int
    data_range: float
    mse: float
    ssim: float
    psnr_db: float
    correlation: float
    mse_z: float
    ssim_z: float
    psnr_z_db: float


@dataclass(frozen=True)
class Segmentation:
    """Phase 2: nuclei found in the decoded fluorescence against those in the raw one.

    Attributes
    ----------
    image, group, channel, codec, kind, point, bits_per_pixel
        As in `Reconstruction`.
    nuclei
        How many there are in the raw channel.
    dice, f1, count_ratio
        Overlap of the foreground; F1 of nuclei that overlap by half (intersection over union); nuclei found for each
        of the raw channel.
    """

    image: str
    group: str
    channel: str
    codec: str
    kind: str
    point: str
    bits_per_pixel: float
    nuclei: int
    dice: float
    f1: float
    count_ratio: float


Row = TypeVar("Row", Reconstruction, LabelFree, Segmentation)


def columns(kind: type[Any]) -> tuple[str, ...]:
    """Return the columns of a kind of rows."""
    return tuple(field.name for field in fields(kind))


def text_of(value: object) -> str:
    """Return a value as it stands in a TSV."""
    return f"{value:.{EXACT}g}" if isinstance(value, float) else str(value)


def write_rows(path: Path, kind: type[Any], rows: Iterable[Any], notes: Sequence[str] = ()) -> None:
    """Write rows as a TSV, with notes above them."""
    with path.open("w") as file:
        file.writelines(f"# {note}\n" for note in notes)
        file.write("\t".join(columns(kind)) + "\n")
        file.writelines("\t".join(map(text_of, asdict(row).values())) + "\n" for row in rows)


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Return the rows of a TSV that `write_rows` wrote.

    Raises
    ------
    ValueError
        Where the columns are others.
    """
    converters: dict[str, Callable[[str], object]] = {"str": str, "int": int, "float": float}
    kinds = {field.name: converters[str(field.type)] for field in fields(kind)}
    with path.open(newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        if tuple(reader.fieldnames or ()) != columns(kind):
            raise ValueError(f"{path.name}: expected the columns {', '.join(kinds)}, found {reader.fieldnames}")
        return [kind(**{name: kinds[name](text) for name, text in line.items()}) for line in reader]  # type: ignore[arg-type]
