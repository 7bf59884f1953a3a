"""What lies at a place of the specimen lies at the same place in every level of the store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from zarr_neural.archive import Options, convert

Writer = Callable[..., tuple[Path, np.ndarray]]


def centre(group: zarr.Group, number: int) -> np.ndarray:
    """Centre of mass of a level in micrometres, along y and x."""
    content = group.attrs.asdict()
    dataset = content.get("ome", content)["multiscales"][0]["datasets"][number]
    transforms: dict[str, Any] = {entry["type"]: entry[entry["type"]] for entry in dataset["coordinateTransformations"]}
    pixels = np.asarray(group[dataset["path"]][:], float)
    shift = transforms.get("translation", [0.0, 0.0])
    places = np.indices(pixels.shape)
    middle = [(place * pixels).sum() / pixels.sum() for place in places]
    return np.array([m * scale + t for m, scale, t in zip(middle, transforms["scale"], shift, strict=True)])


@pytest.mark.parametrize("version", ["0.5", "0.4"])
@pytest.mark.parametrize("labels", [False, True])
def test_a_spot_stays_where_it_is_in_every_overview(
    version: str, labels: bool, write_ome: Writer, tmp_path: Path
) -> None:
    """Scale and translation of every level put a spot within a tenth of a full pixel of where the source has it."""
    y, x = np.mgrid[:1100, :900]
    spot = 60000 * np.exp(-((y - 431.3) ** 2 + (x - 517.8) ** 2) / (2 * 30**2))
    path, _ = write_ome("YX", (1100, 900), pixels=spot.astype("uint16"))
    convert([path], tmp_path / "a.zarr", Options(ome_version=version, labels=labels, workers=2))
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert len(list(group.array_keys())) == 4
    for number in range(4):
        np.testing.assert_allclose(centre(group, number), [431.3 * 0.2, 517.8 * 0.1], atol=0.01)
