"""The demo: a few real images become OME-Zarr, are opened lazily and looked at, beside what other codecs need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array
import matplotlib.figure
import numpy as np
import tifffile
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eval.modes import Mode, quantised, task
from zarr_neural import estimate_noise
from zarr_neural.archive import ImageReport, Options, convert, fidelity_from
from zarr_neural.zoo.classical import LosslessCodec
from zarr_neural.zoo.classical.lossless import blosc_zstd, jpegls, jpegxl, png

Image = NDArray[Any]
IMAGES = Path(__file__).with_name("images_demo")
OTHERS = (("PNG", png(6)), ("Blosc zstd", blosc_zstd(9, "bit")), ("JPEG-LS", jpegls()), ("JPEG XL effort 7", jpegxl(7)))
NOISE = 1.0
ZOOM = 160
"""Side of the part that the picture shows, in pixels: small enough to see the noise."""

INK, OURS_COLOUR, OTHERS_COLOUR = "#222222", "#0072b2", "#b0b0b0"


@dataclass(frozen=True)
class Shown:
    """One image of the demo with everything that is said about it.

    Attributes
    ----------
    name, original, decoded
        The image, and what the store of ``noise`` gives back.
    lossless, noise
        The converter's measured reports.
    sizes
        Bits per pixel by codec, in the order of the bars; ours are those named ``zarr_neural``.
    """

    name: str
    original: Image
    decoded: Image
    lossless: ImageReport
    noise: ImageReport
    sizes: dict[str, float]


def bits_per_pixel(codec: LosslessCodec, tile: Image, mode: Mode) -> float:
    """Return the size under a codec that keeps the same promise by our quantisation."""
    model = estimate_noise([tile]) if mode.kind == "noise" else None
    return 8 * len(task(codec, tile, quantised(tile, mode, model)).encode()) / tile.size


def look_at(path: Path, lossless: ImageReport, noise: ImageReport) -> Shown:
    """Open the two stores of an image lazily, read them, and code the image with the other codecs.

    Raises
    ------
    AssertionError
        If the lossless store gives back other pixels.
    """
    original = tifffile.imread(path)
    exact = dask.array.from_zarr(lossless.target, component="0")
    lazy = dask.array.from_zarr(noise.target, component="0")
    if not np.array_equal(exact.compute(), original):
        raise AssertionError(f"{path.name}: the lossless store gives back other pixels")
    sizes = {"uncompressed": 8.0 * original.dtype.itemsize}
    sizes |= {f"{name}, lossless": bits_per_pixel(codec, original, Mode("lossless")) for name, codec in OTHERS}
    sizes["zarr_neural, lossless"] = lossless.bits_per_pixel or 0
    sizes["JPEG XL effort 7, same steps"] = bits_per_pixel(jpegxl(7), original, Mode("noise", NOISE))
    sizes[f"zarr_neural, noise={NOISE:g}"] = noise.bits_per_pixel or 0
    return Shown(path.stem, original, lazy.compute(), lossless, noise, sizes)


def zoomed(image: Image) -> Image:
    """Return the middle of an image."""
    y, x = ((side - ZOOM) // 2 for side in image.shape)
    return image[max(0, y) : y + ZOOM, max(0, x) : x + ZOOM]


def draw(shown: Sequence[Shown], path: Path) -> None:
    """Draw original, decoded, difference and sizes of every image, a row each."""
    figure = matplotlib.figure.Figure(figsize=(15, 3.35 * len(shown) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"Original, what the archive gives back at noise={NOISE:g}, the difference, and the bits that each codec needs",
        fontsize=13,
        color=INK,
    )
    axes = figure.subplots(len(shown), 4, width_ratios=(1, 1, 1.1, 1.4), squeeze=False)
    for row, one in zip(axes, shown, strict=True):
        draw_pixels(row, one)
        draw_sizes(row[3], one)
    figure.savefig(path, dpi=100, format="png")


def draw_pixels(axes: Sequence[Axes], one: Shown) -> None:
    """Draw the middle of the original, of the decoded image, and of their difference in grey levels."""
    low, high = np.percentile(zoomed(one.original), (0.2, 99.8))
    difference = one.decoded.astype(int) - one.original.astype(int)
    reach = max(1, int(np.percentile(np.abs(difference), 99.9)))
    for axis, image in zip(axes, (one.original, one.decoded), strict=False):
        axis.imshow(zoomed(image), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    seen = axes[2].imshow(zoomed(difference), cmap="PuOr", vmin=-reach, vmax=reach, interpolation="nearest")
    bar = axes[2].figure.colorbar(seen, cax=axes[2].inset_axes((1.02, 0, 0.04, 1)))
    bar.ax.tick_params(labelsize=8)
    rows, columns = one.original.shape
    axes[0].set_title(f"{one.name.replace('-', ' ')}, {8 * one.original.dtype.itemsize} bit", fontsize=10)
    axes[0].set_xlabel(f"middle {ZOOM} × {ZOOM} of {rows} × {columns}", fontsize=8)
    axes[1].set_title(f"decoded, noise={NOISE:g}: {one.noise.ratio or 0:.1f} times smaller", fontsize=10)
    axes[2].set_title(f"difference in grey levels (largest {np.abs(difference).max()})", fontsize=10)
    for axis in axes[:3]:
        axis.set_xticks([])
        axis.set_yticks([])


def draw_sizes(axis: Axes, one: Shown) -> None:
    """Draw bits per pixel, ours coloured."""
    names = list(one.sizes)[::-1]
    values = [one.sizes[name] for name in names]
    colours = [OURS_COLOUR if name.startswith("zarr_neural") else OTHERS_COLOUR for name in names]
    bars = axis.barh(names, values, color=colours, height=0.72)
    axis.bar_label(bars, [f"{value:.2f}" for value in values], padding=3, fontsize=8, color=INK)
    axis.set_xlim(0, 1.14 * max(values))
    axis.set_title("bits per pixel", fontsize=10)
    axis.tick_params(axis="y", labelsize=8, length=0)
    axis.set_xticks([])
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def table(shown: Sequence[Shown]) -> Table:
    """Return the table of what was measured by reading back."""
    result = Table(title="Measured by reading back", title_justify="left")
    result.add_column("image", no_wrap=True)
    for head in ("promise", "ratio", "bits/px", "JPEG XL 7\nbits/px", "max\nerror", "PSNR\ndB"):
        result.add_column(head, justify="right")
    for one in shown:
        rows, columns = one.original.shape
        for name, promise, report, other in (
            (one.name, "lossless", one.lossless, "JPEG XL effort 7, lossless"),
            (f"{rows} × {columns} {one.original.dtype}", f"noise={NOISE:g}", one.noise, "JPEG XL effort 7, same steps"),
        ):
            result.add_row(
                name,
                promise,
                f"{report.ratio or 0:.2f}",
                f"{report.bits_per_pixel or 0:.3f}",
                f"{one.sizes[other]:.3f}",
                f"{report.max_error or 0:g}",
                "" if report.psnr_db is None else f"{report.psnr_db:.1f}",
            )
        result.add_section()
    return result


def run_demo(out: Path, console: Console, images: Sequence[Path] | None = None, picture: Path | None = None) -> Path:
    """Convert the images into `out`, print the table, draw the picture and return its path.

    Parameters
    ----------
    out
        Folder of the stores; made if need be.
    console
        Where the table goes.
    images
        TIFF files of one plane; by default those that are shipped.
    picture
        File of the picture, a PNG; by default ``demo.png`` in `out`.

    Raises
    ------
    RuntimeError
        If an image was not converted.
    """
    images = sorted(IMAGES.glob("*.tif")) if images is None else images
    out.mkdir(parents=True, exist_ok=True)
    reports = []
    for name, promise in (("lossless", fidelity_from(lossless=True)), ("noise", fidelity_from(noise=NOISE))):
        console.print(f"converting {len(images)} images to OME-Zarr, {name}")
        options = Options(fidelity=promise, overwrite=True)
        reports.append(
            [one for path in images for one in convert([path], out / name / f"{path.stem}.ome.zarr", options)]
        )
    failed = [report for each in reports for report in each if report.status == "failed"]
    if failed:
        raise RuntimeError(f"{failed[0].source}: {failed[0].error}")
    shown = [look_at(path, *pair) for path, *pair in zip(images, *reports, strict=True)]
    picture = out / "demo.png" if picture is None else picture
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw(shown, picture)
    console.print(table(shown))
    return picture
