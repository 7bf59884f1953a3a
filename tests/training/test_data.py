"""Pictures: groups, what is held out, alterations, tiles."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from zarr_neural.training.augment import altered, is_sparse, palettised, quantised
from zarr_neural.training.data import SETS, DataSet, Picture, group_of, read_pictures
from zarr_neural.training.filters import fit_bank
from zarr_neural.training.pixels import draw_tile

GROUPS = {
    "yeast-raw/SL_180519_2_AT/t01xy0401c1.tif": "SL_180519_2_AT",
    "mouse-brain-3d/crop_planes/ch1/ch10000.tif": "ch1",
    "cellprofiler-examples/A/images/AS_09047_050428030001_O18f00d2.TIF": "transfluor-O01-O18",
    "cellprofiler-examples/A/images/AS_09047_050428030001_O19f00d2.TIF": "transfluor-O19-O24",
    "cellprofiler-examples/A/images/ADSAStaphInfection.tif": "ADSAStaph",
    "cellprofiler-examples/ExampleFly/images/01.TIF": "ExampleFly",
    "neurons-phase-zstack/phase_z09.png": "phase_z00-09",
    "neurons-phase-zstack/phase_z10.png": "phase_z10-12",
    "neurons-phase-zstack/target_nfh_confocal.png": "target",
    "teaching-collection/xy_calibrated_16bit__nuclear_protein_control.tif": "nuclear_protein_control",
    "teaching-collection/xyc_8bit__nuclei_nup.tif": "nuclei_nup",
    "mcf7-brightfield-fluorescence/jan_304_snap_0_0_18.tif": "jan_304",
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups(name: str) -> None:
    """A file's group comes from its name."""
    assert group_of(name) == GROUPS[name]


def test_sets_that_may_not_ship_are_not_trained_on() -> None:
    """Only permissive licences enter a shipped model."""
    assert {s.licence for s in SETS if s.trained} <= {"MIT", "BSD-3-Clause", "CC-BY-4.0"}


def test_read_pictures(tmp_path: Path) -> None:
    """Stacks are read plane by plane, floats passed over, narrow pictures narrowed, groups held out."""
    folder = tmp_path / "teaching-collection"
    folder.mkdir()
    tifffile.imwrite(
        folder / "xyz_16bit__spots.tif", np.arange(24, dtype=np.uint16).reshape(2, 3, 4), photometric="minisblack"
    )
    tifffile.imwrite(folder / "xy_8bit__new.tif", np.full((5, 6), 9, np.uint16))
    tifffile.imwrite(folder / "xy_8bit__float.tif", np.zeros((5, 6), np.float32))
    sets = (DataSet("teaching-collection", "CC-BY-4.0", frozenset({"spots"})),)
    found = read_pictures(tmp_path, sets)
    assert [(p.kind, p.group, p.held_out, p.samples.shape) for p in found] == [
        ("teach-8", "new", False, (5, 6)),
        ("teach-16", "spots", True, (3, 4)),
        ("teach-16", "spots", True, (3, 4)),
    ]
    assert found[0].samples.dtype == np.uint8
    with pytest.raises(FileNotFoundError, match="yeast-raw"):
        read_pictures(tmp_path)


def test_alterations_stay_in_range(pictures: list[Picture]) -> None:
    """Whatever is done to a picture, its samples fit 16 bits; the same seed does the same."""
    for seed in range(60):
        picture = altered(pictures[seed % 2].samples, np.random.default_rng(seed))
        assert picture.dtype == np.int32
        assert picture.min() >= 0
        assert picture.max() <= 65535
        steps = quantised(picture, np.random.default_rng(seed))
        assert steps.min() >= 0
        assert steps.max() <= 65535
    again = altered(pictures[1].samples, np.random.default_rng(59))
    np.testing.assert_array_equal(picture, again)


def test_palettes() -> None:
    """Levels that do not occur leave no gaps."""
    sparse = np.array([[0, 500], [500, 60000]], np.uint16)
    assert is_sparse(sparse)
    assert palettised(sparse).tolist() == [[0, 1], [1, 2]]
    assert not is_sparse(palettised(sparse))


def test_tiles_are_drawn_from_trained_pictures(pictures: list[Picture]) -> None:
    """Kinds take turns, tiles start at zero, a number always gives the same tile, held-out pictures none."""
    for number in range(20):
        tile = draw_tile(pictures, 1, number)
        assert tile is not None
        assert tile.balance.rstrip("+") == ("bright", "dim")[number % 2]
        assert tile.samples.min() == 0
        again = draw_tile(pictures, 1, number)
        assert again is not None
        np.testing.assert_array_equal(tile.samples, again.samples)


def test_bank_finds_the_mean_of_a_smooth_field() -> None:
    """On a field of one orientation the filters predict far better than the mean of the four nearest."""
    tile = np.rint(2000 + 1000 * np.sin(np.tile(np.arange(128), (128, 1)) / 3)).astype(np.uint16)
    bank = fit_bank([tile, tile.T], 3)
    assert bank.shape == (3, 3, 16)
    assert bank.dtype == np.int16
    assert np.abs(bank).max() <= 511
    known = tile[::2, ::2].astype(float)
    base = (known[:-1, :-1] + known[1:, :-1] + known[:-1, 1:] + known[1:, 1:]) / 4
    sample = tile[1:-1:2, 1:-1:2]
    shifted = np.pad(known, 2, mode="edge")
    offsets = [(0, 0), (0, 1), (1, 0), (1, 1), (0, -1), (0, 2), (1, -1), (1, 2), (-1, 0), (-1, 1), (2, 0), (2, 1)]
    offsets += [(-1, -1), (-1, 2), (2, -1), (2, 2)]
    near = np.stack([shifted[2 + r : 65 + r, 2 + c : 65 + c] for r, c in offsets], -1)
    errors = [np.abs(base + (near - base[..., None]) @ (filters / 256) - sample).mean() for filters in bank[0]]
    assert min(errors) < 0.3 * np.abs(base - sample).mean()
