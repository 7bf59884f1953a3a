"""Labels, masks and indices are told from light by their content, and never coded with loss."""

from collections.abc import Callable

import numpy as np
import pytest

from zarr_neural.chunk import Fidelity, decode_chunk, encode_chunk, holds_names
from zarr_neural.models import default_lossless, default_lossy

RNG = np.random.default_rng(3)
Y, X = np.indices((256, 256))
BOUNDED = [Fidelity(max_error=3), Fidelity(noise=2.0), Fidelity(rmse=4.0), Fidelity(rmse=4.0, max_error=9)]


def objects(number: int, pixels: int, side: int = 1024) -> np.ndarray:
    """Small objects on nothing, numbered at random."""
    image = np.zeros((side, side), "u2")
    places = RNG.permutation(side * side // 8)[:number]
    for name, place in enumerate(RNG.permutation(number) + 1):
        y, x = divmod(int(places[place - 1]), side // 8)
        image[y, 8 * x + 1 : 8 * x + 1 + pixels] = name + 1
    return image


def mosaic(number: int) -> np.ndarray:
    """Cells that touch each other, without a background."""
    seeds = RNG.integers(0, 256, (number, 2))
    distance = (Y[..., None] - seeds[:, 0]) ** 2 + (X[..., None] - seeds[:, 1]) ** 2
    return distance.argmin(-1) + 1


RINGS = (np.hypot(Y - 128, X - 128) // 30).astype("u1")
NAMES: dict[str, np.ndarray] = {
    "20,000 objects of 3 pixels": objects(20_000, 3),
    "200 objects of 2 pixels": objects(200, 2),
    "one object": objects(1, 3, 64),
    "mosaic": mosaic(90).astype("u2"),
    "mosaic, 8 bits": mosaic(90).astype("u1"),
    "mosaic, floats": mosaic(90).astype("f4"),
    "numbered row by row": (Y // 16 * 16 + X // 16 + 1).astype("u2"),
    "cells of 3 x 3": (Y // 3 * 86 + X // 3 + 1).astype("u2"),
    "mask of 0 and 1": (mosaic(9) == 3).astype("u1"),
    "mask of 0 and 255": (mosaic(9) == 3).astype("u1") * 255,
    "five classes": (mosaic(90) % 5).astype("u1"),
    "one in the other": RINGS,
    "outlines": np.where(mosaic(60) != np.roll(mosaic(60), 1, 0), mosaic(60), 0).astype("u2"),
    "outlines of objects in the order of rows": np.where(
        (mosaic(60) != np.roll(mosaic(60), 1, 0)) & (mosaic(60) < 12), mosaic(60), 0
    ).astype("u2"),
    "noisy mask of 0 and 255": (RNG.random((256, 256)) < 0.2).astype("u1") * 255,
    "one object all over, and ten small ones": np.where(
        (X // 24 % 5 == 2) & (Y // 24 % 5 == 2), X // 24 + Y // 120 + 2, (X // 12 + Y // 12) % 2
    ).astype("u2"),
    "few objects in a large image": np.pad(mosaic(9)[:60, :60], 1900).astype("u2"),
}
SMOOTH = 100 + 80 * np.sin(Y / 40) * np.cos(X / 33)
LIGHT: dict[str, np.ndarray] = {
    "camera": RNG.poisson(SMOOTH).astype("u2"),
    "few photons": RNG.poisson(0.5, (256, 256)).astype("u2"),
    "one photon": RNG.poisson(1, (256, 256)).astype("u1"),
    "smooth, no noise": SMOOTH.astype("u1"),
    "smooth, 16 bits": (SMOOTH * 300).astype("u2"),
    "saturated": np.minimum(RNG.poisson(SMOOTH * 3), 255).astype("u1"),
    "cut at zero": np.maximum(RNG.poisson(SMOOTH).astype("i4") - 120, 0).astype("u2"),
    "padded": np.pad(RNG.poisson(SMOOTH[:128, :128]), 64).astype("u2"),
    "padded, hardly any light": np.pad(RNG.normal(12, 0.5, (128, 128)).round(), 96).astype("u1"),
    "enlarged by repetition": RNG.poisson(SMOOTH[:128, :128]).astype("u2").repeat(2, 0).repeat(2, 1),
    "hot pixels in the dark": np.where(RNG.random((256, 256)) < 1e-3, 65535, 100).astype("u2"),
    "16 levels, one prevails": np.maximum(RNG.poisson(SMOOTH) // 10 - 12, 0).astype("u1"),
    "median of 5 x 5": np.median(
        np.lib.stride_tricks.sliding_window_view(RNG.poisson(SMOOTH[::2, ::2]), (5, 5)), axis=(2, 3)
    ).astype("u2"),
    "fractions": SMOOTH.astype("f4"),
    "constant": np.full((64, 64), 7, "u2"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_found(name: str) -> None:
    """Objects of every size, masks, classes and mosaics, of any dtype, are names."""
    assert holds_names(NAMES[name])
    assert holds_names(np.stack([NAMES[name]] * 2))


@pytest.mark.parametrize("name", LIGHT)
def test_light_is_not_taken_for_names(name: str) -> None:
    """Cameras, few photons, smooth, saturated, cut and padded images are light."""
    assert not holds_names(LIGHT[name])


@pytest.mark.parametrize("fidelity", BOUNDED, ids=str)
@pytest.mark.parametrize("name", ["20,000 objects of 3 pixels", "mosaic, 8 bits", "mask of 0 and 255"])
def test_names_are_coded_without_loss(name: str, fidelity: Fidelity) -> None:
    """Whatever loss is allowed, names come back as they were."""
    ids = (default_lossless(), default_lossy("fast"))
    data = encode_chunk(NAMES[name], fidelity, *ids)
    np.testing.assert_array_equal(decode_chunk(data, ids), NAMES[name])


@pytest.mark.parametrize("fidelity", BOUNDED, ids=str)
@pytest.mark.parametrize("value", [1, 2, 300])
def test_a_corner_of_an_object_is_kept(value: int, fidelity: Fidelity) -> None:
    """A chunk that sees too little of a label image to be known for one keeps it all the same."""
    ids = (default_lossless(), default_lossy("fast"))
    chunk = np.zeros((128, 128), "u2")
    chunk[-3:, -2:] = value
    chunk[5, 7] = value + 1
    np.testing.assert_array_equal(decode_chunk(encode_chunk(chunk, fidelity, *ids), ids), chunk)


@pytest.mark.parametrize("fidelity", BOUNDED[:1] + BOUNDED[2:], ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_margin_of_nan_is_no_picture(fidelity: Fidelity, dtype: str) -> None:
    """Zarr pads edge chunks with the fill value: NaN there comes back as NaN, and the promise holds inside."""
    ids = (default_lossless(), default_lossy("fast"))
    chunk = np.full((3, 64, 64), np.nan, dtype)
    inside = RNG.normal(100, 20, (2, 40, 50))
    chunk[:2, :40, :50] = inside
    decoded = decode_chunk(encode_chunk(chunk, fidelity, *ids), ids)
    np.testing.assert_array_equal(np.isnan(decoded), np.isnan(chunk))
    error = decoded[:2, :40, :50] - chunk[:2, :40, :50]
    assert np.abs(error).max() > 0
    assert fidelity.max_error is None or np.abs(error).max() <= fidelity.max_error
    assert fidelity.rmse is None or np.sqrt((error.astype("f8") ** 2).mean()) <= fidelity.rmse * np.sqrt(
        chunk.size / error.size
    )


@pytest.mark.parametrize(
    "spoil", [lambda c: c[0, 20].__setitem__(20, np.nan), lambda c: c[1, 3].__setitem__(3, np.inf)]
)
def test_nan_inside_is_refused(spoil: Callable[[np.ndarray], None]) -> None:
    """A NaN among finite samples is not a margin."""
    chunk = np.full((2, 64, 64), np.nan, "f4")
    chunk[:, :40, :50] = RNG.normal(100, 20, (2, 40, 50))
    spoil(chunk)
    with pytest.raises(ValueError, match="NaN or infinite"):
        encode_chunk(chunk, Fidelity(max_error=1), default_lossless())
