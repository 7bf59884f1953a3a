from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.lossy_codecs import ANCHORS, by_name, further, usual, with_models
from eval.lossy_ours import ours
from eval.metrics import psnr_db, rmse
from zarr_neural.models import pack_lossy, unpack
from zarr_neural.zoo.classical import FAMILIES, LossyCodec


def quality(codec: LossyCodec, image: NDArray[Any], setting: float) -> tuple[int, float]:
    prepared = codec.prepare(image)
    stream = codec.compress(prepared, setting)
    decoded = codec.restore(stream, image.shape, prepared.scale)
    assert decoded.dtype == image.dtype
    return len(stream), psnr_db(rmse(image, decoded), float(np.ptp(image)))


@pytest.fixture
def model_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lossy model of the user's own, whose networks see nothing."""
    widths = np.zeros((2, 48, 128), np.uint16)
    widths[..., :3] = 2**13, 2**12, 2**12
    gains = np.zeros((1, 10, 3), np.int16)
    arrays: dict[str, NDArray[Any]] = {"half": np.zeros((2, 48), np.uint8), "widths": widths, "gains": gains}
    for layer, outputs, inputs in (("1", 4, 32), ("2", 4, 4), ("3", 9, 4)):
        arrays["w" + layer] = np.zeros((4, 3, 4, outputs, inputs), np.int8)
        arrays["b" + layer] = np.zeros((4, 3, 4, outputs), np.int32)
        arrays["s" + layer] = np.zeros((4, 3, 4, outputs), np.uint8)
    data = pack_lossy(arrays, {})
    found: str = unpack(data).id
    (tmp_path / f"{found}.safetensors").write_bytes(data)
    monkeypatch.setenv("ZARR_NEURAL_MODELS", str(tmp_path))
    return found


def test_our_codec_keeps_its_mean_error(shipped_image: NDArray[Any], model_id: str) -> None:
    (codec,) = with_models([f"mine={model_id}"])
    assert (codec.name, codec.missing) == ("zarr_neural-mine", "")
    measured = [quality(codec, shipped_image, wanted) for wanted in (30.0, 36.0, 42.0)]
    for (_, psnr), wanted in zip(measured, (30.0, 36.0, 42.0), strict=True):
        assert psnr >= wanted
    if np.ptp(shipped_image) > 100:  # of few levels a stream without loss may be the smaller one
        assert measured[0][0] < measured[1][0] < measured[2][0]


def test_a_model_of_ours_that_is_not_there_is_named() -> None:
    """No folder of this machine stands in the reason: it goes into tables."""
    (codec,) = with_models(["mine=" + "0" * 64])
    assert codec.missing == f"no model {'0' * 64} found"
    for preset in ("fast", "dense"):
        assert "/" not in ours(preset).missing
    with pytest.raises(ValueError, match="NAME=SHA256"):
        with_models(["mine=abc"])


def test_names_are_unique_and_unknown_ones_are_refused() -> None:
    names = [codec.name for codec in [*usual(), *further()]]
    assert len(set(names)) == len(names)
    assert set(ANCHORS) <= set(names)
    assert {name for name in names if name not in ("zarr_neural-fast", "zarr_neural-dense")} == set(FAMILIES)
    assert [codec.name for codec in by_name(["sz3", "avif-4"])] == ["sz3", "avif-4"]
    with pytest.raises(ValueError, match="unknown codec nosuch; there are: zarr_neural-fast"):
        by_name(["nosuch"])
