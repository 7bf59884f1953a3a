"""The stack of a field split in space becomes a store, its target another; only the held-out part counts."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import zarr

from eval.study.errors import StudyError
from eval.study.image import open_images
from eval.study.stores import make_volume
from eval.study.valid import valid_of


def test_volume_and_target_are_stored_exactly(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    stack = random.integers(1, 60000, (5, 256, 320)).astype(np.uint16)
    target = random.integers(1, 60000, (256, 320)).astype(np.uint16)
    for number, plane in enumerate(stack):
        iio.imwrite(tmp_path / f"phase_z{number:02d}.png", plane)
    iio.imwrite(tmp_path / "dapi.png", target)
    head = "dataset,group,input,input_channel,target,target_channel,target_name"
    (tmp_path / "pairs.csv").write_text(f"{head}\nneurons,A1,phase_z02.png,0,dapi.png,0,nuclei\n")
    with pytest.raises(StudyError, match="'cells'; there are: nuclei"):
        make_volume(tmp_path, tmp_path / "out", "cells")
    for version in ("0.4", "0.5"):
        volume, truth = make_volume(tmp_path, tmp_path / "out", "nuclei", version)
        (image,), (plane,) = open_images([volume]), open_images([truth])
        assert (image.spatial, plane.spatial) == ("zyx", "yx")
        assert (image.group, plane.group) == ("A1", "A1")
        assert np.array_equal(np.squeeze(zarr.open_array(volume, path="0", mode="r")[:]), stack)
        assert np.array_equal(np.squeeze(zarr.open_array(truth, path="0", mode="r")[:]), target)
        held_out = np.arange(320) >= 240
        assert np.array_equal(valid_of(image, None)[:, :, :], np.broadcast_to(held_out, stack.shape))
        assert np.array_equal(valid_of(plane, None)[:, :], np.broadcast_to(held_out, target.shape))
