"""Command line of the training room: `python -m zarr_neural.training lossless --data DIR --out FILE --log FILE`."""

import argparse
import sys
from pathlib import Path

from .loop import Settings
from .lossless import Recipe, train_lossless


def main() -> None:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m zarr_neural.training")
    lossless = parser.add_subparsers(required=True).add_parser("lossless", help="train a model of path L")
    lossless.add_argument("--data", type=Path, required=True, help="directory that holds the folders of the data sets")
    lossless.add_argument("--out", type=Path, required=True, help="file of the model")
    lossless.add_argument("--log", type=Path, required=True, help="TSV file of the training curve")
    plain, settings = Recipe(), Settings()
    for name in ("tiles", "pixels", "filters", "bank_tiles"):
        lossless.add_argument("--" + name.replace("_", "-"), type=int, default=getattr(plain, name))
    for name in ("steps", "batch", "experts", "hidden1", "hidden2", "seed"):
        lossless.add_argument("--" + name, type=int, default=getattr(settings, name))
    given = parser.parse_args()
    recipe = Recipe(
        Settings(given.steps, given.batch, given.experts, given.hidden1, given.hidden2, seed=given.seed),
        given.tiles, given.pixels, given.filters, given.bank_tiles,
    )  # fmt: skip
    shown = [a.as_posix() if isinstance(a, Path) else a for a in sys.argv[1:]]
    command = "python -m zarr_neural.training " + " ".join("DIR" if a == str(given.data) else a for a in shown)
    digest = train_lossless(given.data, given.out, given.log, recipe, command=command, progress=print)
    print(f"model {digest}, {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
