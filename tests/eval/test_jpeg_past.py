from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from eval.demo import IMAGES
from eval.jpeg_past import was_jpeg


def shipped() -> dict[str, NDArray[Any]]:
    return {path.stem: tifffile.imread(path) for path in sorted(IMAGES.glob("*.tif"))}


@pytest.mark.parametrize("name", shipped())
def test_images_that_ship_were_never_jpegs(name: str) -> None:
    assert not was_jpeg(shipped()[name])


@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("level", [60, 90])
def test_a_jpeg_is_found_whatever_was_cut_off(name: str, level: int) -> None:
    image = shipped()[name].astype(np.float64)
    grey = np.rint((image - image.min()) / np.ptp(image) * 255).astype(np.uint8)
    decoded = imagecodecs.jpeg_decode(imagecodecs.jpeg_encode(grey, level=level))
    assert was_jpeg(decoded)
    assert was_jpeg(decoded[3:, 5:])


def test_too_little_to_tell_counts_as_never_compressed() -> None:
    assert not was_jpeg(np.full((200, 200), 9, np.uint8))
    assert not was_jpeg(np.eye(40, dtype=np.uint8))
