"""The picture of the study of radiographs: originals, decoded images and residuals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from eval.autoencoders.cell_pictures import show
from eval.autoencoders.radiograph_sizes import Windows
from eval.autoencoders.training import Trained
from eval.metrics import ms_ssim

ROWS = 3


def draw_sheet(trained: Sequence[Trained], given: Windows, path: Path) -> None:
    """Draw the validation windows with the most contrast of each third: original, decoded, residual."""
    contrast = given.images.std((1, 2))
    thirds = np.array_split(np.arange(len(contrast)), min(ROWS, len(contrast)))
    chosen = [int(part[np.argmax(contrast[part])]) for part in thirds]
    figure = matplotlib.figure.Figure(
        figsize=(1.75 * (1 + 2 * len(trained)), 2.2 * len(chosen) + 0.4), layout="constrained"
    )
    FigureCanvasAgg(figure)
    figure.suptitle("Validation windows: original, decoded, and the residual that is stored (grey is 0)", fontsize=10)
    axes = figure.subplots(len(chosen), 1 + 2 * len(trained), squeeze=False)
    for row, index in zip(axes, chosen, strict=True):
        image = given.images[index]
        low, high = np.percentile(image, (0.5, 99.5))
        show(row[0], image.astype(np.float64), low, high, given.names[index][:24])
        for k, one in enumerate(trained):
            decoded = one.model.decode(one.model.encode(image[None]))[0]
            name = one.recipe.name.removeprefix("radiographs-")
            show(row[1 + k], decoded.astype(np.float64), low, high, name, f"MS-SSIM {ms_ssim(image, decoded, 255):.3f}")
            rest = image.astype(np.float64) - decoded
            error = f"RMSE {np.sqrt(np.mean(rest**2)):.1f}"
            show(row[1 + len(trained) + k], rest, -60, 60, f"{name}: residual", error)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
