"""What replaces CompressAI's loops does what they do."""

from pathlib import Path

import numpy as np
import pytest
import torch

from zarr_neural.zoo.learned.grey_networks import coding, grey_network
from zarr_neural.zoo.learned.library import GaussianConditional
from zarr_neural.zoo.learned.speedups import bucketized_indexes, speed_up
from zarr_neural.zoo.weights import read_weights


def test_bucketized_indexes_are_compressais() -> None:
    """Below, on, between and above all thresholds, and where no number is."""
    conditional = GaussianConditional(None)
    conditional.update_scale_table(torch.exp(torch.linspace(np.log(0.11), np.log(256), 64)).tolist())
    table = conditional.scale_table
    near = torch.cat([table, torch.nextafter(table, table * 2), torch.nextafter(table, table * 0)])
    random = torch.exp(6 * torch.randn(100_000, generator=torch.Generator().manual_seed(1)))
    edge = torch.tensor([0.0, -1.0, 0.11, 1e-30, 1e30, torch.inf, -torch.inf, torch.nan])
    scales = torch.cat([near, random, edge])[None, :, None]
    found = bucketized_indexes(conditional, scales)
    expected = GaussianConditional.build_indexes(conditional, scales)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ["mbt2018", "cheng2020-anchor", "mbt2018-mean"])
def test_streams_and_samples_are_those_of_the_slow_loops(name: str, folder: Path) -> None:
    """The same streams from both, and the same samples back."""
    arrays, _ = read_weights(folder / f"{name}-grey.safetensors")
    from zarr_neural.zoo.learned.grey_networks import load

    widths = (8,) if name.startswith("cheng") else (8, 12)
    slow, fast = (coding(load(grey_network(name, widths), arrays, "mse"), 7) for _ in range(2))
    speed_up(fast)
    x = torch.rand(1, 1, 128, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        ours, theirs = fast.compress(x), slow.compress(x)
        assert ours["strings"] == theirs["strings"]
        found = fast.decompress(ours["strings"], ours["shape"])["x_hat"]
        assert torch.equal(found, slow.decompress(theirs["strings"], theirs["shape"])["x_hat"])
