"""Auto-encoders as small as they go, untrained: what codecs are tried with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SIDE = 32
NETWORKS: dict[str, dict[str, Any]] = {
    "convolutional": {"family": "convolutional", "side": SIDE, "channels": [4, 3]},
    "dense": {"family": "dense", "side": SIDE, "widths": [12, 9]},
    "bottleneck": {"family": "bottleneck", "side": SIDE, "channels": [4, 4, 4], "code": 7},
    "generative": {"family": "generative", "side": SIDE, "channels": [4, 6], "code": 2, "blocks": 1},
}
NETWORKS["two_stages"] = {"family": "two_stages", "first": NETWORKS["dense"], "second": NETWORKS["bottleneck"]}


@pytest.fixture(scope="session")
def images() -> NDArray[np.uint8]:
    """Six images (6, 32, 32) of bands and noise."""
    bands = np.add.outer(np.arange(6), np.add.outer(np.arange(SIDE), 3 * np.arange(SIDE))) % 97
    noise = np.random.default_rng(3).normal(60, 8, bands.shape)
    return np.clip(bands + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, images: NDArray[np.uint8]) -> Callable[[str], str]:
    """From the name of a network to the path of its random weights; statistics are those of two images."""
    import torch  # where torch is not, as in the tests of the core, this folder is not tested

    from zarr_neural.zoo.autoencoders.codes import Statistics, classes_by_spread, statistics_of
    from zarr_neural.zoo.autoencoders.model import Model, save
    from zarr_neural.zoo.autoencoders.networks import build

    folder: Path = tmp_path_factory.mktemp("weights")

    def made(name: str) -> str:
        path = folder / f"{name}.safetensors"
        if not path.exists():
            torch.manual_seed(1)
            network = build(NETWORKS[name]).eval().requires_grad_(False)
            elements = int(np.prod(network.code_shape))
            codes = Model(network, Statistics(np.zeros(elements, "i4"), np.zeros((1, 1), "f4")), {}).encode(images[:2])
            classes = classes_by_spread(codes, 4)
            if len(network.code_shape) == 3:
                classes = np.repeat(np.arange(network.code_shape[0], dtype="i4"), elements // network.code_shape[0])
            save(path, NETWORKS[name], Model(network, statistics_of(codes, classes), {}))
        return str(path)

    return made
