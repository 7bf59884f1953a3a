"""How many samples must differ before an image counts as one."""

import numpy as np
import pytest

from zarr_neural.chunk.names import hardly_varies


@pytest.mark.parametrize(("others", "hardly"), [(128, True), (129, False), (4096, False)])
def test_one_sample_in_512_at_its_edge(others: int, hardly: bool) -> None:
    """Up to one sample in 512 may differ from all others; with one more there is a picture to be judged."""
    plane = np.zeros(65536, "u2")
    plane[np.random.default_rng(1).permutation(65536)[:others]] = np.arange(1, others + 1)
    assert hardly_varies(plane.reshape(1, 256, 256)) == hardly
