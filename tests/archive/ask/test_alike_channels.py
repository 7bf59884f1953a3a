"""One noise model for several channels only where their noise is nearly the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zarr_neural.archive import Options, convert, fidelity_from

Writer = Callable[..., tuple[Path, np.ndarray]]


@pytest.mark.parametrize(("factor", "alike"), [(1.0, True), (1.12, True), (1.45, False), (2.0, False), (2.4, False)])
def test_channels_share_a_model_up_to_a_quarter_more_noise(
    factor: float, alike: bool, write_ome: Writer, tmp_path: Path
) -> None:
    """A channel with 45 % more noise than another is not "equally noisy": the quiet one would lose too much."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:600, :700]
    scene = 400 + 300 * np.sin(y / 97) * np.cos(x / 83)
    sigma = np.sqrt(9 + 0.2 * scene)
    noise = rng.normal(0, 1, (2, 600, 700)) * sigma * np.array([1, factor])[:, None, None]
    path, _ = write_ome("CYX", (2, 600, 700), pixels=(scene + noise).round().astype("uint16"))
    (report,) = convert([path], tmp_path / "a.zarr", Options(fidelity_from(noise=1.0), workers=2))
    assert (report.parameters["noise_model"] != "per chunk") == alike
    for found, own in zip(report.channels, (1, factor), strict=True):
        assert found["rmse"] < 1.3 * own * np.sqrt((sigma**2).mean() / 12)
