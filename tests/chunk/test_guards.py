"""What an encoder promises is measured on what it would hand out, whatever went wrong before."""

from typing import Any

import numpy as np
import pytest

from zarr_neural.chunk import Fidelity, encode, encode_chunk
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
    with pytest.raises(BoundError, match="promised was at most"):
        encode_chunk(IMAGE, fidelity, default_lossless(), default_lossy("fast"), verify=False)
