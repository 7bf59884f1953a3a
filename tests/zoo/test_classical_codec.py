"""The classical codecs as compressors of real stores: each family, lossy or lossless as asked."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import dask.array
import numcodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from zarr_neural import zoo
from zarr_neural.bitstream.reader import pack_varint
from zarr_neural.errors import ConfigurationError, DamagedChunkError, MismatchError, UnsupportedInputError
from zarr_neural.zoo import ClassicalCodec
from zarr_neural.zoo.classical import FAMILIES, LOSSLESS, lossless, lossy_family
from zarr_neural.zoo.classical.library import imagecodecs
from zarr_neural.zoo.classical.planes import CODED, CONSTANT, STORED, pack_planes, unpack_planes
from zarr_neural.zoo.stream import pack_stream, unpack_stream

RNG = np.random.default_rng(11)
LOW, HIGH = 100, 3000


def volume(dtype: str, shape: tuple[int, ...] = (3, 45, 70)) -> NDArray[Any]:
    """Smooth structure with noise, over a part of the range of the dtype."""
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    wave = 0.5 + 0.35 * np.sin(y / 9) * np.cos(x / 7) + RNG.normal(0, 0.01, shape)
    low, high = {"u1": (10, 240), "i1": (-110, 120), "i2": (-2000, 900), "f4": (-0.5, 1.5)}.get(dtype, (LOW, HIGH))
    values = np.clip(low + wave * (high - low), low, high)
    return np.asarray(values if dtype == "f4" else np.rint(values), dtype)


def middle(family: str) -> float:
    return lossy_family(family).settings.at(0.4)


def taken(family: Any, dtype: str) -> bool:
    return not family.why_not(np.zeros((1, 1), dtype))


LOSSY_CASES = [
    (name, dtype) for name, f in FAMILIES.items() for dtype in ("u1", "u2", "i1", "i2", "f4") if taken(f, dtype)
]
LOSSLESS_CASES = [
    (name, dtype) for name, f in LOSSLESS.items() for dtype in ("u1", "u2", "i1", "i2", "f4") if taken(f, dtype)
]


def store(image: NDArray[Any], codec: Any, path: Path, chunks: tuple[int, ...] = (2, 32, 40)) -> None:
    """Write a version 2 array whose edge chunks are filled up with the image's smallest value."""
    array = zarr.create_array(
        path,
        shape=image.shape,
        chunks=chunks,
        dtype=image.dtype,
        zarr_format=2,
        compressors=codec,
        fill_value=image.min().item(),
    )
    array[:] = image


def largest_error(image: NDArray[Any], decoded: NDArray[Any]) -> float:
    return float(np.abs(image.astype(float) - decoded.astype(float)).max())


@pytest.mark.parametrize(("family", "dtype"), LOSSY_CASES, ids=str)
def test_every_lossy_family_loses_a_little_in_a_store(family: str, dtype: str, tmp_path: Path) -> None:
    """What is read back through zarr and dask is what the codec decodes; it is near the image and smaller."""
    image = volume(dtype)
    low, high = image.min().item(), image.max().item()
    store(image, ClassicalCodec(family, middle(family), low=low, high=high), tmp_path / "a.zarr")
    array = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert array.compressors[0] == ClassicalCodec(family, middle(family), low=low, high=high)
    decoded = np.asarray(array[:])
    assert decoded.dtype == image.dtype
    assert 0 < largest_error(image, decoded) < 0.25 * (high - low)
    assert low <= decoded.min() <= decoded.max() <= high
    lazy = dask.array.from_zarr(str(tmp_path / "a.zarr"))
    np.testing.assert_array_equal(lazy[1:, 20:45].compute(), decoded[1:, 20:45])


@pytest.mark.parametrize(("family", "dtype"), LOSSLESS_CASES, ids=str)
def test_every_lossless_family_returns_every_sample_from_a_store(family: str, dtype: str, tmp_path: Path) -> None:
    image = volume(dtype)
    store(image, ClassicalCodec(family, lossless=True), tmp_path / "a.zarr")
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a.zarr", mode="r")[:], image)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 40), (40, 1), (2, 7, 3), (1, 1, 1, 9)], ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_tiny_chunks_come_back(shape: tuple[int, ...], dtype: str) -> None:
    """No library needs a chunk of some size; what it would make larger is stored as it is."""
    limits = np.iinfo(dtype)
    noise = RNG.integers(0, limits.max, shape, dtype=dtype, endpoint=True)
    for name, family in FAMILIES.items():
        if family.why_not(noise):
            continue
        codec = ClassicalCodec(name, middle(name), low=0, high=int(limits.max))
        decoded = codec.decode(codec.encode(noise))
        assert decoded.shape == shape
        assert largest_error(noise, decoded) <= 0.3 * limits.max
        assert len(codec.encode(noise)) <= noise.nbytes + 60
    for name in LOSSLESS:
        if not LOSSLESS[name].why_not(noise):
            codec = ClassicalCodec(name, lossless=True)
            np.testing.assert_array_equal(codec.decode(codec.encode(noise)), noise)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
def test_constant_chunks_are_one_value(dtype: str) -> None:
    chunk = np.full((2, 33, 20), 77, dtype)
    chunk[1] = 5
    for families, arguments in ((FAMILIES, {"low": 0, "high": 120}), (LOSSLESS, {"lossless": True})):
        for name, family in families.items():
            if not family.why_not(chunk):
                setting = middle(name) if families is FAMILIES else None
                codec = ClassicalCodec(name, setting, **arguments)  # type: ignore[arg-type]
                data = codec.encode(chunk)
                assert len(data) < 60
                np.testing.assert_array_equal(codec.decode(data), chunk)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_chunks_of_an_image_have_one_step(family: str) -> None:
    """With the image's range a dark corner is coded as coarsely as the rest; with its own it would be finer."""
    dtype = "u1" if lossy_family(family).refused else "u2"
    top = int(np.iinfo(dtype).max)
    ramp = np.linspace(0, 0.08, 64)[:, np.newaxis] + RNG.normal(0, 0.02, (64, 64))
    corner = (top * (0.2 + np.clip(ramp, 0, 0.15))).astype(dtype)
    setting = lossy_family(family).settings.at(0.4)
    whole, own = ClassicalCodec(family, setting, low=0, high=top), ClassicalCodec(family, setting)
    errors = [float(np.std(codec.decode(codec.encode(corner)).astype(float) - corner)) for codec in (whole, own)]
    assert errors[0] > 1.2 * errors[1]
    assert len(whole.encode(corner)) < len(own.encode(corner))


def test_values_outside_of_the_range_are_refused() -> None:
    """They would be clipped away; zarr's own fill value at the edge is the usual culprit."""
    codec = ClassicalCodec("jpeg2000", 40, low=100, high=200)
    with pytest.raises(UnsupportedInputError, match=r"values 0 to 150 lie outside of the stated range 100.* to 200"):
        codec.encode(np.array([[0, 150]], "u2"))


def test_configuration_round_trip() -> None:
    """A codec is its configuration: through JSON, pickle and the registry, equal when that is equal."""
    for codec in (
        ClassicalCodec("jpegxl-7", 1, low=0, high=4095),
        ClassicalCodec("zfp", 0.01),
        ClassicalCodec("blosc-bit-5", lossless=True),
    ):
        config = json.loads(json.dumps(codec.get_config()))
        assert config["id"] == "zarr_neural.classical"
        for same in (numcodecs.get_codec(dict(config)), pickle.loads(pickle.dumps(codec))):
            assert same == codec
            assert same.get_config() == config
    assert ClassicalCodec("zfp", 0.01) != ClassicalCodec("zfp", 0.02)


def test_any_setting_decodes_any_chunk_of_its_family() -> None:
    image = volume("u2", (40, 40))
    data = ClassicalCodec("sz3", 0.01).encode(image)
    np.testing.assert_array_equal(ClassicalCodec("sz3", 0.1).decode(data), ClassicalCodec("sz3", 0.01).decode(data))
    with pytest.raises(DamagedChunkError, match="other settings or weights"):
        ClassicalCodec("zfp", 0.1).decode(data)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nosuch", 1), "no lossy codec is called 'nosuch'"),
        (("png-6", 1), "no lossy codec is called 'png-6'"),
        (("jpegxl-7",), r"from 0.01 to 25.0 \(distance\), not None"),
        (("jpegxl-7", 26), "not 26"),
        (("avif-6", 50.5), "a whole number from 0.0 to 99.0"),
        (("jpegxl-7", float("nan")), "not nan"),
        (("jpeg2000", 40, {"low": 3}), "given together"),
        (("jpeg2000", 40, {"low": 3, "high": 2}), "must not be above"),
        (("jpeg2000", 40, {"low": 3, "high": float("inf")}), "both finite"),
        (("sperr", None, {"lossless": True}), "no lossless codec is called 'sperr'"),
        (("png-6", 1, {"lossless": True}), "neither setting nor range"),
        (("png-6", None, {"lossless": True, "low": 1, "high": 2}), "neither setting nor range"),
    ],
    ids=str,
)
def test_bad_configurations_are_refused(arguments: tuple[Any, ...], why: str) -> None:
    named: dict[str, Any] = arguments[-1] if isinstance(arguments[-1], dict) else {}
    with pytest.raises(ConfigurationError, match=why):
        ClassicalCodec(*(value for value in arguments if not isinstance(value, dict)), **named)


@pytest.mark.parametrize(
    ("codec", "chunk", "why"),
    [
        (ClassicalCodec("webp", 50), np.zeros((4, 4), "u2"), "WebP has 8 bits"),
        (ClassicalCodec("jpegxl-7", 1), np.zeros((4, 4), "f4"), "takes no float32"),
        (ClassicalCodec("jpegls", lossless=True), np.zeros((4, 4), "f4"), "takes no float32"),
        (ClassicalCodec("jpegxl-7", 1), np.zeros((4, 4), "u4"), "is not taken|takes no uint32"),
        (ClassicalCodec("sz3", 0.1), np.array([[0, np.inf]], "f4"), "not finite"),
        (ClassicalCodec("webp", 50), np.arange(20000, dtype="u1").reshape(1, -1), r"webp cannot code planes of uint8 "),
    ],
    ids=["dtype", "float", "lossless float", "uint32", "infinity", "too wide"],
)
def test_what_a_codec_does_not_take_is_refused(codec: Any, chunk: NDArray[Any], why: str) -> None:
    with pytest.raises(UnsupportedInputError, match=why):
        codec.encode(chunk)


def test_a_library_that_lacks_a_codec_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        available = False

    monkeypatch.setattr(imagecodecs(), "WEBP", Lacking)
    for codec in (ClassicalCodec("webp", 50), ClassicalCodec("webp", lossless=True)):
        with pytest.raises(ConfigurationError, match=r"webp is not available here: imagecodecs .* has no WEBP"):
            codec.encode(np.zeros((4, 4), "u1"))


def test_a_library_that_is_missing_where_a_store_is_read_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = ClassicalCodec("webp", 50)
    data = codec.encode(volume("u1", (9, 9)))
    monkeypatch.setattr("zarr_neural.zoo.classical.library.importlib.import_module", _no_module)
    with pytest.raises(ConfigurationError, match="webp is not available here: imagecodecs is not installed"):
        codec.decode(data)


def _no_module(name: str) -> Any:
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("family", FAMILIES)
def test_damage_ends_in_our_errors(family: str) -> None:
    codec = ClassicalCodec(family, middle(family))
    data = codec.encode(volume("u1", (2, 24, 31)))
    positions = {*range(40), *RNG.integers(0, len(data), 200).tolist()}
    for position in positions:
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(RNG.integers(8))
        with pytest.raises((DamagedChunkError, MismatchError)):
            codec.decode(bytes(damaged))
        with pytest.raises(DamagedChunkError):
            codec.decode(data[:position])


@pytest.mark.parametrize(
    "codec",
    [
        *(ClassicalCodec(name, middle(name)) for name in ("jpeg2000", "jpegxl-7", "avif-6", "jpegxr", "lerc", "zfp")),
        *(ClassicalCodec(name, lossless=True) for name in ("jpegls", "png-6", "blosc-bit-5", "pcodec-8")),
    ],
    ids=lambda codec: codec.identity,
)
def test_forged_streams_end_in_our_errors(codec: ClassicalCodec) -> None:
    """Checksums that are right do not help: the library refuses, or decodes other samples."""
    image = volume("u1", (32, 40))
    stream = unpack_stream(codec.identity, codec.encode(image))
    body = stream.payload[2:]
    assert stream.payload[:2] == pack_varint(4 * len(body) + CODED)
    noise = RNG.bytes(200)
    for forged in (b"", body[:1], body[: len(body) // 2], noise):
        payload = pack_varint(4 * len(forged) + CODED) + forged
        with pytest.raises((DamagedChunkError, MismatchError)):
            codec.decode(pack_stream(codec.identity, image, payload, stream.parameters))


@pytest.mark.parametrize("family", FAMILIES)
def test_threads_write_the_same_bytes(family: str, tmp_path: Path) -> None:
    image = volume("u1", (4, 40, 64))
    codec = ClassicalCodec(family, middle(family), low=10, high=240)
    expected = [codec.encode(plane[np.newaxis]) for plane in image]
    store(image[:1], codec, tmp_path / "a.zarr", chunks=(1, 40, 64))
    array = zarr.open_array(tmp_path / "a.zarr", mode="r+")
    array.resize(image.shape)
    dask.array.store(dask.array.from_array(image, chunks=(1, 40, 64)), array, lock=False, scheduler="threads")
    assert [(tmp_path / "a.zarr" / f"{i}.0.0").read_bytes() for i in range(4)] == expected


def test_a_corrupt_chunk_of_a_store_is_an_error(tmp_path: Path) -> None:
    store(volume("u2"), ClassicalCodec("lerc", 0.01), tmp_path / "a.zarr")
    chunk = tmp_path / "a.zarr" / "0.1.0"
    data = bytearray(chunk.read_bytes())
    data[-5] ^= 8
    chunk.write_bytes(data)
    array = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert array[0, 0, 0] >= LOW
    with pytest.raises(DamagedChunkError, match="checksum"):
        array[0, 40, 0]


def test_planes_are_kept_in_the_smallest_way() -> None:
    """The index says how: the codec's stream, samples as they are, or one value."""
    planes = np.stack([np.zeros((4, 4)), np.eye(4), np.arange(16).reshape(4, 4)]).astype("<u2")
    payload = pack_planes(planes, lambda i: b"short" if i == 1 else bytes(32))
    assert [entry & 3 for entry in (payload[0], payload[1])] == [CONSTANT, CODED]
    assert (payload[2] & 127) & 3 == STORED
    back = unpack_planes(payload, (3, 4, 4), planes.dtype, lambda data: np.full((4, 4), len(data), "<u2"))
    np.testing.assert_array_equal(back[0], planes[0])
    assert (back[1] == 5).all()
    np.testing.assert_array_equal(back[2], planes[2])
    for bad in (payload[:-1], payload + b"x", b"\x0b" + payload[1:], b""):
        with pytest.raises(DamagedChunkError):
            unpack_planes(bad, (3, 4, 4), planes.dtype, lambda data: np.zeros((4, 4), "<u2"))
    with pytest.raises(DamagedChunkError, match="decoded plane"):
        unpack_planes(payload, (3, 4, 4), planes.dtype, lambda data: np.zeros((4, 4), "u1"))


def test_lossless_floats_keep_every_bit() -> None:
    chunk = np.array([[0.0, -0.0], [np.nan, np.inf]], "f4")
    for name in ("zstd-3", "blosc-byte-5", "pcodec-8"):
        codec = ClassicalCodec(name, lossless=True)
        assert codec.decode(codec.encode(chunk)).tobytes() == chunk.tobytes()
    zeros = np.array([[0.0, -0.0]], "f4")
    codec = ClassicalCodec("zstd-3", lossless=True)
    assert codec.decode(codec.encode(zeros)).tobytes() == zeros.tobytes()


def test_a_lossless_library_that_loses_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lossy = lossless.jpegls_near(3)
    monkeypatch.setitem(LOSSLESS, "jpegls", lossy)
    with pytest.raises(Exception, match="nothing was written") as caught:
        ClassicalCodec("jpegls", lossless=True).encode(volume("u2", (40, 40)))
    assert type(caught.value).__name__ == "BoundError"


def test_the_header_holds_the_range_that_was_stated() -> None:
    codec = ClassicalCodec("jpegxr", 0.5, low=-3, high=70000)
    stream = unpack_stream(codec.identity, codec.encode(volume("u2", (20, 20))))
    assert stream.parameters == (0, 2 * 65535, 0)


def test_building_and_pickling_imports_no_library() -> None:
    """Who only writes metadata, or sends a codec to a worker, needs neither imagecodecs nor torch."""
    code = (
        "import json, pickle, sys\n"
        "from zarr_neural import zoo\n"
        "assert 'zarr_neural.zoo.classical' not in sys.modules\n"
        "codec = zoo.ClassicalCodec('jpegxl-7', 1.0)\n"
        "pickle.loads(pickle.dumps(codec)).get_config()\n"
        "zoo.StudyTiles('lerc').get_config()\n"
        "print(json.dumps([name for name in ('imagecodecs', 'torch', 'tifffile') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == []


def test_public_names() -> None:
    assert sorted(zoo.__all__) == [
        "AutoencoderCodec",
        "ClassicalCodec",
        "FactorizedPrior3D",
        "ResidualCodec",
        "StudyTiles",
        "ZooCodec",
        "available",
    ]
    assert all(getattr(zoo, name) is not None for name in zoo.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Classic'"):
        _ = zoo.Classic
