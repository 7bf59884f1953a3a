"""Weights in the wheel are what their names say, small, and found without a folder being named."""

from pathlib import Path

import numpy as np
import pytest

from zarr_neural.zoo.autoencoders import AutoencoderCodec
from zarr_neural.zoo.weights import SHIPPED, locate, read_weights

FILES = sorted(SHIPPED.glob("*.safetensors"))
AUTOENCODERS = [path for path in FILES if read_weights(path)[1].get("format") == "zarr_neural.autoencoder.1"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:8])
def test_names_are_hashes(path: Path) -> None:
    assert locate(path.stem) == path
    assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize("path", AUTOENCODERS, ids=lambda path: path.name[:8])
def test_autoencoders_decode_what_they_coded(path: Path) -> None:
    y, x = np.mgrid[:128, :128]
    image = (120 + 60 * np.sin(y / 9) * np.sin(x / 11)).astype("u1")[None]
    codec = AutoencoderCodec(path.stem, step=0.25)
    error = codec.decode(codec.encode(image)).astype(float) - image
    assert np.sqrt(np.mean(error**2)) < 0.5 * image.std()
