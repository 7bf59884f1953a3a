"""Whatever goes in losslessly comes out as it was, and never at a price beyond the header."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numcodecs import Shuffle, Zstd

from zarr_neural.chunk import Fidelity, decode_chunk, describe, encode_chunk, holds_names
from zarr_neural.chunk.header import DTYPES
from zarr_neural.models import default_lossless

MODEL = default_lossless()
LOSSLESS = Fidelity()
Picture = Callable[..., np.ndarray]
DTYPE_NAMES = sorted({np.dtype(code).newbyteorder(order).str for code in DTYPES for order in "<>"})


def round_trip(array: np.ndarray) -> bytes:
    """The chunk of an array, after a proof that it decodes to the same bits, dtype, shape and memory order."""
    data = encode_chunk(array, LOSSLESS, MODEL)
    decoded = decode_chunk(data)
    assert (decoded.shape, decoded.dtype) == (array.shape, array.dtype)
    assert decoded.tobytes() == array.tobytes()
    assert decoded.flags.writeable
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    assert decoded.flags.f_contiguous if fortran else decoded.flags.c_contiguous
    assert len(data) <= array.nbytes + describe(data)["header_nbytes"] + 1
    return data


def mode_of(data: bytes) -> str:
    return str(describe(data)["mode"])


def of_dtype(image: np.ndarray, name: str) -> np.ndarray:
    """A picture as samples of a dtype, signs and fractions included where there are any."""
    dtype = np.dtype(name)
    if dtype.kind == "b":
        return image > np.median(image)
    if dtype.kind in "iu":
        wide = image.astype(np.int64) // (4 if dtype.itemsize == 1 else 1) - (150 if dtype.kind == "i" else 0)
        info = np.iinfo(dtype)
        return np.clip(wide, info.min, info.max).astype(dtype)
    return ((image - 300.0) * (1 / 7 if dtype.kind == "f" else 1 / 7 + 0.25j)).astype(dtype)


@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_every_dtype_comes_back(name: str, picture: Picture) -> None:
    """Each dtype with a code in the header, of either byte order, survives pictures, extremes and random bits."""
    dtype = np.dtype(name)
    round_trip(of_dtype(picture(48, 61), name))
    random = np.random.default_rng(5)
    bits = random.integers(0, 2 if dtype.kind == "b" else 256, (13, 17 * dtype.itemsize), np.uint8).view(dtype)
    round_trip(bits)  # among floats NaN of every payload, infinities, subnormals
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        round_trip(random.choice(np.array([info.min, info.max, 0, 1], dtype), (30, 31)))
        round_trip((of_dtype(picture(40, 40), "u1").astype(object) % 97 + int(info.max) - 96).astype(dtype))


@pytest.mark.parametrize("name", ["u1", "i1", "u2", ">i2", "<u4", ">i8"])
def test_integers_of_narrow_range_are_coded_by_networks(name: str, picture: Picture) -> None:
    """Integers of any width whose levels span 16 bits take the dense path, wherever in their range they lie."""
    image = of_dtype(picture(96, 96), "u1" if name[-1] == "1" else "u2").astype(np.int64)
    info = np.iinfo(name)
    for lowest in (int(info.min), int(info.max) - int(image.max())):
        if abs(lowest) < 2**62 - 2**17:
            assert (
                mode_of(round_trip((image - image.min() + lowest).clip(info.min, info.max).astype(name))) == "networks"
            )


def _negative(image: np.ndarray) -> np.ndarray:
    return image[::-1, ::-1]


def _strided(image: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(image, 2, 0), 3, 1)[::2, ::3]


def _locked(image: np.ndarray) -> np.ndarray:
    locked = image.copy()
    locked.flags.writeable = False
    return locked


def _unaligned(image: np.ndarray) -> np.ndarray:
    raw = np.zeros(image.nbytes + 1, np.uint8)
    raw[1:] = np.ascontiguousarray(image).reshape(-1).view(np.uint8)
    return raw[1:].view(image.dtype).reshape(image.shape)


LAYOUTS = [np.ascontiguousarray, np.asfortranarray, np.transpose, _negative, _strided, _locked, _unaligned]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__.strip("_"))
@pytest.mark.parametrize("name", ["u1", "<u2", ">u2", ">f4"])
def test_every_memory_layout_comes_back(
    layout: Callable[[np.ndarray], np.ndarray], name: str, picture: Picture
) -> None:
    """Memory layout is none of the pixels' business: each decodes to the same samples, and input is left untouched."""
    image = layout(of_dtype(picture(50, 67), name))
    before = image.copy()
    round_trip(image)
    np.testing.assert_array_equal(image, before)
    if image.ndim == 2:
        volume = layout(np.stack([image, image[::-1]]))
        round_trip(volume)


SHAPES = [
    (1, 1),
    (1, 2),
    (1, 300),
    (257, 1),
    (2, 2),
    (3, 5),
    (31, 33),
    (2, 500),
    (400, 3),
    (127, 129),
    (3, 20, 21),
    (2, 1, 3, 17, 16),
    (1, 1, 40, 41),
    (40, 1, 41),
    (40, 41, 1),
    (1, 40, 1, 41, 1),
    (5, 1, 1),
    (1, 1, 1, 1),
    (7, 1, 6, 1, 5, 1),
    (2,) * 12,
    (1,) * 30 + (9, 8),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s[:6])) + f"-{len(s)}d")
def test_every_shape_comes_back(shape: tuple[int, ...], picture: Picture) -> None:
    """Points, lines, strips, odd sides, leading axes, and axes of length one anywhere keep their shape."""
    image = picture(64, 80).reshape(-1)
    for dtype in (np.uint8, np.uint16, np.float32):
        round_trip(np.resize(image // (8 if dtype == np.uint8 else 1), shape).astype(dtype))


def test_lanes_of_large_planes(picture: Picture) -> None:
    """Planes beyond 65536 pixels, which are coded on 32 lanes, come back in square and strip shape."""
    assert mode_of(round_trip(picture(300, 301))) == "networks"
    round_trip(picture(3, 30_000))
    round_trip(picture(70_000, 1))


def test_leading_axes_cost_no_more_than_their_planes(picture: Picture) -> None:
    """A stack costs what its planes cost, less their headers."""
    planes = [picture(64, 64, seed) for seed in range(4)]
    alone = sum(len(encode_chunk(p, LOSSLESS, MODEL)) for p in planes)
    assert len(round_trip(np.stack(planes)[:, None])) <= alone


@dataclass(frozen=True)
class Content:
    """An image, and the most bits per pixel that it may cost."""

    name: str
    make: Callable[[Picture], np.ndarray]
    bits: float
    mode: str | None = None

    def __str__(self) -> str:
        return self.name


def _labels(_: Picture) -> np.ndarray:
    y, x = np.mgrid[:200, :200]
    return ((y // 23) * 9 + (x + y // 7) // 19).astype(np.uint16)


def _saturated(picture: Picture) -> np.ndarray:
    return np.minimum(picture(128, 128).astype(np.int64) * 250, 65535).astype(np.uint16)


def _padded(picture: Picture) -> np.ndarray:
    image = np.zeros((256, 256), np.uint16)
    image[:20, :30] = picture(20, 30)
    return image


def _random(dtype: str) -> Callable[[Picture], np.ndarray]:
    info = np.iinfo(dtype)
    return lambda _: np.random.default_rng(6).integers(info.min, info.max, (128, 128), dtype, endpoint=True)


CONTENTS = [
    Content("constant-0", lambda _: np.zeros((500, 500), np.uint16), 0.01, "constant"),
    Content("constant-max", lambda _: np.full((500, 500), 65535, np.uint16), 0.01, "constant"),
    Content("constant-nan", lambda _: np.full((500, 500), np.nan, np.float32), 0.01, "constant"),
    Content("constant-bool", lambda _: np.ones((500, 500), bool), 0.01, "constant"),
    Content("one-pixel", lambda _: np.eye(1, 250_000, 77_777, dtype=np.uint16).reshape(500, 500), 0.01),
    Content("full-range", _random("u2"), 16.05, "generic"),
    Content("noise-u1", _random("u1"), 8.05, "generic"),
    Content("noise-i1", _random("i1"), 8.05, "generic"),
    Content("noise-i8", _random("i8"), 64.05, "generic"),
    Content("saturated", _saturated, 16),
    Content("comb", lambda picture: (picture(128, 128) // 8 * 257).astype(np.uint16), 5.5, "networks"),
    Content(
        "comb-offset", lambda picture: (picture(128, 128).astype(np.int64) // 8 * 100 - 30_000).astype(np.int16), 5.5
    ),
    Content("labels-u2", _labels, 1),
    Content("labels-u4", lambda p: _labels(p).astype(np.uint32) + 2**31, 1),
    Content("labels-i8", lambda p: _labels(p).astype(np.int64) - 2**40, 1),
    Content("labels-f4", lambda p: _labels(p).astype(np.float32), 2, "generic"),
    Content("ramp", lambda _: np.tile(np.arange(256, dtype=np.uint16) * 200, (256, 1)), 0.5),
    Content("checkers", lambda _: (np.indices((256, 256)).sum(0) % 2 * 65535).astype(np.uint16), 0.2),
    Content("two-levels", lambda _: np.random.default_rng(7).choice(np.array([3, 60_000], np.uint16), (128, 128)), 1.2),
    Content("padded", _padded, 0.15, "networks"),
    Content("binary", lambda picture: picture(128, 128) > 250, 1.05),
]


@pytest.mark.parametrize("content", CONTENTS, ids=str)
def test_every_content_comes_back_at_its_price(content: Content, picture: Picture) -> None:
    """Images that are easy to code cost next to nothing, and none costs more than its bytes and the header."""
    image = content.make(picture)
    data = round_trip(image)
    assert 8 * len(data) / image.size <= content.bits
    assert content.mode in (None, mode_of(data))


def test_labels_take_the_coder_for_repeats() -> None:
    """Samples that equal their neighbours are coded as repeats, not as noise."""
    (plane,) = describe(round_trip(_labels(None).astype(np.uint32)))["planes"]  # type: ignore[arg-type]
    assert plane["repeats"]


def test_combs_take_a_palette(picture: Picture) -> None:
    """Gaps between the levels in use cost no more than a list of the levels."""
    image = picture(128, 128) // 8
    comb = (image * 131).astype(np.uint16)
    (plane,) = describe(round_trip(comb))["planes"]
    assert plane["palette"]
    assert len(round_trip(comb)) <= len(round_trip(image)) + 64


@dataclass(frozen=True)
class Edge:
    """A chunk at the edge of an array, of which only the first pixels are real."""

    real: tuple[int, int]
    chunk: tuple[int, int]
    fill: int

    def __str__(self) -> str:
        return f"{self.real}-of-{self.chunk}-fill-{self.fill}"


EDGES = [
    Edge((100, 100), (256, 256), 0),
    Edge((256, 70), (256, 256), 0),
    Edge((90, 256), (256, 256), 65535),
    Edge((200, 255), (256, 256), 107),  # a level that the image has too
    Edge((255, 255), (256, 256), 0),
]


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_padding_costs_next_to_nothing(edge: Edge, picture: Picture) -> None:
    """Pixels in a padded chunk cost at most 3 % more than in a chunk of their own size, in 2D and in 3D."""
    real = picture(*edge.real, photons=60)
    padded = np.full(edge.chunk, edge.fill, np.uint16)
    padded[: edge.real[0], : edge.real[1]] = real
    own = len(round_trip(real))
    assert len(round_trip(padded)) <= 1.03 * own
    other = picture(*edge.real, seed=1, photons=60)
    padded_other = np.full(edge.chunk, edge.fill, np.uint16)
    padded_other[-edge.real[0] :, : edge.real[1]] = other
    assert len(round_trip(np.stack([padded, padded_other]))) <= 1.03 * len(round_trip(np.stack([real, other])))


def _tiles(picture: Picture) -> np.ndarray:
    return np.tile(np.random.default_rng(8).integers(0, 65536, (50, 60), np.uint16), (6, 5))


FOR_ZSTD = [
    Content("picture", lambda picture: picture(256, 256), 0),
    Content("stack", lambda picture: np.stack([picture(64, 64, s) for s in range(9)]), 0),
    Content("small", lambda picture: picture(9, 11), 0),
    Content("labels", _labels, 0),
    Content(
        "text-like",
        lambda _: np.frombuffer((b"every chunk is an island. " * 4000)[:90_000], np.uint8).reshape(300, 300),
        0,
    ),
    Content("tiles", _tiles, 0),
    Content("frozen-frames", lambda picture: np.stack([picture(150, 150, photons=2000)] * 3), 0),
    Content("float-steps", lambda picture: (picture(200, 200) / 4).astype(np.float32), 0),
    Content("wide-integers", lambda picture: picture(200, 200).astype(np.int64) * 3_000_000_007, 0),
    Content("complex", lambda picture: picture(100, 100) * (1 + 2j), 0),
    Content(
        "sparse",
        lambda _: np.random.default_rng(9).choice(np.array([0, 7, 900], np.uint16), (300, 300), p=[0.98, 0.01, 0.01]),
        0,
    ),
    Content("few-rows", lambda picture: np.repeat(picture(8, 512, photons=9000), 64, 0), 0),
    Content("few-columns", lambda picture: np.repeat(picture(512, 8, photons=9000), 64, 1), 0),
    Content("ramp-u4", lambda _: np.arange(90_000, dtype=np.uint32).reshape(300, 300), 0),
]


@pytest.mark.parametrize("content", FOR_ZSTD, ids=str)
def test_never_worse_than_shuffle_and_zstd(content: Content, picture: Picture) -> None:
    """What a user would have picked instead, shuffle and zstd, is at most 64 bytes smaller, on any content."""
    image = np.ascontiguousarray(content.make(picture))
    shuffled = Shuffle(image.itemsize).encode(image.reshape(-1)) if image.itemsize > 1 else image.tobytes()
    assert len(round_trip(image)) <= len(Zstd(level=7).encode(shuffled)) + 64


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize(
    "content", [c for c in FOR_ZSTD if c.name not in ("float-steps", "wide-integers", "complex")], ids=str
)
def test_bounded_never_worse_than_shuffle_and_zstd(content: Content, k: int, picture: Picture) -> None:
    """Nor are the integers of a user's own quantiser, shuffled and compressed by zstd, more than 64 bytes smaller."""
    image = np.ascontiguousarray(content.make(picture))
    if image.dtype.itemsize > 2:
        image = image.astype(np.uint16)
    step = 1 if holds_names(image) else 2 * k + 1  # names are coded without loss
    levels = ((image.astype(np.int64) + step // 2) // step).astype(image.dtype)
    levels = levels.astype(np.min_scalar_type(int(levels.max())))
    shuffled = Shuffle(levels.itemsize).encode(levels.reshape(-1)) if levels.itemsize > 1 else levels.tobytes()
    assert len(encode_chunk(image, Fidelity(max_error=k), MODEL)) <= len(Zstd(level=7).encode(shuffled)) + 64


def test_samples_of_any_kind_in_any_shape() -> None:
    """Three hundred random arrays of random dtype, shape, content and layout come back."""
    random = np.random.default_rng(10)
    for _ in range(300):
        dtype = np.dtype(DTYPE_NAMES[random.integers(len(DTYPE_NAMES))])
        shape = tuple(int(n) for n in random.choice([1, 1, 2, 3, 7, 16, 33], random.integers(2, 6)))
        if np.prod(shape) > 40_000:
            continue
        levels = int(random.choice([1, 2, 5, 200, 30_000]))
        array = random.integers(0, levels, shape) * int(random.choice([1, 1, 3]))
        if random.random() < 0.5:
            array = np.cumsum(array - levels // 2, axis=-1)
        with np.errstate(invalid="ignore", over="ignore"):
            array = array.astype(dtype)
        if random.random() < 0.3:
            array[tuple(slice(0, int(random.integers(1, n + 1))) for n in shape)] = array.flat[0]
        if random.random() < 0.5:
            array = array.transpose(random.permutation(len(shape)))
        round_trip(array)
