"""What was written is what everybody reads: golden chunks decode to their recorded samples on every path."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from zarr_neural import NeuralCodec, _native, models
from zarr_neural.chunk import decode_chunk, describe
from zarr_neural.intnet.native import KERNELS_VARIABLE

GOLDEN = Path(__file__).parent.parent / "golden"
Golden = tuple[bytes, dict[str, Any]]


def check(decoded: np.ndarray, says: dict[str, Any]) -> None:
    """The array is what the manifest says, to the last bit."""
    assert list(decoded.shape) == says["shape"]
    assert decoded.dtype.str == says["dtype"]
    assert decoded.flags.c_contiguous if says["order"] == "C" else decoded.flags.f_contiguous
    assert hashlib.sha256(decoded.tobytes()).hexdigest() == says["samples_sha256"]


@pytest.mark.parametrize("kernels", _native.kernel_names())
def test_every_kernel_set_reads_them(kernels: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each golden chunk decodes to its recorded samples with each kernel set that runs on this processor."""
    monkeypatch.setenv(KERNELS_VARIABLE, kernels)
    data, says = golden
    assert len(data) == says["nbytes"]
    check(decode_chunk(data, says["config"]["models"]), says)


def test_the_codec_of_the_metadata_reads_them(golden: Golden) -> None:
    """The configuration that was stored beside a chunk still makes a codec, which reads it."""
    data, says = golden
    check(NeuralCodec.from_config(says["config"]).decode(data), says)
    assert describe(data)["mode"] == says["mode"]


def test_eight_threads_read_them(all_golden: dict[str, Golden]) -> None:
    """Eight threads that decode all golden chunks at once, each in an order of its own, get the recorded samples."""

    def work(seed: int) -> None:
        for name in np.random.default_rng(seed).permutation(list(all_golden)):
            data, says = all_golden[name]
            check(decode_chunk(data, says["config"]["models"]), says)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))


def test_an_independent_reader_reads_them(golden: Golden, independent_reader: ModuleType) -> None:
    """A reader that shares neither parser nor decoder with ours gets the same array."""
    data, says = golden

    def model(prefix: bytes) -> dict[str, np.ndarray]:
        (model_id,) = [m for m in says["config"]["models"] if m.startswith(prefix.hex())]
        return dict(models.load(model_id).arrays)

    check(independent_reader.read_chunk(data, model), says)


def test_the_independent_reader_is_strict(all_golden: dict[str, Golden], independent_reader: ModuleType) -> None:
    """The other reader proves checksums too: it cannot agree by accident."""
    data, _ = all_golden["networks-u2"]
    for place in (2, 4, 9, 20, 60, len(data) - 1):
        altered = bytearray(data)
        altered[place] ^= 1
        with pytest.raises((independent_reader.NotAChunkError, IndexError)):
            independent_reader.read_chunk(bytes(altered), lambda prefix: {})


def test_they_cover_the_format(all_golden: dict[str, Golden]) -> None:
    """Among the golden chunks is every mode, every quantiser, margins, palettes, repeats, lanes and stored bytes."""
    described = [describe(data) for data, _ in all_golden.values()]
    assert {d["mode"] for d in described} == {"constant", "generic", "networks", "transform"}
    assert {next(iter(d["fidelity"])) for d in described} == {"lossless", "max_error", "noise", "step", "rmse"}
    assert {d["order"] for d in described} == {"C", "F"}
    assert {"<", ">", "|"} == {d["dtype"][0] for d in described}
    planes = [plane for d in described if d["mode"] == "networks" for plane in d["planes"]]
    assert any("height" in plane for plane in planes)
    assert {(plane["palette"], plane["repeats"]) for plane in planes} >= {(False, False), (True, False), (True, True)}
    assert any(len(d.get("planes", [])) > 1 for d in described)
    assert any(d["mode"] == "networks" and np.prod(d["shape"]) >= 65_536 for d in described)
    kinds = {
        data[d["header_nbytes"]]
        for (data, _), d in zip(all_golden.values(), described, strict=True)
        if d["mode"] == "generic"
    }
    assert kinds == {0, 1, 2}


def test_they_cover_transforms(all_golden: dict[str, Golden]) -> None:
    """Among them are transforms of many dtypes and ranges, with and without corrections, of one lane and of 32."""
    described = [describe(data) for data, _ in all_golden.values()]
    transforms = [d for d in described if d["mode"] == "transform"]
    assert {d["dtype"][1:] for d in transforms} == {"u1", "u2", "i2", "f4", "f8"}
    assert {tuple(sorted(d["fidelity"])) for d in transforms} == {
        ("rmse",),
        ("max_error", "rmse"),
        ("levels", "rmse"),
        ("levels", "max_error", "rmse"),
    }
    planes = [plane for d in transforms for plane in d["planes"]]
    assert {plane.get("lanes") for plane in planes} >= {0, 3, 5, None}
    assert {plane["levels"] for plane in planes} >= {1, 65536}
    assert any("height" in plane and "corrections" in plane for plane in planes)
    assert any(len(d["planes"]) > 1 for d in transforms)
    ids = {says["config"]["models"][-1] for _, says in all_golden.values() if says["mode"] == "transform"}
    assert len(ids) >= 3
    assert all((GOLDEN / "models" / f"{i}.safetensors").exists() or i in models.shipped() for i in ids)
    assert {next(iter(d["fidelity"].get("levels", {"grey": 0}))) for d in transforms} == {"grey", "noise", "step"}


def test_files_and_manifest_agree(all_golden: dict[str, Golden]) -> None:
    """Every file is in the manifest, and together they stay small."""
    folder = Path(__file__).parent.parent / "golden"
    assert sorted(path.stem for path in folder.glob("*.bin")) == sorted(all_golden)
    assert sum(len(data) for data, _ in all_golden.values()) < 300_000
