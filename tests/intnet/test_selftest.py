"""A kernel set is used only after it gave the known answers, and one that answers wrongly is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zarr_neural import _native
from zarr_neural.errors import ConfigurationError, EngineError
from zarr_neural.intnet import native, selftest
from zarr_neural.intnet.known_answer import PAYLOAD_FILE, known_plane, known_transforms

Function = Callable[..., Any]


@pytest.fixture(autouse=True)
def _nothing_passed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_passed", set())


@pytest.mark.parametrize("kernels", _native.kernel_names())
def test_every_kernel_set_passes(kernels: str) -> None:
    """All sets that this processor runs give the known answers."""
    selftest.run(kernels)


def test_it_runs_once_per_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second use of a set costs nothing."""
    runs: list[tuple[str, str]] = []
    monkeypatch.setattr(selftest, "start", lambda *args: runs.append(args))
    for name in ("portable", "portable", "other", "portable"):
        selftest.require(name)
        selftest.require(name, "transforms")
    assert runs == [(name, path) for name in ("portable", "other") for path in ("planes", "transforms")]


def wrong_bytes(encode: Function, *args: Any) -> Any:
    payload, words_nbytes = encode(*args)
    return payload[:-1] + bytes([payload[-1] ^ 1]), words_nbytes


def wrong_pixel(decode: Function, *args: Any) -> Any:
    plane = decode(*args)
    plane[-1, -1] ^= 1
    return plane


def wrong_when_large(decode: Function, *args: Any) -> Any:
    return wrong_pixel(decode, *args) if args[3] == 256 else decode(*args)


def wrong_transform(encode: Function, *args: Any) -> Any:
    *rest, decoded = encode(*args)
    decoded[0, 0] ^= 1
    return *rest, decoded


def no_step(encode: Function, *args: Any) -> None:
    return None


def wrong_when_wild(decode: Function, *args: Any) -> Any:
    return wrong_pixel(decode, *args) if args[3:5] == (70, 37) else decode(*args)


def refusing(decode: Function, *args: Any) -> Any:
    raise _native.DamagedStream("no")


@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        ("encode_plane", wrong_bytes, "wrong bytes"),
        ("decode_plane", wrong_pixel, "wrong pixels"),
        ("decode_plane", wrong_when_large, r"wrong pixels of \(256"),
        ("decode_plane", refusing, "refuse a known payload"),
        ("decode_transform", wrong_pixel, r"wrong transform of \(12"),
        ("decode_transform", wrong_when_wild, r"wrong transform of \(70"),
        ("decode_transform", refusing, "refuse a known transform"),
        ("encode_transform", wrong_transform, "another transform"),
        ("encode_transform", no_step, "find no step"),
    ],
)
def test_a_wrong_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str, fault: Function, message: str) -> None:
    """Wrong bytes, wrong pixels or a refusal end in EngineError, every time that the set is asked for that path."""
    right = getattr(_native, name)
    monkeypatch.setattr(selftest, name, lambda *args: fault(right, *args))
    for _ in range(2):
        with pytest.raises(EngineError, match=message):
            native.ready_kernels("transforms" if name.endswith("transform") else "planes")


@pytest.mark.parametrize(
    ("path", "names"),
    [("planes", {"encode_plane", "decode_plane"}), ("transforms", {"encode_transform", "decode_transform"})],
)
def test_a_process_begins_with_what_it_uses(path: Any, names: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before the first plane encodes and decodes by that path alone, in several numbers of lanes, to 32."""
    sizes: dict[str, set[int]] = {}

    def spy(name: str) -> Function:
        right = getattr(_native, name)

        def call(*args: Any) -> Any:
            given = args[1].size if name.startswith("encode") else args[3] * args[4]
            sizes.setdefault(name, set()).add(given)
            return right(*args)

        return call

    for name in ("encode_plane", "decode_plane", "encode_transform", "decode_transform"):
        monkeypatch.setattr(selftest, name, spy(name))
    native.ready_kernels(path)
    assert set(sizes) == names
    assert max(sizes["encode_" + path[:-1]]) >= 16384
    assert all(len(found) > 1 for name, found in sizes.items() if name != "encode_transform")


def test_kernels_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    """ZARR_NEURAL_KERNELS names the set to use; an unknown name is refused with those that there are."""
    monkeypatch.setenv(native.KERNELS_VARIABLE, "portable")
    assert native.ready_kernels() == "portable"
    monkeypatch.setenv(native.KERNELS_VARIABLE, "abacus")
    with pytest.raises(ConfigurationError, match="portable"):
        native.ready_kernels()
    monkeypatch.delenv(native.KERNELS_VARIABLE)
    assert native.ready_kernels() == _native.kernel_names()[0]


def test_the_stored_payload_reaches_all_lanes() -> None:
    """The plane of the stored payload has more than 65535 pixels, hence 32 lanes, and every kind of content."""
    plane = known_plane(*selftest.LARGE)
    assert plane.size >= 65536
    assert plane.min() == 0
    assert plane.max() == 65535
    stored = PAYLOAD_FILE.read_bytes()
    assert 4 * 32 < int.from_bytes(stored[:4], "little") < len(stored) - 4
    assert np.unique(plane).size > 1000


def test_the_stored_transforms_reach_far() -> None:
    """The stored transforms have 32 lanes and one, rows longer than a segment, and ranges of 1 and of 16 bits."""
    stored = known_transforms()
    assert {known.lanes for known in stored} >= {0, 5}
    assert {known.top for known in stored} >= {1, 65535}
    assert max(known.width for known in stored) > 4 * 256
    assert all(4 << known.lanes < known.words_nbytes < len(known.payload) for known in stored)
