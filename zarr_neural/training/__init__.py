"""Where floats and torch live: pictures in, a frozen model, lossless or lossy, and the log of its training out.

`train_lossless` reads the pictures of `data.SETS`, draws and alters tiles (`augment`), fits the bank of linear filters
(`filters`), lets the native engine compute the inputs of the networks (`pixels`), trains the networks with quantised
weights and activations (`network`, `loss`, `loop`), and freezes them (`export`). The defaults are those of the
shipped model. The command, in `zarr_neural.cli`:

    zarr-neural train lossless --data DIR --out FILE --log FILE [--seed S] [--steps N]

`train_lossy` does the same for path Y, in rounds: crops with a quantiser step each (`lossy_crops`) are coded with the
model of the round before (`lossy_coefficients`), networks and tables learn from what came out (`lossy_loop`,
`lossy_loss`, `lossy_tables`), and are frozen and checked (`lossy_export`). Gains of the bands come from norms
(`lossy_gains`) or from a search (`lossy_tuning`). `lossy_validation` compares models on pictures never trained on.

    zarr-neural train lossy --data DIR --out FILE --log FILE [--preset fast|dense] [--loss mse|ms-ssim] [--seed S]
    python -m zarr_neural.training.lossy_validation DIR MODEL...

Logs of shipped models, with the commands that made them, are in `logs/`.

May import: `zarr_neural.models`, `zarr_neural._native`, torch, scipy, tifffile, imagecodecs. Nothing that reads or
writes chunks imports this room. Tests: `tests/training`.
"""

from .lossless import Recipe, train_lossless
from .lossy import LossyRecipe, train_lossy

__all__ = ["LossyRecipe", "Recipe", "train_lossless", "train_lossy"]
