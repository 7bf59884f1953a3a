"""Every architecture, metric and channel count writes real bitstreams into real stores."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.testing as npt
import pytest
import torch
import zarr
from numpy.typing import NDArray
from typer.testing import CliRunner

from zarr_neural.cli import app
from zarr_neural.errors import DamagedChunkError, MismatchError, ModelError, ModelNotFoundError, UnsupportedInputError
from zarr_neural.zoo import FactorizedPrior3D, ZooCodec, available
from zarr_neural.zoo.learned import library
from zarr_neural.zoo.learned.architectures import ARCHITECTURES, METRICS
from zarr_neural.zoo.learned.download import download
from zarr_neural.zoo.weights import sha256


def smooth(shape: tuple[int, ...], dtype: str, top: float = 0.05) -> NDArray[Any]:
    """Blurred noise that fills a part of the range of a dtype, not from zero on."""
    rng = np.random.default_rng(len(shape))
    axes = np.meshgrid(*(np.linspace(0, 5, n) for n in shape), indexing="ij")
    f = sum(np.sin(axis * (i + 1) + 1) for i, axis in enumerate(axes)) + 0.2 * rng.normal(size=shape)
    limits = np.iinfo(dtype)
    return (limits.min + 7 + (f - f.min()) / np.ptp(f) * top * (int(limits.max) - int(limits.min))).astype(dtype)


def stored(path: Path, image: NDArray[Any], chunks: tuple[int, ...], codec: Any) -> Any:
    """An array of zarr v2 on disk that holds the image."""
    return zarr.create_array(str(path), data=image, chunks=chunks, compressors=codec, zarr_format=2, filters=None)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_grey_networks_in_a_store(name: str, metric: str, folder: Path, tmp_path: Path) -> None:
    """Planes of odd sizes, edge chunks and a leading axis come back alike from the store and from the codec."""
    image = smooth((2, 70, 41), "uint16")
    codec = ZooCodec(name, metric, quality=5, channels=1, weights=str(folder))
    array = stored(tmp_path / "a.zarr", image, (1, 48, 41), codec)
    decoded = zarr.open_array(str(tmp_path / "a.zarr"), mode="r")[:]
    assert decoded.shape == image.shape
    assert decoded.dtype == image.dtype
    npt.assert_array_equal(decoded[:1, :48], codec.decode(codec.encode(np.ascontiguousarray(image[:1, :48]))))
    assert decoded.min() >= 0
    assert decoded.max() <= image.max()
    assert array.nbytes_stored() > 4 * 60


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rgb_networks_in_a_store(
    name: str, metric: str, dtype: str, published: dict[str, Path], tmp_path: Path
) -> None:
    """A file as CompressAI publishes it codes grey planes of 8 and of 16 bits."""
    image = smooth((40, 33), dtype, 0.8)
    codec = ZooCodec(name, metric, quality=1, weights=str(published[name].parent))
    stored(tmp_path / "a.zarr", image, (40, 33), codec)
    decoded = zarr.open_array(str(tmp_path / "a.zarr"), mode="r")[:]
    npt.assert_array_equal(decoded, codec.decode(codec.encode(image)))
    assert f"weights={published[name].name.split('-')[-1][:8]}" in codec.identity


@pytest.mark.parametrize("shape", [(1, 1), (1, 65), (64, 64), (3, 2, 5, 7)], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_any_shape_and_integer(shape: tuple[int, ...], dtype: str, folder: Path) -> None:
    """Chunks of one pixel, of one row, of whole multiples, of four axes; signed and unsigned."""
    image = smooth(shape, dtype, 0.5) if np.prod(shape) > 1 else np.full(shape, 99, dtype)
    codec = ZooCodec("bmshj2018-factorized", quality=8, channels=1, weights=str(folder))
    decoded = codec.decode(codec.encode(image))
    assert decoded.shape == shape
    assert decoded.dtype == image.dtype
    assert image.min() <= decoded.min() <= decoded.max() <= image.max()


def test_a_constant_chunk_is_exact_and_costs_its_header(folder: Path) -> None:
    image = np.full((3, 50, 50), 4711, "uint16")
    codec = ZooCodec("mbt2018", channels=1, weights=str(folder))
    data = codec.encode(image)
    npt.assert_array_equal(codec.decode(data), image)
    assert len(data) < 40


def test_the_range_of_the_image_goes_into_every_chunk(folder: Path) -> None:
    """Samples are clipped to the range that is given, and chunks of one value are values like others."""
    image = smooth((20, 20), "uint16")
    low, high = float(image.min()) + 50, float(image.max()) - 50
    codec = ZooCodec("bmshj2018-factorized", channels=1, weights=str(folder), low=low, high=high)
    decoded = codec.decode(codec.encode(image))
    assert low <= decoded.min() <= decoded.max() <= high


def test_floats_are_refused(folder: Path) -> None:
    with pytest.raises(UnsupportedInputError, match="float32"):
        ZooCodec("mbt2018", channels=1, weights=str(folder)).encode(np.zeros((4, 4), "<f4"))


@pytest.mark.parametrize("name", ["mbt2018", "bmshj2018-factorized"])
def test_a_fresh_process_decodes_the_same_with_any_threads(name: str, folder: Path, tmp_path: Path) -> None:
    """The codec is found through its entry point, and one thread or two give the same samples."""
    image = smooth((150, 130), "uint16")
    codec = ZooCodec(name, quality=6, channels=1, weights=str(folder))
    torch.set_num_threads(2)
    stored(tmp_path / "a.zarr", image, (128, 130), codec)
    expected = zarr.open_array(str(tmp_path / "a.zarr"), mode="r")[:]
    code = (
        "import sys, json, numpy, zarr, hashlib\n"
        "import torch; torch.set_num_threads(int(sys.argv[2]))\n"
        "print(hashlib.sha256(zarr.open_array(sys.argv[1], mode='r')[:].tobytes()).hexdigest())"
    )
    environment = os.environ | {"ZARR_NEURAL_ZOO": str(folder)}  # metadata name weights by their hash, never by a path
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "a.zarr"), threads],
            capture_output=True, text=True, timeout=300, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == hashlib.sha256(expected.tobytes()).hexdigest()


def test_pickled_and_configured(folder: Path) -> None:
    """A pickle holds configuration alone, also after the codec has worked."""
    codec = ZooCodec("mbt2018-mean", "ms-ssim", 3, 1, str(folder))
    image = smooth((30, 30), "uint8", 0.5)
    data = codec.encode(image)
    again = pickle.loads(pickle.dumps(codec))
    assert again == codec
    assert len(pickle.dumps(codec)) < 600
    npt.assert_array_equal(again.decode(data), codec.decode(data))
    assert ZooCodec.from_config({k: v for k, v in json.loads(json.dumps(codec.get_config())).items() if k != "id"})


def test_other_weights_and_other_samples_are_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of other settings is refused by name; a machine that rounds differently is found by the checksum."""
    image = smooth((30, 30), "uint8", 0.5)
    codec = ZooCodec("mbt2018-mean", "mse", 3, 1, str(folder))
    data = codec.encode(image)
    with pytest.raises(DamagedChunkError, match="other settings or weights"):
        ZooCodec("mbt2018-mean", "mse", 4, 1, str(folder)).decode(data)
    network = codec._coder().network
    weight = network.g_s[1][0].weight
    before = weight.clone()
    try:
        weight *= 1.5
        with pytest.raises(MismatchError, match="decodes other samples here"):
            codec.decode(data)
    finally:
        weight.copy_(before)


def test_damaged_bytes_are_errors(folder: Path) -> None:
    """Every flipped byte and every truncation ends in our error."""
    image = smooth((20, 20), "uint8", 0.5)
    codec = ZooCodec("bmshj2018-hyperprior", "mse", 3, 1, str(folder))
    data = codec.encode(image)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x55
        with pytest.raises((DamagedChunkError, MismatchError)):
            codec.decode(bytes(damaged))
        with pytest.raises(DamagedChunkError):
            codec.decode(data[:position])


def test_a_store_records_the_hash_of_its_weights(
    folder: Path, published: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pinned codec names its weights by SHA-256 in the metadata; a reader with other weights says which it wants."""
    image = smooth((20, 20), "uint8", 0.5)
    codecs = (
        ZooCodec("mbt2018-mean", "mse", 3, 1, str(folder)),
        ZooCodec("mbt2018-mean", "mse", 1, 3, str(published["mbt2018-mean"].parent)),
        FactorizedPrior3D(3, weights=str(folder)),
    )
    for number, codec in enumerate(codecs):
        monkeypatch.setenv("ZARR_NEURAL_ZOO", str(codec.weights))
        pinned = codec.pinned()
        chunk = image[None] if isinstance(codec, FactorizedPrior3D) else image
        array = stored(tmp_path / f"{number}.zarr", chunk, chunk.shape, pinned)
        digest = json.loads((tmp_path / f"{number}.zarr" / ".zarray").read_text())["compressor"]["weights"]
        assert pinned.identity.endswith(f"weights={digest}")
        npt.assert_array_equal(array[:], codec.decode(codec.encode(chunk)))
        monkeypatch.setenv("ZARR_NEURAL_ZOO", str(tmp_path / "nowhere"))
        monkeypatch.setattr("zarr_neural.zoo.weights._named", {})  # as in a process that named no path
        with pytest.raises(ModelNotFoundError, match=f"of SHA-256 {digest}"):
            zarr.open_array(str(tmp_path / f"{number}.zarr"), mode="r")[:]


def test_a_file_with_another_hash_than_its_name_is_an_error(published: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / published["mbt2018"].name
    path.write_bytes(published["mbt2018"].read_bytes() + b"x")
    with pytest.raises(ModelError, match=f"expected one that starts with {path.name.split('-')[-1][:8]}"):
        ZooCodec("mbt2018", quality=1, weights=str(path.parent)).encode(smooth((8, 8), "uint8"))


def test_published_weights_are_fetched_once_and_checked(
    published: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an address sends is kept under its name if it has the hash of its name, and found by the codec."""
    source = published["mbt2018-mean"]
    addresses = library.model_urls["mbt2018-mean"]["mse"]
    monkeypatch.setitem(addresses, 1, source.as_uri())
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    command = ["download", "mbt2018-mean", "--quality", "1"]
    for _ in range(2):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-1].endswith(f"{source.name}, SHA-256 {sha256(source)}")
        monkeypatch.setitem(addresses, 1, f"file:///nowhere/{source.name}")  # the second time nothing is fetched
    assert ZooCodec.missing("mbt2018-mean", quality=1) == ""
    done = CliRunner().invoke(app, [*command, "--folder", str(tmp_path / "other")])
    assert done.exit_code == 1
    assert "cannot be fetched" in done.output
    wrong = tmp_path / source.name
    wrong.write_bytes(b"a page that says no")
    monkeypatch.setitem(addresses, 1, wrong.as_uri())
    with pytest.raises(ModelError, match="expected one that starts with"):
        download("mbt2018-mean", quality=1, folder=tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
    assert CliRunner().invoke(app, ["download", "mbt2019"]).exit_code == 2


def test_missing_weights_say_which_file_to_put_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZARR_NEURAL_ZOO", str(tmp_path))
    codec = ZooCodec("bmshj2018-hyperprior", quality=8)
    with pytest.raises(ModelNotFoundError) as caught:
        codec.encode(smooth((8, 8), "uint8"))
    for part in (
        "zarr-neural download",
        "bmshj2018-hyperprior-8-a583f0cf.pth.tar",
        "https://compressai.s3.amazonaws.com",
        str(tmp_path),
    ):
        assert part in str(caught.value)
    assert "file cheng2020-attn-grey.safetensors" in ZooCodec.missing("cheng2020-attn", channels=1)
    assert "is no file or folder" in ZooCodec.missing("mbt2018", channels=1, weights=str(tmp_path / "no"))
    assert available() == []


def test_a_file_of_another_architecture_is_an_error(folder: Path, published: dict[str, Path]) -> None:
    image = smooth((8, 8), "uint8")
    with pytest.raises(ModelError, match="holds weights of mbt2018, expected mbt2018-mean"):
        ZooCodec("mbt2018-mean", channels=1, weights=str(folder / "mbt2018-grey.safetensors")).encode(image)
    with pytest.raises(ModelError):
        ZooCodec("bmshj2018-hyperprior", quality=1, weights=str(published["mbt2018"])).encode(image)


def test_available_lists_what_is_there(folder: Path) -> None:
    """All qualities and metrics of the six files, and no published one."""
    found = available(channels=1, weights=str(folder))
    assert len(found) == 6 * 2 * 8
    assert available(channels=3, weights=str(folder)) == []
    assert FactorizedPrior3D.missing(weights=str(folder)) == ""


def test_higher_quality_costs_more(folder: Path) -> None:
    """The gains make one network code finer and finer."""
    image = smooth((128, 128), "uint16")
    sizes = [
        len(ZooCodec("bmshj2018-factorized", quality=quality, channels=1, weights=str(folder)).encode(image))
        for quality in (1, 4, 8)
    ]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_volumes_in_a_store(metric: str, dtype: str, folder: Path, tmp_path: Path) -> None:
    """Chunks (Z, Y, X), padded in all three axes, and a leading axis."""
    image = smooth((2, 7, 30, 21), dtype)
    codec = FactorizedPrior3D(4, metric, str(folder))
    stored(tmp_path / "a.zarr", image, (1, 5, 17, 21), codec)
    decoded = zarr.open_array(str(tmp_path / "a.zarr"), mode="r")[:]
    assert decoded.shape == image.shape
    assert decoded.dtype == image.dtype
    chunk = np.ascontiguousarray(image[:1, :5, :17])
    npt.assert_array_equal(decoded[:1, :5, :17], codec.decode(codec.encode(chunk)))
    with pytest.raises(UnsupportedInputError, match=r"\(Z, Y, X\)"):
        codec.encode(chunk[0, 0])
