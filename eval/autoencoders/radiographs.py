"""The study of radiographs from beginning to end: train, make lossless, prove it, count, validate, draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from eval.autoencoders.radiograph_images import PACKAGED_VALIDATION as PACKAGED
from eval.autoencoders.radiograph_images import Images, Radiograph, packaged, read_folder, split, windows
from eval.autoencoders.radiograph_networks import PUBLISHED_PNG_BPP, RECIPES, train_all
from eval.autoencoders.radiograph_pictures import draw_sheet
from eval.autoencoders.radiograph_sizes import Windows, measure_sizes
from eval.autoencoders.radiograph_validation import validate_all
from eval.autoencoders.tables import write_table
from eval.autoencoders.training import Recipe, Trained, write_curves
from eval.images import spread

MOST_FIXED, MOST_WATCHED = 32, 16
"""Windows whose codes make the statistics, and that the curve validates on."""
MOST_COUNTED = {"validation": 28, "training": 8}
"""Windows whose bits are counted, spread evenly over all."""


def run(
    folder: Path | None,
    out: Path,
    command: str,
    say: Callable[[str], None],
    validate: str | None = None,
    steps: int | None = None,
    recipes: tuple[Recipe, ...] = RECIPES,
) -> list[Path]:
    """Run the study and return the files written.

    Parameters
    ----------
    folder
        Of the images; None for those of pydicom-data.
    out
        Folder of tables, pictures, weights and stores.
    command
        For the heads of the tables.
    say
        Told of progress.
    validate
        Patterns of the images held out of training.
    steps
        Replaces the number of steps of each network.
    recipes
        The networks.

    Raises
    ------
    ValueError
        If the images are not what they have to be.
    """
    images = packaged() if folder is None else read_folder(folder)
    training, validation = split(images, PACKAGED if folder is None and validate is None else validate)
    parts = [_windows(part) for part in (training, validation)]
    out.mkdir(parents=True, exist_ok=True)
    say(f"{len(parts[0].images)} training and {len(parts[1].images)} validation windows")
    fixed, watched = (_some(part, most) for part, most in zip(parts, (MOST_FIXED, MOST_WATCHED), strict=True))
    trained = train_all(training, fixed.images, watched.images, out / "weights", say, steps, recipes)
    head = notes(command, training, validation, trained)
    files = [out / f"radiographs{name}.tsv" for name in ("", "-validation", "-training")]
    counted = {
        name: _some(part, most) for (name, most), part in zip(MOST_COUNTED.items(), reversed(parts), strict=True)
    }
    write_table(files[0], measure_sizes(trained, counted, out / "stores", say), head)
    write_table(files[1], validate_all(trained, parts[1]), head)
    write_curves(files[2], head, trained)
    picture = out / "radiographs.png"
    draw_sheet(trained, parts[1], picture)
    return [*files, picture]


def _windows(part: Sequence[Radiograph]) -> Windows:
    cut = [windows(image.image) for image in part]
    names = [image.name for image, of in zip(part, cut, strict=True) for _ in of]
    return Windows(np.concatenate(cut), names)


def _some(part: Windows, most: int) -> Windows:
    chosen = list(spread(len(part.names), most))
    images: Images = part.images[chosen]
    return Windows(images, [part.names[i] for i in chosen])


def notes(
    command: str, training: Sequence[Radiograph], validation: Sequence[Radiograph], trained: Sequence[Trained]
) -> list[str]:
    """Return the lines of the heads: command, images, hashes, what the columns mean."""

    def words(part: Sequence[Radiograph]) -> str:
        return "; ".join(
            f"{one.name} {one.image.shape[0]} x {one.image.shape[1]} {one.mapping}"
            f"{', once a JPEG' * one.jpeg_past} (SHA-256 {one.digest[:12]})"
            for one in part
        )

    hashes = ", ".join(f"{one.recipe.name} {one.digest}" for one in trained)
    return [
        command,
        f"training: {words(training)}",
        f"validation, whole images held out: {words(validation)}",
        "windows of 256 x 256 from the upper left corner, none overlapping; 8 bits",
        "bits per pixel of chunks in Zarr v2 stores, read back and equal to the last pixel, with header and checksums; "
        "as_published: residual, and the code as 32-bit floats, and no header; intervals: 95 %, bootstrap over windows",
        f"published: that study's figures, on other images, never measured here; its original PNG: {PUBLISHED_PNG_BPP}",
        "networks: last weights, one seed; Adam, gradients clipped at norm 1",
        f"weights (SHA-256): {hashes}",
    ]
