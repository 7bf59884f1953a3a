"""Zarr v3 arrays with `NeuralSerializer`, under every codec pipeline that this machine's zarr has."""

import asyncio
import hashlib
import importlib.util
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr
import zarr.core.codec_pipeline
from zarr.core.array_spec import ArrayConfig, ArraySpec
from zarr.core.buffer import default_buffer_prototype
from zarr.dtype import parse_dtype

from zarr_neural import NeuralCodec, NeuralSerializer, NoiseModel
from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError, ZarrNeuralError
from zarr_neural.models import default_lossless

Picture = Callable[..., np.ndarray]
MODEL = default_lossless()
LOSSLESS = NeuralSerializer(lossless=True)

READER = """
import sys, hashlib, zarr
array = zarr.open(sys.argv[1], mode="r")
data = array[...]
print(hashlib.sha256(data.tobytes()).hexdigest())
assert "torch" not in sys.modules
"""

PIPELINES: dict[str, dict[str, Any]] = {
    f"batch-{size}": {
        "codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline",
        "codec_pipeline.batch_size": size,
    }
    for size in (1, 8, 64)
}
if hasattr(zarr.core.codec_pipeline, "FusedCodecPipeline"):  # zarr 3.4
    PIPELINES["fused"] = {"codec_pipeline.path": "zarr.core.codec_pipeline.FusedCodecPipeline"}
if importlib.util.find_spec("zarrs"):
    import zarrs  # noqa: F401 - registers its pipeline

    PIPELINES["zarrs"] = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}

# zarrs knows no Python codecs: it warns, and hands the array to zarr's own pipeline
FALL_BACK = "Array is unsupported by ZarrsCodecPipeline: codec zarr_neural.v1 is not supported"
pytestmark = pytest.mark.filterwarnings("ignore:Array is unsupported by ZarrsCodecPipeline")


@pytest.fixture(params=PIPELINES)
def pipeline(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every codec pipeline in turn, in force while a test runs."""
    with zarr.config.set(PIPELINES[request.param]):
        yield request.param


@dataclass(frozen=True)
class Case:
    """Shape, chunks, shards and dtype of an array."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str = "u2"
    shards: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))}-{self.dtype}{'-shards' if self.shards else ''}"


CASES = [
    Case((100, 90), (32, 32)),
    Case((100, 90), (32, 32), "u1", (64, 64)),
    Case((100, 90), (32, 32), ">u2"),
    Case((100, 90), (16, 16), "i2", (64, 32)),
    Case((40, 45), (32, 32), "?"),
    Case((40, 45), (32, 32), "?", (32, 64)),
    Case((40, 45), (32, 32), "f4", (64, 64)),
    Case((40, 45), (32, 32), "c8"),
    Case((40, 45), (32, 32), "i8"),
    Case((1, 1, 40, 45), (1, 1, 32, 32)),
    Case((40, 1, 45), (32, 1, 32)),
    Case((40, 45, 1), (32, 32, 1), "u2", (64, 64, 1)),
    Case((2, 40, 1, 45, 1), (1, 32, 1, 32, 1)),
    Case((2, 3, 40, 45), (1, 2, 32, 32), "u2", (2, 4, 64, 64)),
    Case((5, 33, 20), (2, 32, 32)),
    Case((9, 9), (1, 1)),
    Case((40, 9), (1, 9)),
]


def create(case: Case, store: Any, serializer: NeuralSerializer = LOSSLESS, **more: Any) -> Any:
    return zarr.create_array(
        store,
        shape=case.shape,
        chunks=case.chunks,
        shards=case.shards,
        dtype=case.dtype,
        serializer=serializer,
        compressors=None,
        **more,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_arrays_come_back(case: Case, pipeline: str, tmp_path: Path, picture: Picture) -> None:
    """Arrays of any dtype and shape, plain and in shards, read as they were written under every pipeline."""
    image = picture(case.shape).astype(case.dtype)
    array = create(case, tmp_path / "a")
    array[...] = image
    again: Any = zarr.open(tmp_path / "a", mode="r")
    np.testing.assert_array_equal(again[...], image)
    part = tuple(slice(n // 3, n // 3 + max(1, n // 2)) for n in case.shape)
    np.testing.assert_array_equal(again[part], image[part])


@pytest.mark.parametrize("shards", [None, (64, 64)], ids=["plain", "shards"])
def test_partial_writes_and_fill_values(shards: Any, pipeline: str, tmp_path: Path) -> None:
    """Parts of chunks can be written and read; what was never written has the fill value and no bytes."""
    array = create(Case((128, 128), (32, 32), "u2", shards), tmp_path / "a", fill_value=7)
    assert (array[...] == 7).all()
    expected = np.full((128, 128), 7, np.uint16)
    for rows, columns, value in (
        (slice(3, 40), slice(5, 6), 9),
        (slice(100, 128), slice(100, 128), 60_000),
        (slice(0, 1), slice(0, 128), 0),
    ):
        array[rows, columns] = value
        expected[rows, columns] = value
        np.testing.assert_array_equal(array[...], expected)
    array[...] = 7
    assert (array[...] == 7).all()
    assert [p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.name != "zarr.json"] == []


def test_the_promise_holds(pipeline: str, tmp_path: Path, picture: Picture) -> None:
    """max_error holds for every pixel, plain and in shards."""
    image = picture((100, 90))
    for shards in (None, (64, 64)):
        array = create(Case((100, 90), (32, 32), "u2", shards), tmp_path / str(shards), NeuralSerializer(max_error=4))
        array[...] = image
        assert 0 < np.abs(array[...].astype(int) - image).max() <= 4


def test_fancy_reading(pipeline: str, tmp_path: Path, picture: Picture) -> None:
    """Orthogonal, mask, coordinate and block selections give what they give on the array itself."""
    image = picture((100, 90))
    array = create(Case((100, 90), (32, 32), "u2", (64, 64)), tmp_path / "a")
    array[...] = image
    rows, columns = np.array([3, 50, 99]), np.array([0, 1, 89])
    np.testing.assert_array_equal(array.oindex[rows, columns], image[np.ix_(rows, columns)])
    np.testing.assert_array_equal(array.vindex[rows, columns], image[rows, columns])
    np.testing.assert_array_equal(array[::7, ::5], image[::7, ::5])
    np.testing.assert_array_equal(array.vindex[image > 600], image[image > 600])


def test_all_pipelines_write_the_same_bytes(tmp_path: Path, picture: Picture) -> None:
    """Which pipeline wrote a plain array does not show in its chunks."""
    image = picture((100, 90))
    found = []
    for name, setting in PIPELINES.items():
        with zarr.config.set(setting):
            create(Case((100, 90), (32, 32)), tmp_path / name)[...] = image
        found.append(
            {
                str(p.relative_to(tmp_path / name)): p.read_bytes()
                for p in sorted((tmp_path / name / "c").rglob("*"))
                if p.is_file()
            }
        )
    assert len(found[0]) == 12
    assert all(chunks == found[0] for chunks in found)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_is_no_matter(order: Any, pipeline: str, picture: Picture) -> None:
    """Arrays that zarr hands out in Fortran order, and Fortran input, give the same samples."""
    image = np.asfortranarray(picture((40, 45)))
    array = create(Case((40, 45), (32, 32)), {}, config={"order": order})
    array[...] = image
    np.testing.assert_array_equal(array[...], image)


def test_a_fresh_process_reads_with_zarr_alone(tmp_path: Path, picture: Picture) -> None:
    """A process that imports only zarr finds the codec by its entry point and reads the same samples."""
    image = picture((100, 90))
    array = create(Case((100, 90), (32, 32), "u2", (64, 64)), tmp_path / "a", NeuralSerializer())
    array[...] = image
    command = [sys.executable, "-W", "error", "-c", READER, str(tmp_path / "a")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == hashlib.sha256(array[...].tobytes()).hexdigest(), done.stderr


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_dask_reads(scheduler: str, tmp_path: Path, picture: Picture) -> None:
    """dask opens a store lazily and reads it under every scheduler."""
    image = picture((100, 90))
    create(Case((100, 90), (32, 32)), tmp_path / "a")[...] = image
    lazy = dask.array.from_zarr(str(tmp_path / "a"))
    np.testing.assert_array_equal(lazy.compute(scheduler=scheduler, num_workers=2), image)


REFUSED = [
    (Case((64, 64), (32, 32), "?"), "cannot be used for bool samples"),
    (Case((64, 64), (32, 32), "?", (64, 64)), "cannot be used for bool samples"),
    (Case((64, 64), (32, 32), "u4"), "cannot be used for uint32 samples"),
    (Case((64, 64), (32, 32), "i8", (64, 64)), "cannot be used for int64 samples"),
    (Case((64, 64), (32, 32), "c16"), "cannot be used for complex128 samples"),
    (Case((64, 64), (32, 32), "M8[s]"), r"datetime64\[s\] cannot be coded"),
    (Case((64,), (32,)), r"two or more axes \(..., Y, X\), not shape \(64,\)"),
    (Case((64,), (32,), "u2", (64,)), r"two or more axes \(..., Y, X\), not shape"),
]


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@pytest.mark.parametrize(("case", "says"), REFUSED, ids=str)
def test_arrays_that_cannot_be_coded_are_not_created(case: Case, says: str) -> None:
    """Masks, labels and lines are refused when the array is created, inside shards as well."""
    for serializer in (NeuralSerializer(max_error=1), NeuralSerializer(noise=1)):
        store: dict[str, Any] = {}
        with pytest.raises(UnsupportedInputError, match=says):
            create(case, store, serializer)
        assert not [key for key in store if not key.endswith("zarr.json")]


def test_chunks_of_another_array_are_refused(tmp_path: Path, picture: Picture) -> None:
    """A whole chunk of another shape or dtype in the place of one is damage, told with both."""
    cases = {
        "u2": Case((64, 64), (64, 64)),
        "i2": Case((64, 64), (64, 64), "i2"),
        "flat": Case((32, 128), (32, 128)),
        "turned": Case((128, 32), (128, 32)),
        "deep": Case((1, 64, 64), (1, 64, 64)),
    }
    for name, case in cases.items():
        create(case, tmp_path / name)[...] = picture(case.shape)

    def chunk(name: str) -> Path:
        (path,) = [p for p in (tmp_path / name / "c").rglob("*") if p.is_file()]
        return path

    arrays: dict[str, Any] = {name: zarr.open(tmp_path / name, mode="r") for name in cases}
    good = {name: chunk(name).read_bytes() for name in cases}
    for name, array in arrays.items():
        for other in cases:
            chunk(name).write_bytes(good[other])
            if other == name:
                np.testing.assert_array_equal(array[...], picture(cases[name].shape))
            else:
                with pytest.raises(
                    DamagedChunkError, match=r"the chunk does not belong to this array: expected .* found"
                ):
                    array[...]


def test_damage_is_an_error_under_every_pipeline(pipeline: str, tmp_path: Path, picture: Picture) -> None:
    """A chunk that lost or changed bytes raises our error, and the others are still read."""
    create(Case((64, 128), (64, 64)), tmp_path / "a")[...] = picture((64, 128))
    (tmp_path / "a/c/0/1").write_bytes((tmp_path / "a/c/0/1").read_bytes()[:-3])
    array: Any = zarr.open(tmp_path / "a", mode="r")
    with pytest.raises(DamagedChunkError, match="the payload has another length"):
        array[...]
    assert array[:, :64].shape == (64, 64)


def spec(shape: tuple[int, ...], dtype: str) -> ArraySpec:
    return ArraySpec(
        shape=shape,
        dtype=parse_dtype(dtype, zarr_format=3),
        fill_value=0,
        config=ArrayConfig(order="C", write_empty_chunks=False),
        prototype=default_buffer_prototype(),
    )


def test_the_synchronous_and_the_asynchronous_pair_agree(picture: Picture) -> None:
    """Both pairs give the same bytes, which are those of `NeuralCodec`, and the same samples."""
    image = picture((50, 40))
    chunk_spec = spec((50, 40), "uint16")
    given = chunk_spec.prototype.nd_buffer.from_numpy_array(image)
    encoded: Any = LOSSLESS._encode_sync(given, chunk_spec)
    again: Any = asyncio.run(LOSSLESS._encode_single(given, chunk_spec))
    assert encoded.to_bytes() == again.to_bytes() == NeuralCodec(lossless=True).encode(image)
    np.testing.assert_array_equal(LOSSLESS._decode_sync(encoded, chunk_spec).as_numpy_array(), image)
    decoded = asyncio.run(LOSSLESS._decode_single(encoded, chunk_spec))
    np.testing.assert_array_equal(decoded.as_numpy_array(), image)


def test_batches_of_nothing(picture: Picture) -> None:
    """Batches may hold missing chunks, or nothing but these."""
    chunk_spec = spec((50, 40), "uint16")
    buffer = chunk_spec.prototype.nd_buffer.from_numpy_array(picture((50, 40)))
    for size in (0, 1, 5):
        missing = [(None, chunk_spec)] * size
        assert list(asyncio.run(LOSSLESS.encode(missing))) == [None] * size
        assert list(asyncio.run(LOSSLESS.decode(missing))) == [None] * size
    (one, other) = asyncio.run(LOSSLESS.encode([(None, chunk_spec), (buffer, chunk_spec)]))
    assert one is None
    assert other is not None
    (one, decoded) = asyncio.run(LOSSLESS.decode([(None, chunk_spec), (other, chunk_spec)]))
    assert one is None
    np.testing.assert_array_equal(decoded.as_numpy_array(), picture((50, 40)))


def test_wrong_shapes_are_refused_by_the_pairs(picture: Picture) -> None:
    """What does not have the shape that the array says is neither written nor handed out."""
    chunk_spec = spec((50, 40), "uint16")
    turned = chunk_spec.prototype.nd_buffer.from_numpy_array(picture((40, 50)))
    with pytest.raises(UnsupportedInputError, match=r"shape \(40, 50\), but the array says \(50, 40\)"):
        LOSSLESS._encode_sync(turned, chunk_spec)
    data = chunk_spec.prototype.buffer.from_bytes(NeuralCodec(lossless=True).encode(picture((40, 50))))
    with pytest.raises(DamagedChunkError, match="does not belong to this array"):
        LOSSLESS._decode_sync(data, chunk_spec)
    with pytest.raises(DamagedChunkError, match="does not belong to this array"):
        LOSSLESS._decode_sync(data, spec((40, 50), "int16"))


ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"lossless": True},
    {"max_error": 2},
    {"noise": 2.0, "noise_model": NoiseModel(2.0, 100, 1.5)},
    {"lossless": True, "verify": False},
    {"lossless": True, "models": [MODEL, "0" * 64]},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_configurations_make_the_round_trip(arguments: dict[str, Any], tmp_path: Path) -> None:
    """The metadata of an array is the codec's JSON, equal to that of `NeuralCodec`, and gives an equal codec."""
    codec = NeuralSerializer(**arguments)
    create(Case((64, 64), (32, 32)), tmp_path / "a", codec)
    (stored,) = json.loads((tmp_path / "a" / "zarr.json").read_text())["codecs"]
    assert stored == json.loads(json.dumps(codec.to_dict()))
    assert {"id": stored["name"], **stored["configuration"]} == NeuralCodec(**arguments).get_config()
    for other in (NeuralSerializer.from_dict(stored), pickle.loads(pickle.dumps(codec))):
        assert other == codec
        assert hash(other) == hash(codec)
    assert codec != NeuralSerializer(max_error=77)
    assert codec != NeuralCodec(**arguments)
    assert repr(codec).startswith("NeuralSerializer(")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"name": "zarr_neural.v2", "configuration": {}}, "zarr_neural.v1.*zarr_neural.v2"),
        ({"name": "zarr_neural.v1", "configuration": {"lossless": True, "level": 1}}, "unknown options"),
        ({"name": "zarr_neural.v1", "configuration": {}, "extra": 1}, "extra"),
        ({"name": "zarr_neural.v1", "configuration": {"rmse": 0}}, "above 0, not 0"),
        ({"configuration": {"lossless": True}}, "expected name"),
    ],
    ids=["name", "member", "extra", "rmse", "nameless"],
)
def test_other_configurations_are_refused(data: dict[str, Any], says: str) -> None:
    """Codec metadata that this version does not know wholly is refused."""
    with pytest.raises(ConfigurationError, match=says):
        NeuralSerializer.from_dict(data)


def test_sizes_are_not_promised() -> None:
    """Encoded sizes are not known in advance, and the codec says so in the way that zarr asks."""
    assert not LOSSLESS.is_fixed_size
    with pytest.raises(NotImplementedError):
        LOSSLESS.compute_encoded_size(100, spec((10, 10), "uint8"))


def test_errors_of_the_package_reach_the_caller(pipeline: str) -> None:
    """What the codec refuses while writing comes out of zarr as our error, under every pipeline."""
    array = create(Case((64, 64), (32, 32), "f4"), {}, NeuralSerializer(max_error=0.1))
    with pytest.raises(ZarrNeuralError, match="NaN"):
        array[...] = np.full((64, 64), np.arange(64) * np.nan, "f4")


if "zarrs" in PIPELINES:

    def test_zarrs_falls_back_and_says_so(tmp_path: Path, picture: Picture) -> None:
        """Where zarrs is installed and chosen, the user is told that zarr's own pipeline does the work, and it does."""
        with zarr.config.set(PIPELINES["zarrs"]):
            with pytest.warns(UserWarning, match=FALL_BACK):
                array = create(Case((64, 64), (32, 32)), tmp_path / "a")
            array[...] = picture((64, 64))
            np.testing.assert_array_equal(array[...], picture((64, 64)))
