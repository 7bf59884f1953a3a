"""Prediction over dask arrays equals that of the whole image, wherever it runs."""

import pickle
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster

from eval import predictors
from eval.predictors.architectures import ARCHITECTURES, architecture_of
from eval.predictors.model_file import Description, write_model
from eval.predictors.networks import FNet
from eval.predictors.predictor import network_of, predict_whole, tile_sides
from eval.predictors.training import arrays_of


def random_model(path: Path, architecture: str, width: int = 4) -> predictors.Predictor:
    """A model with random weights and running means far from those of fresh layers."""
    torch.manual_seed(5)
    network = FNet(architecture_of(architecture).ndim, width, architecture_of(architecture).depth)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith(("running_mean", "bias")) or (value.ndim == 1 and name.endswith("weight")):
                value.add_(0.2 * torch.randn(value.shape))
    description = Description(
        architecture, width, "brightfield", "nuclei", "raw", ("a", "b"), ("c",), ("d",), "by group", "", 1, 1, 0, ""
    )  # fmt: skip
    write_model(path, arrays_of(network.state_dict()), description)
    return predictors.load(path)


@pytest.fixture(scope="module")
def planes_model(tmp_path_factory: pytest.TempPathFactory) -> predictors.Predictor:
    return random_model(tmp_path_factory.mktemp("model") / "model.safetensors", "fnet2d")


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return np.random.default_rng(3).integers(200, 4000, (411, 530)).astype(np.uint16)


def test_says_what_it_is(planes_model: predictors.Predictor) -> None:
    """A predictor tells everything that a table needs to know."""
    found = planes_model
    assert (found.architecture, found.ndim, found.trained_on) == ("fnet2d", 2, "raw")
    assert (found.input_name, found.target_name, found.groups) == ("brightfield", "nuclei", ("a", "b"))
    assert len(found.id) == 64


@pytest.mark.parametrize("chunks", [(64, 64), (411, 530), (100, 257)])
def test_tiles_give_the_whole(planes_model: predictors.Predictor, plane: np.ndarray, chunks: tuple[int, int]) -> None:
    """Whatever the chunks and tiles, the prediction is that of the whole plane: there are no seams."""
    low, high = predictors.normalisation(da.from_array(plane))
    whole = predict_whole(planes_model, plane, low, high)
    lazy = planes_model.predict(da.from_array(plane, chunks=chunks), low, high, tile=128)
    assert lazy.numblocks == (3, 4)
    assert (lazy.shape, lazy.dtype) == (plane.shape, np.float32)
    np.testing.assert_allclose(lazy.compute(), whole, atol=2e-5 * np.ptp(whole))
    assert np.ptp(whole) > 0.01


def test_a_smaller_overlap_would_show(planes_model: predictors.Predictor, plane: np.ndarray) -> None:
    """The overlap is needed: without it the network sees the cut."""
    low, high = predictors.normalisation(da.from_array(plane))
    whole = predict_whole(planes_model, plane, low, high)
    cut = 256 + architecture_of("fnet2d").halo
    enough = predict_whole(planes_model, plane[:, :cut], low, high)[:, :256]
    np.testing.assert_allclose(enough, whole[:, :256], atol=2e-5 * np.ptp(whole))
    little = predict_whole(planes_model, plane[:, :256], low, high)
    assert np.abs(little - whole[:, :256]).max() > 0.05 * np.ptp(whole)


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_halo_is_what_a_sample_sees(name: str) -> None:
    """No input beyond the halo changes an output: the gradient of one output ends within it."""
    architecture = architecture_of(name)
    torch.manual_seed(1)
    network = FNet(2, 2, architecture.depth).double().eval()  # 3-D levels reach as far along each axis
    for parameter in network.parameters():
        parameter.data.abs_()  # nothing cancels, and no ReLU is shut
    middle, size = 2 * architecture.halo, 4 * architecture.halo
    given = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    network(given)[0, 0, middle, middle].backward()
    assert given.grad is not None
    seen = torch.nonzero(given.grad[0, 0].abs().sum(0)).flatten()
    reach = max(middle - int(seen[0]), int(seen[-1]) - (middle + architecture.cell - 1))
    assert architecture.halo - architecture.cell < reach <= architecture.halo


def test_tiles_of_a_volume_give_the_whole(tmp_path: Path) -> None:
    """Volumes are cut in all axes and predicted as in one piece."""
    predictor = random_model(tmp_path / "volume.safetensors", "fnet3d", 2)
    volume = np.random.default_rng(4).integers(0, 255, (13, 100, 150)).astype(np.uint8)
    low, high = predictors.normalisation(da.from_array(volume))
    lazy = predictor.predict(da.from_array(volume, chunks=(4, 64, 64)), low, high, tile=(64, 48, 48))
    assert lazy.shape == volume.shape
    assert lazy.numblocks == (1, 2, 3)
    np.testing.assert_allclose(lazy.compute(), predict_whole(predictor, volume, low, high), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (96, 97), (193, 5)])
def test_any_size(planes_model: predictors.Predictor, shape: tuple[int, int]) -> None:
    """Planes smaller than a cell, and thin ones, are predicted."""
    plane = np.full(shape, 7, np.uint8)
    plane[0, 0] = 9
    predicted = planes_model.predict(da.from_array(plane), *predictors.normalisation(da.from_array(plane)), tile=96)
    assert predicted.compute().shape == shape
    assert np.isfinite(predicted.compute()).all()


@pytest.mark.parametrize("size", [1, 15, 16, 95, 96, 97, 500, 769, 1000, 76033])
@pytest.mark.parametrize("largest", [16, 96, 768])
def test_tile_sides(size: int, largest: int) -> None:
    """Tiles fill the axis, begin on cells, and none but a single one is smaller than the overlap."""
    architecture = architecture_of("fnet2d")
    sides = tile_sides(size, largest, architecture)
    assert sum(sides) == size
    assert all(side % architecture.cell == 0 for side in sides[:-1])
    assert len(sides) == 1 or min(sides) >= architecture.halo
    assert max(sides) <= max(largest, architecture.halo) + architecture.halo


def test_only_the_tiles_asked_for_are_computed(planes_model: predictors.Predictor) -> None:
    """Prediction is lazy: a corner of a large plane reads the chunks of its tiles alone."""
    read = []

    def chunk(block_info: dict = None) -> np.ndarray:  # noqa: RUF013 # dask looks for this form
        read.append(block_info[None]["chunk-location"])
        return np.zeros((128, 128), np.uint16)

    plane = da.map_blocks(chunk, chunks=((128,) * 40, (128,) * 40), dtype=np.uint16, meta=np.empty((0, 0), np.uint16))
    corner = planes_model.predict(plane, 0.0, 1.0, tile=128)[:10, :10]
    assert not read
    corner.compute(scheduler="synchronous")
    assert set(read) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_processes_give_the_same(planes_model: predictors.Predictor, plane: np.ndarray) -> None:
    """A predictor travels as configuration; another process reads the weights itself."""
    assert len(pickle.dumps(planes_model)) < 2000
    assert pickle.loads(pickle.dumps(planes_model)) == planes_model
    lazy = planes_model.predict(da.from_array(plane[:200, :200], chunks=100), 1000.0, 3000.0, tile=112)
    here = lazy.compute(scheduler="threads")
    with dask.config.set({"multiprocessing.context": "spawn"}):
        there = lazy.compute(scheduler="processes", num_workers=1)
    np.testing.assert_array_equal(here, there)


def test_decoded_images_are_normalised_as_raw_ones(planes_model: predictors.Predictor, plane: np.ndarray) -> None:
    """An error of gain shows in the prediction, because the numbers are those of the raw image."""
    low, high = predictors.normalisation(da.from_array(plane))
    raw = planes_model.predict(da.from_array(plane), low, high).compute()
    brighter = planes_model.predict(da.from_array(plane + 500), low, high).compute()
    assert np.abs(raw - brighter).max() > 1e-3


def test_normalisation_leaves_padding_out(plane: np.ndarray) -> None:
    """Zero borders of registered images do not change the numbers."""
    padded = np.pad(plane, ((0, 30), (10, 0)))
    np.testing.assert_allclose(
        predictors.normalisation(da.from_array(padded)), plane.mean() + plane.std() * np.r_[-1, 1]
    )
    assert predictors.normalisation(da.zeros((5, 5))) == (-1.0, 1.0)


def test_refusals(planes_model: predictors.Predictor, tmp_path: Path) -> None:
    """Other axes, empty ranges, foreign and exchanged files are refused in words."""
    with pytest.raises(ValueError, match=r"fnet2d predicts images with axes \(Y, X\), found shape \(3, 4, 4\)"):
        planes_model.predict(da.zeros((3, 4, 4)), 0.0, 1.0)
    with pytest.raises(ValueError, match="high must exceed low"):
        planes_model.predict(da.zeros((4, 4)), 1.0, 1.0)
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match="is no model of label-free prediction"):
        predictors.load(foreign)
    with pytest.raises(FileNotFoundError):
        predictors.load(tmp_path / "absent.safetensors")
    exchanged = random_model(tmp_path / "exchanged.safetensors", "fnet2d", 3)
    random_model(tmp_path / "exchanged.safetensors", "fnet2d", 2)
    with pytest.raises(ValueError, match="expected " + exchanged.id):
        network_of(exchanged)


def test_a_distributed_scheduler_gives_the_same(planes_model: predictors.Predictor, plane: np.ndarray) -> None:
    """The graph runs on the workers of a distributed scheduler."""
    lazy = planes_model.predict(da.from_array(plane[:200, :200], chunks=100), 1000.0, 3000.0, tile=112)
    here = lazy.compute(scheduler="synchronous")
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        there = client.compute(lazy).result()
    np.testing.assert_array_equal(here, there)
