"""Small random weights of every architecture, one channel and three, in files as the codecs look for them."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch

from zarr_neural.zoo.learned import library
from zarr_neural.zoo.learned.architectures import ARCHITECTURES, METRICS, VOLUME
from zarr_neural.zoo.learned.grey_networks import CLASSES, file_arrays, grey_network
from zarr_neural.zoo.learned.volume_networks import VolumeFactorizedPrior
from zarr_neural.zoo.learned.weights import grey_file_name
from zarr_neural.zoo.weights import write_weights

torch.set_num_threads(1)  # small networks: threads would wait for one another longer than they work


def small(name: str) -> tuple[int, ...]:
    """Widths of a network that is quick and codes nothing well."""
    return (8,) if name.startswith("cheng2020") else (8, 12)


def livelier(network: Any) -> Any:
    """Let latents of untrained networks differ from zero."""
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key.startswith("g_a") and key.endswith("weight"):
                parameter *= 2
    return network


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights: grey ones of all architectures, and those of volumes."""
    path = tmp_path_factory.mktemp("weights")
    for number, name in enumerate((*ARCHITECTURES, VOLUME)):
        arrays = {}
        for metric in METRICS:
            torch.manual_seed(number)
            network = VolumeFactorizedPrior(4, 6) if name == VOLUME else grey_network(name, small(name))
            arrays |= file_arrays(livelier(network), metric)
        write_weights(path / grey_file_name(name), arrays, {"architecture": name})
    return path


@pytest.fixture(scope="session")
def rgb_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files as CompressAI publishes them, of small networks, named with the first digits of their own hash."""
    folder = tmp_path_factory.mktemp("rgb")
    files = {}
    for number, name in enumerate(ARCHITECTURES):
        torch.manual_seed(number)
        network = livelier(CLASSES[name](*small(name)))
        network.update()
        path = folder / "weights"
        torch.save(network.state_dict(), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files[name] = path.rename(folder / f"{name}-1-{digest[:8]}.pth.tar")
    return files


@pytest.fixture
def published(rgb_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The small files, in place of those that CompressAI publishes at quality 1."""
    for name, path in rgb_files.items():
        for metric in METRICS:
            monkeypatch.setitem(library.model_urls[name][metric], 1, f"https://example.org/{path.name}")
    return rgb_files
