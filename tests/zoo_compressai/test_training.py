"""Training of single-channel networks: it learns, resumes to the same bytes, and starts from others."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner

from zarr_neural.cli import app
from zarr_neural.errors import ConfigurationError
from zarr_neural.zoo import FactorizedPrior3D, ZooCodec
from zarr_neural.zoo.learned.architectures import ARCHITECTURES, VOLUME
from zarr_neural.zoo.learned.grey_crops import draw_crops
from zarr_neural.zoo.learned.grey_networks import coding, file_arrays, grey_network, warm_start
from zarr_neural.zoo.learned.grey_training import GreyRecipe, train_grey
from zarr_neural.zoo.learned.library import EntropyBottleneck
from zarr_neural.zoo.learned.loop import Stage
from zarr_neural.zoo.learned.scale import GainedBottleneck, set_quality
from zarr_neural.zoo.learned.volume_crops import stacks
from zarr_neural.zoo.learned.volume_networks import VolumeFactorizedPrior
from zarr_neural.zoo.learned.wavelet_start import start_as_wavelets
from zarr_neural.zoo.weights import sha256


@dataclass(frozen=True)
class Plane:
    """A picture as the training room hands it in."""

    kind: str
    group: str
    name: str
    samples: NDArray[Any]


def planes(count: int = 3, side: int = 256) -> list[Plane]:
    """Slices of one stack, and one picture of another kind."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:side, :side]
    found = [
        Plane(
            "waves", "a", f"stack/z{z:03d}.tif#0", (500 + 200 * np.sin(x / 9 + z) + 100 * np.cos(y / 17)).astype("u2")
        )
        for z in range(count)
    ]
    noise = rng.integers(0, 60, (side, side)) + x // 4
    return [*found, Plane("noise", "b", "noise.tif#0", noise.astype("u1"))]


TINY = GreyRecipe(Stage("mse", 6, 2, 64, 1e-3), Stage("ms-ssim", 3, 1, 192, 1e-3), widths=(8, 12))


def test_the_same_file_again_also_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped after a checkpoint writes the bytes of one that was not."""
    from zarr_neural.zoo.learned import loop

    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)
    monkeypatch.setattr(loop, "LOG_STEPS", 2)
    whole = train_grey("bmshj2018-hyperprior", planes(), planes(), tmp_path / "a", tmp_path / "a.tsv", TINY)

    def stop(line: str) -> None:
        if line.startswith("mse step 4"):
            raise KeyboardInterrupt

    arguments = ("bmshj2018-hyperprior", planes(), planes(), tmp_path / "b", tmp_path / "b.tsv", TINY)
    with pytest.raises(KeyboardInterrupt):
        train_grey(*arguments, progress=stop)
    with pytest.raises(ConfigurationError, match=r"begun with .*'seed': 0.*, not with .*'seed': 1"):
        train_grey(*arguments[:-1], replace(TINY, seed=1))
    assert train_grey(*arguments) == whole
    lines = (tmp_path / "a.tsv").read_text().splitlines()
    assert (tmp_path / "b.tsv").read_text().splitlines() == lines  # what was done twice is noted once
    assert lines[0] == f"# weights {whole}"
    assert any(line.startswith("ms-ssim\t3\t\t8\t") for line in lines)


def test_the_command_trains_what_the_codec_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`zarr-neural train zoo` with its own recipe, but for the numbers of steps."""
    monkeypatch.setattr("zarr_neural.training.data.read_pictures", lambda data, sets: planes())
    monkeypatch.setattr("zarr_neural.training.lossy_crops.split", lambda pictures: (pictures, pictures))
    name = "bmshj2018-factorized"
    out, log = tmp_path / f"{name}-grey.safetensors", tmp_path / "log.tsv"
    command = ["train", "zoo", name, "--data", str(tmp_path), "--out", str(out), "--log", str(log)]
    done = CliRunner().invoke(app, [*command, "--steps", "1", "--ms-ssim-steps", "1"])
    assert done.exit_code == 0, done.output
    codec = ZooCodec(name, channels=1, weights=str(tmp_path))
    assert codec.decode(codec.encode(planes()[0].samples[:50].copy())).shape == (50, 256)
    head = log.read_text().splitlines()[:2]
    assert head[0] == f"# weights {sha256(out)}"
    assert head[1].endswith(f"{name} --data DIR --out {out.name} --log log.tsv --steps 1 --ms-ssim-steps 1")
    wrong = CliRunner().invoke(app, [*command[:2], "mbt2019", *command[3:]])
    assert wrong.exit_code == 2
    assert "no architecture 'mbt2019'" in wrong.output


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    recipe = replace(TINY, mse=replace(TINY.mse, steps=200, rate=3e-3), ms_ssim=replace(TINY.ms_ssim, steps=0))
    train_grey("bmshj2018-factorized", planes(), planes(), tmp_path / "a", tmp_path / "a.tsv", recipe)
    losses = [
        float(line.split("\t")[2])
        for line in (tmp_path / "a.tsv").read_text().splitlines()
        if line.startswith("mse") and line.split("\t")[2]
    ]
    assert len(losses) == 2
    assert losses[1] < 0.8 * losses[0]


@pytest.mark.parametrize("name", [*ARCHITECTURES, VOLUME])
def test_what_was_trained_codes(name: str, tmp_path: Path) -> None:
    """The file of a short training is found by the codec under the name of the architecture."""
    recipe = replace(TINY, widths=(8,)) if name.startswith("cheng") else TINY
    if name == VOLUME:
        recipe = GreyRecipe(
            Stage("mse", 2, 1, 96, 1e-3, window=5), Stage("ms-ssim", 1, 1, 96, 1e-3, window=5), widths=(4, 6)
        )
    recipe = replace(recipe, mse=replace(recipe.mse, steps=2), ms_ssim=replace(recipe.ms_ssim, steps=1))
    pictures = planes(8)
    out = tmp_path / f"{name}-grey.safetensors"
    train_grey(name, pictures, pictures, out, tmp_path / "log.tsv", recipe)
    chunk = np.stack([plane.samples[:40, :40] for plane in pictures[:3]])
    for metric in ("mse", "ms-ssim"):
        codec: Any = (
            FactorizedPrior3D(5, metric, str(tmp_path))
            if name == VOLUME
            else ZooCodec(name, metric, 5, 1, str(tmp_path))
        )
        assert codec.decode(codec.encode(chunk)).shape == chunk.shape


def test_a_start_copies_what_fits() -> None:
    """From the factorised prior the transforms, from cheng2020-anchor all its layers in their places among others."""
    start = grey_network("bmshj2018-factorized", (8, 12))
    network = grey_network("mbt2018", (8, 12))
    assert warm_start(network, file_arrays(start, "mse")) >= len(list(start.g_a.parameters())) * 2
    assert torch.equal(network.g_a[0][2].weight.half(), start.g_a[0][2].weight.half())
    anchor, attention = grey_network("cheng2020-anchor", (8,)), grey_network("cheng2020-attn", (8,))
    copied = warm_start(attention, file_arrays(anchor, "mse"))
    assert copied == sum(not name.endswith("quantiles") for name, _ in anchor.named_parameters())
    assert torch.equal(attention.g_s[1][9][0].weight.half(), anchor.g_s[1][7][0].weight.half())


@pytest.mark.parametrize("quality", [1, 5, 8])
def test_a_folded_density_is_the_gained_one(quality: int) -> None:
    """CompressAI's own density codes latents after their gain with the likelihood that training saw."""
    torch.manual_seed(4)
    network = grey_network("bmshj2018-factorized", (8, 12))
    set_quality(network, quality)
    gained = network.entropy_bottleneck
    assert isinstance(gained, GainedBottleneck)
    values = torch.randn(12, 1, 50) * 5
    with torch.no_grad():
        expected = gained._likelihood(values)[0]
        plain = coding(network, quality).entropy_bottleneck
        assert type(plain) is EntropyBottleneck
        torch.testing.assert_close(plain._likelihood(values)[0], expected, rtol=1e-4, atol=1e-6)


def test_crops_are_those_of_their_seed() -> None:
    first = draw_crops(planes(), 0, 5, 4, 48)
    assert first.shape == (4, 1, 48, 48)
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, draw_crops(planes(), 0, 5, 4, 48))
    assert not np.array_equal(first, draw_crops(planes(), 0, 6, 4, 48))


def test_stacks_end_where_a_slice_is_missing() -> None:
    """What follows a slice that is kept for validation is validated on alone; single pictures are no stacks."""
    pictures = [plane for plane in planes(16) if "z009" not in plane.name]
    trained, validated = stacks(pictures)
    assert [len(stack) for stack in trained] == [9]
    assert [len(stack) for stack in validated] == [6]
    with pytest.raises(ValueError, match="stack of 8 slices"):
        stacks(planes(3))


def test_unknown_architectures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no architecture 'mbt2019'"):
        train_grey("mbt2019", planes(), planes(), tmp_path / "a", tmp_path / "a.tsv")


@pytest.mark.parametrize("name", [*ARCHITECTURES, VOLUME])
def test_wavelets_are_a_good_start(name: str) -> None:
    """Untrained, what is smooth comes back from its latents; cheng2020 has no such kernels and starts at random."""
    torch.manual_seed(5)
    network = VolumeFactorizedPrior(16, 48) if name == VOLUME else grey_network(name)
    started = start_as_wavelets(network)
    assert started == (not name.startswith("cheng2020"))
    if not started:
        return
    axes = torch.meshgrid(
        *(torch.linspace(0, 3, n) for n in ((8,) if name == VOLUME else ()) + (96, 96)), indexing="ij"
    )
    x = (0.5 + 0.4 * torch.sin(sum(axes, torch.zeros(1))))[None, None]
    with torch.no_grad():
        error = (network.g_s(network.g_a(x)) - x)[..., 24:-24, 24:-24]
    assert float(error.square().mean()) < 0.06 * float(x.var())
