"""The three networks of the study of cell images, and how they are trained here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.autoencoders.cells import SIDE, Images
from eval.autoencoders.training import Recipe, Trained, train

RECIPES = (
    Recipe(
        "transfluor-dense",
        {"family": "dense", "side": SIDE, "widths": [2048, 2048]},
        loss="mse",
        rate=0.005,
        steps=120,
        batch=17,
    ),
    Recipe(
        "transfluor-convolutional",
        {"family": "convolutional", "side": SIDE, "channels": [32, 16, 8]},
        loss="mse",
        rate=0.005,
        steps=400,
        batch=17,
    ),
    Recipe(
        "transfluor-gan",
        {"family": "generative", "side": SIDE, "channels": [16, 32, 64], "code": 8, "blocks": 2},
        loss="mse",
        rate=0.002,
        steps=300,
        batch=17,
        adversarial=0.002,
    ),
)
"""Codes of 2048 elements, 16 x 16 x 8 and 16 x 16 x 8, rates of Adam as in the study, which does not say the rest:
widths (its figures are lost), steps, batches. The discriminator's weight beside the squared error is ours too."""


def train_all(
    training: Images,
    validation: Images,
    folder: Path,
    say: Callable[[str], None],
    steps: int | None = None,
    recipes: tuple[Recipe, ...] = RECIPES,
) -> list[Trained]:
    """Return the trained networks; `steps` replaces the number of steps of each."""

    def draw(rng: np.random.Generator, count: int) -> Images:
        return training[rng.choice(len(training), min(count, len(training)), replace=False)]

    chosen = [recipe if steps is None else replace(recipe, steps=steps) for recipe in recipes]
    return [train(recipe, draw, training, validation, folder, say) for recipe in chosen]
