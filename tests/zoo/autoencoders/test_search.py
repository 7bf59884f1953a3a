"""Search reads codes from the bytes of chunks, in any layout, and says what is wrong with a store or a query."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from zarr_neural import NeuralCodec
from zarr_neural.errors import ArchiveError, ConfigurationError, UnsupportedInputError
from zarr_neural.zoo.autoencoders import AutoencoderCodec
from zarr_neural.zoo.autoencoders.search import distances, read_codes, search

Images = NDArray[np.uint8]


@pytest.fixture
def store(tmp_path: Path, weights: Callable[[str], str], images: Images) -> Path:
    """A group: five of six images (T, C, Y, X) in chunks of two, and an array that has no codes."""
    root = zarr.open_group(tmp_path / "s.zarr", mode="w", zarr_format=2)
    codec = AutoencoderCodec(weights("convolutional"), 0.01)
    array = root.create_array("a/0", shape=(5, 1, 32, 32), chunks=(2, 1, 32, 32), dtype="u1", compressors=codec)
    array[:] = images[:5, None]
    root.create_array("b", shape=(4, 4), chunks=(4, 4), dtype="u1", compressors=NeuralCodec())[:] = 1
    return tmp_path / "s.zarr"


def query(folder: Path, image: Images) -> Path:
    path = folder / "query.png"
    path.write_bytes(imagecodecs.png_encode(image))
    return path


@pytest.mark.parametrize("measure", ["texture", "euclidean", "cosine"])
def test_an_image_of_the_store_is_found_first(store: Path, images: Images, tmp_path: Path, measure: str) -> None:
    found = search(store, query(tmp_path, images[3]), 9, measure)
    assert (found[0].array, found[0].index) == ("a/0", (3, 0))
    assert found[0].distance == pytest.approx(0, abs=1e-6)
    assert sorted(one.index for one in found) == [(i, 0) for i in range(5)]  # the padding of the last chunk is none


def test_tiles_of_large_planes_say_where_they_are(
    tmp_path: Path, weights: Callable[[str], str], images: Images
) -> None:
    """A plane of two rows of three tiles, the last of which reach over its edge."""
    plane = images.reshape(2, 3, 32, 32).swapaxes(1, 2).reshape(64, 96)[:, :90]
    codec = AutoencoderCodec(weights("convolutional"), 0.01)
    shape = {"shape": (2, *plane.shape), "chunks": (1, 32, 32), "dtype": "u1"}
    zarr.open_array(tmp_path / "m.zarr", mode="w", zarr_format=2, compressor=codec, **shape)[1] = plane
    found = search(tmp_path / "m.zarr", query(tmp_path, images[4]), 9)
    assert found[0].index == (1, 32, 32)
    assert len({one.index for one in found}) == 6


def test_no_pixel_is_decoded(store: Path, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zarr_neural.zoo.autoencoders.model.Model.decode", None)
    assert search(store, query(tmp_path, images[1]), 1)[0].index == (1, 0)


def test_larger_queries_are_reduced(store: Path, images: Images, tmp_path: Path) -> None:
    large = images[2].repeat(4, axis=0).repeat(4, axis=1)
    assert search(store, query(tmp_path, large), 1)[0].index == (2, 0)


def test_texture_does_not_ask_where() -> None:
    codes = np.random.default_rng(0).normal(0, 1, (4, 3, 25)).astype("f4")
    moved = np.roll(codes, 7, axis=2)
    found = distances(codes[0].ravel(), moved.reshape(4, -1), 25, "texture")
    assert found[0] < 1e-6 < found[1:].min()
    assert distances(codes[0].ravel(), moved.reshape(4, -1), 25, "euclidean")[0] > 1


def test_a_damaged_chunk_is_named(store: Path) -> None:
    path = store / "a" / "0" / "1.0.0.0"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ArchiveError, match=r"a/0/1\.0\.0\.0"):
        read_codes(store)


def test_stores_without_codes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no Zarr store"):
        read_codes(tmp_path / "nothing.zarr")
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / ".zarray").write_text(
        '{"zarr_format": 2, "shape": [4, 4], "chunks": [4, 4], "dtype": "|u1", "order": "C", "fill_value": 0, '
        '"filters": null, "compressor": {"id": "zarr_neural.autoencoder", "stop": 1}}'
    )
    with pytest.raises(ArchiveError, match=r"can be read here: .*unexpected keyword argument 'stop'"):
        read_codes(tmp_path / "b.zarr")
    zarr.open_array(tmp_path / "a.zarr", mode="w", shape=(9, 9), chunks=(9, 9), dtype="u1", zarr_format=2)[:] = 2
    with pytest.raises(ArchiveError, match=r"expected an array of zarr_neural\.autoencoder, found"):
        read_codes(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (np.zeros((32, 33), "u1"), "32 x 32 pixels or a multiple"),
        (np.zeros((20, 20), "u1"), "32 x 32 pixels or a multiple"),
        (np.zeros((32, 32), "u2"), "grey image of uint8"),
        (np.arange(3072, dtype="u1").reshape(32, 32, 3), "grey image of uint8"),
    ],
    ids=["oblong", "small", "16 bits", "colours"],
)
def test_other_queries_are_refused(store: Path, tmp_path: Path, image: Any, why: str) -> None:
    with pytest.raises(UnsupportedInputError, match=why):
        search(store, query(tmp_path, image))


def test_other_requests_are_refused(store: Path, images: Images, tmp_path: Path) -> None:
    path = query(tmp_path, images[0])
    with pytest.raises(ConfigurationError, match="texture, euclidean, cosine"):
        search(store, path, 3, "taste")
    with pytest.raises(ConfigurationError, match="at least one"):
        search(store, path, 0)
    with pytest.raises(UnsupportedInputError, match="no image"):
        search(store, tmp_path / "nothing.png")
    for name in ("bad.png", "bad.tif"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(UnsupportedInputError, match="cannot be read"):
            search(store, tmp_path / name)
    tifffile.imwrite(tmp_path / "stack.tif", images, photometric="minisblack")
    with pytest.raises(UnsupportedInputError, match=r"grey image of uint8, found \(6, 32, 32\)"):
        search(store, tmp_path / "stack.tif")
