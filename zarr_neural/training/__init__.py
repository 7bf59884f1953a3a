"""Where floats and torch live: pictures in, a frozen lossless model and the log of its training out.

`train_lossless` reads the pictures of `data.SETS`, draws and alters tiles (`augment`), fits the bank of linear filters
(`filters`), lets the native engine compute the inputs of the networks (`pixels`), trains the networks with quantised
weights and activations (`network`, `loss`, `loop`), and freezes them (`export`). The defaults are those of the
shipped model. The command, in `zarr_neural.cli`:

    zarr-neural train lossless --data DIR --out FILE --log FILE [--seed S] [--steps N]

The log of the shipped model, with the command that made it, is `logs/lossless.tsv`.

May import: `zarr_neural.models`, `zarr_neural._native`, torch, scipy, tifffile, imagecodecs. Nothing that reads or
writes chunks imports this room. Tests: `tests/training`.
"""

from .lossless import Recipe, train_lossless

__all__ = ["Recipe", "train_lossless"]
