"""Microscopy images that ship with the project, for the tests of several rooms."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SIDE = 160


@pytest.fixture(scope="session")
def shipped_images() -> dict[str, NDArray[Any]]:
    """The middles of shipped images, by what they are like."""
    import tifffile  # the core is tested without it

    from eval.demo import IMAGES

    def middle(name: str) -> NDArray[Any]:
        image = tifffile.imread(IMAGES / f"{name}.tif")
        y, x = ((side - SIDE) // 2 for side in image.shape)
        return np.ascontiguousarray(image[y : y + SIDE, x : x + SIDE])

    cells = middle("cells-fluorescence")
    return {
        "8 bit": cells,
        "16 bit, 600 levels": middle("yeast-brightfield"),
        "12 bit in 16": middle("plant-confocal"),
        "8 bit, 40 levels": (cells.astype(float) * 40 / 255).astype(np.uint8) + 100,
    }


@pytest.fixture(params=["8 bit", "16 bit, 600 levels", "12 bit in 16", "8 bit, 40 levels"])
def shipped_image(request: pytest.FixtureRequest, shipped_images: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Each of `shipped_images`."""
    return shipped_images[request.param]
