"""What an encoder promises is measured on what it would hand out, whatever went wrong before."""

from typing import Any

import numpy as np
import pytest

from zarr_neural.chunk import Fidelity, encode, encode_chunk, mean_error
from zarr_neural.errors import BoundError
from zarr_neural.models import default_lossless, default_lossy

IMAGE = np.random.default_rng(4).poisson(300, (64, 64)).astype("u2")


@pytest.mark.parametrize(
    ("fidelity", "within"),
    [
        (Fidelity(rmse=3.0), 3),
        (Fidelity(rmse=3.0, max_error=9), 3),
        (Fidelity(rmse=99.0, max_error=9), 9),
        (Fidelity(max_error=9), 9),
    ],
    ids=str,
)
def test_an_error_beyond_the_promise_is_never_handed_out(
    fidelity: Fidelity, within: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A little more than the promised mean error, or one grey level more than the bound, ends in an error."""
    smallest = encode.smallest
    error = np.full(IMAGE.shape, within, "u2")

    def spoilt(planes: np.ndarray, *rest: Any) -> Any:
        return smallest(planes, *rest)._replace(decoded=planes + error)

    monkeypatch.setattr(encode, "smallest", spoilt)
    assert encode_chunk(IMAGE, fidelity, default_lossless(), default_lossy("fast"), verify=False)
    error[:2] += 1  # a root mean square of 3.036
    with pytest.raises(BoundError, match="but at most"):
        encode_chunk(IMAGE, fidelity, default_lossless(), default_lossy("fast"), verify=False)


@pytest.mark.parametrize("excess", [1.01, 1.5])
def test_an_attempt_beyond_the_promise_is_made_again_more_finely(
    excess: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rounding adds more than was reckoned with, be it 1 %, the planes are coded anew at less and not refused."""
    attempt, planes, asked = mean_error._encode_planes, IMAGE[None], []

    def too_much(planes: np.ndarray, quantiser: Any, max_mse: float, *rest: Any) -> Any:
        payload, decoded = attempt(planes, quantiser, max_mse, *rest)
        asked.append(max_mse)
        return payload, planes + 3.0 * excess if len(asked) == 1 else decoded

    monkeypatch.setattr(mean_error, "_encode_planes", too_much)
    _, _, decoded = mean_error.encode_at_mean_error(
        planes, Fidelity(rmse=3.0, max_error=20), default_lossless(), default_lossy("fast")
    )
    assert len(asked) == 2
    assert asked[1] < asked[0]
    assert mean_error.root_mean_square_error(planes, decoded) <= 3
