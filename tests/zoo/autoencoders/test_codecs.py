"""Codecs of auto-encoders in Zarr stores: what is stored is what is read, and the lossless one is lossless."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import torch
import zarr
from numpy.typing import NDArray

from zarr_neural.errors import (
    ConfigurationError,
    DamagedChunkError,
    MismatchError,
    ModelNotFoundError,
    UnsupportedInputError,
)
from zarr_neural.zoo.autoencoders import AutoencoderCodec, ResidualCodec
from zarr_neural.zoo.weights import sha256

NETWORKS = ("convolutional", "dense", "bottleneck", "generative", "two_stages")
Weights = Callable[[str], str]
Images = NDArray[np.uint8]


def stored(folder: Path, codec: Any, images: Images) -> zarr.Array[Any]:
    """Write images to a Zarr v2 array, four a chunk, and open it anew."""
    shape = {"shape": images.shape, "chunks": (4, *images.shape[1:]), "dtype": "u1"}
    zarr.open(folder, mode="w", zarr_format=2, compressor=codec, **shape)[:] = images
    return zarr.open_array(folder, mode="r")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_store_gives_what_the_network_decodes(name: str, weights: Weights, images: Images, tmp_path: Path) -> None:
    codec = AutoencoderCodec(weights(name), step=0.01)
    decoded = stored(tmp_path / "a.zarr", codec, images)[:]
    expected = np.concatenate([codec.decode(codec.encode(image[None])) for image in images])
    np.testing.assert_array_equal(decoded, expected)
    assert json.loads((tmp_path / "a.zarr" / ".zarray").read_text())["compressor"]["id"] == "zarr_neural.autoencoder"


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("residual", "step"), [("huffman", None), ("png", 0.05), ("neural", 0.05)])
def test_codes_and_residuals_are_lossless(
    name: str, residual: str, step: float | None, weights: Weights, images: Images, tmp_path: Path
) -> None:
    codec = ResidualCodec(weights(name), residual, step)
    np.testing.assert_array_equal(stored(tmp_path / "a.zarr", codec, images)[:], images)


def test_a_larger_step_is_a_smaller_chunk(weights: Weights, images: Images) -> None:
    sizes = [len(AutoencoderCodec(weights("convolutional"), step).encode(images)) for step in (0.3, 0.03, 0.003)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_codes_are_those_of_the_chunk_without_its_pixels(weights: Weights, images: Images) -> None:
    codec = AutoencoderCodec(weights("dense"), step=0.02)
    codes = codec.codes(codec.encode(images))
    np.testing.assert_array_equal(codes, codec.codes_of(images))
    assert codes.shape == (6, 9)


def test_parts_add_up(weights: Weights, images: Images) -> None:
    codec = ResidualCodec(weights("dense"), "png")
    data = codec.encode(images)
    parts = codec.parts(data)
    assert parts.codes == 4 * 9 * len(images)
    assert parts.together == len(data)
    assert 0 < parts.together - parts.codes - parts.residuals < 80


@pytest.mark.parametrize("name", NETWORKS)
def test_any_number_of_threads_decodes_the_same(name: str, weights: Weights, images: Images) -> None:
    codec = AutoencoderCodec(weights(name), step=0.01)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = codec.encode(images)
        torch.set_num_threads(1)
        one = codec.encode(images)
        assert one == two
        torch.set_num_threads(2)
        np.testing.assert_array_equal(codec.decode(one), codec.decode(two))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_weights_are_named_by_hash_or_path(weights: Weights, images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(weights("dense"))
    digest = sha256(path)
    (path.parent / f"{digest}.safetensors").write_bytes(path.read_bytes())
    monkeypatch.setenv("ZARR_NEURAL_ZOO", str(path.parent))
    by_hash = AutoencoderCodec(digest, step=0.02)
    np.testing.assert_array_equal(
        by_hash.decode(AutoencoderCodec(str(path), step=0.02).encode(images)), by_hash.decode(by_hash.encode(images))
    )


@pytest.mark.parametrize("codec", [AutoencoderCodec("0" * 64, 0.5), ResidualCodec("0" * 64, "huffman", 2)])
def test_configuration_needs_no_weights(codec: Any) -> None:
    assert numcodecs.get_codec(codec.get_config()) == codec == pickle.loads(pickle.dumps(codec))
    with pytest.raises(ModelNotFoundError, match="searched"):
        codec.encode(np.zeros((1, 32, 32), "u1"))


def test_the_package_does_not_load_torch() -> None:
    code = (
        "import sys; from zarr_neural.zoo.autoencoders import AutoencoderCodec as A; A('0'*64, 1).get_config();"
        "print(sorted({'torch', 'imagecodecs'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("step", [0, -1, float("nan"), float("inf"), True, "1"])
def test_impossible_steps_are_refused(step: Any) -> None:
    with pytest.raises(ConfigurationError, match="a step is a number"):
        AutoencoderCodec("0" * 64, step)


def test_unknown_residual_coders_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="huffman, png, neural"):
        ResidualCodec("0" * 64, "gzip")


@pytest.mark.parametrize(
    ("chunk", "why"),
    [(np.zeros((1, 32, 32), "<u2"), "uint8, not uint16"), (np.zeros((2, 32, 16), "u1"), r"\(..., 32, 32\)")],
    ids=["dtype", "shape"],
)
def test_other_chunks_are_refused(chunk: Any, why: str, weights: Weights) -> None:
    for codec in (AutoencoderCodec(weights("dense"), 1.0), ResidualCodec(weights("dense"))):
        with pytest.raises(UnsupportedInputError, match=why):
            codec.encode(chunk)


@pytest.mark.parametrize("residual", ["", "huffman", "png", "neural"])
def test_damage_is_an_error(residual: str, weights: Weights, images: Images) -> None:
    path = weights("dense")
    codec = ResidualCodec(path, residual, 0.05) if residual else AutoencoderCodec(path, 0.05)
    data = codec.encode(images[:1])
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with pytest.raises((DamagedChunkError, MismatchError)):
            codec.decode(bytes(damaged))
        with pytest.raises(DamagedChunkError):
            codec.decode(data[:position])
