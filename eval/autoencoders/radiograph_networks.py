"""The five networks of the study of radiographs, and how they are trained here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from eval.autoencoders.radiograph_images import SIDE, Images, Radiograph, draw_windows
from eval.autoencoders.training import Recipe, Trained, train

CHANNELS = [16, 32, 64, 128, 128, 64]
FIRST_STAGE = "radiographs-cnn-2.0"
RECIPES = (
    Recipe(
        "radiographs-ann",
        {"family": "dense", "side": SIDE, "widths": [1024, 512, 128], "slope": 0.2},
        loss="mse",
        rate=0.0005,
        steps=60,
        batch=8,
    ),
    Recipe(
        "radiographs-cnn-1.0",
        {"family": "bottleneck", "side": SIDE, "channels": CHANNELS, "code": 128, "bounded": True},
        loss="1 - ms-ssim",
        rate=0.002,
        steps=150,
        batch=4,
    ),
    Recipe(
        FIRST_STAGE,
        {"family": "bottleneck", "side": SIDE, "channels": CHANNELS, "code": 512, "bounded": True},
        loss="0.5 mse + 0.5 (1 - ms-ssim)",
        rate=0.002,
        steps=150,
        batch=4,
    ),
    Recipe(
        "radiographs-two-stage",
        {"family": "bottleneck", "side": SIDE, "channels": [8, 16, 16, 16, 32, 64], "code": 256},
        loss="1 - iou",
        rate=0.002,
        steps=100,
        batch=4,
        first=FIRST_STAGE,
    ),
    Recipe(
        "radiographs-hific",
        {"family": "generative", "side": SIDE, "channels": [16, 32, 64, 128], "code": 8, "blocks": 3},
        loss="mse",
        rate=0.001,
        steps=120,
        batch=4,
        adversarial=0.001,
        integer_codes=True,
    ),
)
"""Losses and lengths of codes are the study's, and for the first the widths, which its number of parameters tells. The
rest it does not say: rates, and the widths of the others. HiFiC was used there as its authors trained it; here a
narrow one is trained on the same radiographs as the rest, with the squared error where theirs has a perceptual one."""


@dataclass(frozen=True)
class Published:
    """What the study says of a network: bits per pixel with PNG, and its validation."""

    residual_bpp: float
    total_bpp: float
    code_bits: int
    mse: float = float("nan")
    ms_ssim: float = float("nan")
    kl: float = float("nan")
    iou: float = float("nan")


PUBLISHED_PNG_BPP = 4.641
PUBLISHED = {
    "radiographs-ann": Published(4.938, 5.000, 4096, mse=0.00526, iou=0.9813),
    "radiographs-cnn-1.0": Published(4.404, 4.467, 4096, 0.01003, 0.8027, 0.1385, 0.9640),
    "radiographs-cnn-2.0": Published(4.376, 4.627, 16384, 0.0084, 0.7826, 0.1082, 0.9686),
    "radiographs-two-stage": Published(4.442, 4.817, 24576, 0.0074, 0.5885, 0.0558, 0.5013),
    "radiographs-hific": Published(4.797, 4.941, 9424),
}
"""Never measured here: other images, of which 5,866 were at hand. The IoU of the two stages is that of the second."""


def train_all(
    training: Sequence[Radiograph],
    fixed: Images,
    validation: Images,
    folder: Path,
    say: Callable[[str], None],
    steps: int | None = None,
    recipes: tuple[Recipe, ...] = RECIPES,
) -> list[Trained]:
    """Return the trained networks.

    Parameters
    ----------
    training
        Images that windows are drawn from.
    fixed, validation
        Windows that errors are measured on.
    folder, say
        As for `train`.
    steps
        Replaces the number of steps of each.
    """
    trained: dict[str, Trained] = {}
    for asked in recipes:
        recipe = asked if steps is None else replace(asked, steps=steps)
        first = trained[recipe.first] if recipe.first else None
        draw = partial(draw_windows, training)
        trained[recipe.name] = train(recipe, draw, fixed, validation, folder, say, first)
    return list(trained.values())
