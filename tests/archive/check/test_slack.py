"""A promised mean error has no slack: what is a little above is found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from zarr_neural.archive import Options, convert, fidelity_from, verify
from zarr_neural.archive.check.promise import exceeds

Writer = Callable[..., tuple[Path, np.ndarray]]


@pytest.mark.parametrize("limit", [0.1, 1.0, 4.0, 1e6])
def test_a_millionth_more_is_more(limit: float) -> None:
    """Nothing but the rounding of a sum of floats is forgiven, and what is no number is no promise kept."""
    assert not exceeds(limit, limit)
    assert not exceeds(limit * (1 + 1e-12), limit)
    assert exceeds(limit * (1 + 1e-6), limit)
    assert exceeds(float("nan"), limit)


def test_chunks_that_err_one_percent_more_than_promised_are_found(write_ome: Writer, tmp_path: Path) -> None:
    """A store whose worst chunk has 1 % more than the rmse that its metadata promise is damaged, chunk by chunk."""
    path, pixels = write_ome("YX", (300, 200))
    store = tmp_path / "a.zarr"
    convert([path], store, Options(fidelity_from(rmse=4.125), chunks=(64, 64), workers=2))
    square = (np.asarray(zarr.open_array(store / "0", mode="r")[:]).astype(float) - pixels) ** 2
    rmse = [np.sqrt(square[y : y + 64, x : x + 64].mean()) for y in range(0, 300, 64) for x in range(0, 200, 64)]
    limit = max(rmse) / 1.01
    for file in (store / "zarr.json", *store.glob("*/zarr.json")):
        file.write_text(file.read_text().replace("4.125", f"{limit:.6f}"))
    (report,) = verify(store, path)
    broken = [damage for damage in report.damaged if damage.array == "0" and "was promised" in damage.what]
    assert len(broken) == sum(error > limit for error in rmse)
