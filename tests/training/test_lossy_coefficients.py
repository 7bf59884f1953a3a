"""What path Y's networks learn from: norms, steps, crops, coefficients, and the integers that come of them."""

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.models.lossy_contract import validate_lossy
from zarr_neural.training.data import Picture
from zarr_neural.training.lossy_coefficients import NETWORKS, Coefficients, collect, engine, first_guess
from zarr_neural.training.lossy_crops import Crop, draw_crop, is_validation, split
from zarr_neural.training.lossy_export import check, freeze, integer_bits
from zarr_neural.training.lossy_gains import LOWPASS, band_norms, join, norm_gains, step_for
from zarr_neural.training.lossy_loop import LossyTrainer, Settings


def synthesis(level: int, band: int, side: int = 256) -> np.ndarray:
    """Return the plane (side, side) that a coefficient 1 in the middle of a band is, in float64."""
    grid = np.zeros((side >> level, side >> level))
    bands = [np.zeros_like(grid) for _ in range(3)]
    bands[band][grid.shape[0] // 2, grid.shape[0] // 2] = 1
    for _ in range(level):
        low = np.stack([join(LOWPASS * s, d) for s, d in zip(grid.T, bands[1].T, strict=True)], 1)
        high = np.stack([join(s, d) for s, d in zip(bands[0].T, bands[2].T, strict=True)], 1)
        grid = np.stack([join(s, d) for s, d in zip(low, high, strict=True)])
        bands = [np.zeros_like(grid) for _ in range(3)]
    return grid


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("band", [0, 1, 2])
def test_norms(level: int, band: int) -> None:
    """The norms of one line each way make those of the plane."""
    plane = synthesis(level, band)
    assert np.linalg.norm(plane) == pytest.approx(band_norms()[level - 1, band], rel=1e-3)


@pytest.mark.parametrize(("level", "band"), [(1, 0), (1, 2), (2, 1), (3, 0)])
def test_steps_are_those_of_the_engine(level: int, band: int) -> None:
    """A plane that is one coefficient's synthesis, of size A, has for the engine a coefficient of A * norm steps."""
    plane = synthesis(level, band)
    size = 20000 / np.abs(plane).max()
    samples = np.rint(32768 + size * plane).astype(np.uint16)
    width = 300.0
    found = _native.transform_coefficients(engine(first_guess()), samples, 65535, step_for(width, 65535), 0, 0.25)
    here = found["network"] // 4 == (level - 1) * 3 + band
    expected = size * band_norms()[level - 1, band] / width
    assert np.abs(found["target"][here]).max() == pytest.approx(expected, rel=0.01)
    assert np.abs(found["target"][~here]).max() < 0.01 * expected


def test_equal_errors() -> None:
    """With the gains of the norms, an error of quantisation costs the same in every band."""
    steps = np.exp2(norm_gains()[0] / 64) * band_norms()
    np.testing.assert_allclose(steps, 1, rtol=0.01)


def test_split(pictures: list[Picture]) -> None:
    """Constant and held-out pictures are used for nothing; named groups and files only to validate."""
    trained, validation = split(pictures)
    assert [p.name for p in trained] == [p.name for p in validation] == ["dim 0", "bright 1"]
    named = Picture("em", "c_elegans_em", "x/c_elegans_em_z0010.tif#0", False, pictures[0].samples)
    assert is_validation(named)
    trained, validation = split([*pictures, named])
    assert validation == [named]
    assert len(trained) == 2


def test_crops(pictures: list[Picture]) -> None:
    """Kinds take turns; a number always gives the same crop, in range and with a step that the format has."""
    trained, _ = split(pictures)
    for number in range(20):
        crop, again = (draw_crop(trained, 1, number, 0.5) for _ in range(2))
        assert crop is not None
        assert again is not None
        assert crop.kind.rstrip("+") == ("bright", "dim")[number % 2]
        assert crop.step == again.step
        np.testing.assert_array_equal(crop.samples, again.samples)
        assert crop.samples.max() == crop.top
        assert 0 <= crop.step <= 2047


def test_first_guess_is_a_model() -> None:
    """What rounds begin with fulfils the contract."""
    validate_lossy(first_guess())


@pytest.fixture(scope="module")
def crops(pictures: list[Picture]) -> list[Crop]:
    trained, _ = split(pictures)
    drawn = [draw_crop(trained, 5, number, 0.5) for number in range(10)]
    return [crop for crop in drawn if crop is not None]


@pytest.fixture(scope="module")
def coefficients(crops: list[Crop]) -> Coefficients:
    return collect(engine(first_guess()), crops, 0.25, 150, 0.5, 5)


def test_collect(crops: list[Crop], coefficients: Coefficients) -> None:
    """Coefficients come network by network, no more of a crop than asked for, the same ones every time."""
    assert (np.diff(coefficients.network.astype(int)) >= 0).all()
    assert np.diff(coefficients.bounds()).min() > 0
    assert np.bincount(coefficients.network.astype(int) * len(crops) + coefficients.crop).max() <= 150
    again = collect(engine(first_guess()), crops, 0.25, 150, 0.5, 5)
    np.testing.assert_array_equal(again.target, coefficients.target)
    # indices are near what they stand for: the guess has no means
    near = 2 * coefficients.index - coefficients.quantiser * np.sign(coefficients.index)
    assert np.abs(near - coefficients.target).max() < 4


def test_integers_code_like_their_float_parent(coefficients: Coefficients) -> None:
    """The frozen model costs what training saw, within one per cent; a damaged one is refused."""
    trainer = LossyTrainer(Settings(hidden1=8, hidden2=8, batch=128), 60)
    trainer.begin(0, coefficients, coefficients, 60)
    trainer.run()
    arrays = freeze(trainer, norm_gains())
    validate_lossy(arrays)
    floats, integers = check(trainer, arrays)
    assert integers < 1.01 * floats  # tables that are counted may be better than those that have not learnt enough
    guess = integer_bits(first_guess(), coefficients)
    assert integers < guess
    arrays["b3"] = arrays["b3"] + 4000
    with pytest.raises(ValueError, match="float parent"):
        check(trainer, arrays)


def test_missing_networks_are_named(coefficients: Coefficients) -> None:
    """Training needs coefficients of all networks."""
    few = coefficients.take(coefficients.network != NETWORKS - 1)
    with pytest.raises(ValueError, match=r"\[47\]"):
        LossyTrainer(Settings(hidden1=8, hidden2=8), 20).begin(0, few, few, 10)
