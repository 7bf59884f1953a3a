"""What all tests share: models for the presets that this build does not ship yet."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from zarr_neural.models import default_lossy, pack_lossy, store, unpack
from zarr_neural.training.lossy_gains import norm_gains
from zarr_neural.training.lossy_tables import integer_tables, prior


@pytest.fixture(scope="session", autouse=True)
def _presets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every preset has a model: the shipped one, or one made by hand where none is shipped."""
    missing = [p for p in store.LOSSY_PRESETS if not (store.SHIPPED / f"lossy-{p}.default").is_file()]
    with pytest.MonkeyPatch.context() as patch:
        if missing:
            folder = tmp_path_factory.mktemp("models") / "shipped"
            shutil.copytree(store.SHIPPED, folder)
            for preset in missing:
                _put(folder, preset)
            patch.setattr(store, "SHIPPED", folder)
            default_lossy.cache_clear()
            store.shipped.cache_clear()
        yield
    default_lossy.cache_clear()
    store.shipped.cache_clear()


def _put(folder: Path, preset: str) -> None:
    """Write a model whose scale follows the log magnitudes around a coefficient, and whose means are zero."""
    half, widths = integer_tables(prior())
    arrays = {"half": half, "widths": widths, "gains": norm_gains()}
    for layer, outputs, inputs in (("1", 4, 32), ("2", 4, 4), ("3", 9, 4)):
        arrays["w" + layer] = np.zeros((4, 3, 4, outputs, inputs), np.int8)
        arrays["b" + layer] = np.zeros((4, 3, 4, outputs), np.int32)
        arrays["s" + layer] = np.zeros((4, 3, 4, outputs), np.uint8)
    around, corners, parents = range(4), range(4, 8), range(19, 23)
    seen = (  # by phase: weights of features, 64 in all
        {18: 16, **dict.fromkeys(parents, 6), 29: 24},
        {**dict.fromkeys(corners, 8), 18: 8, 25: 24},
        {**dict.fromkeys(around, 8), 18: 8, 25: 12, 26: 12},
        {**dict.fromkeys(around, 8), 18: 8, 25: 12, 26: 12},
    )
    for phase, weights in enumerate(seen):
        for feature, weight in weights.items():
            arrays["w1"][:, :, phase, 0, feature] = weight
    arrays["s1"][..., 0] = 6
    arrays["w2"][..., 0, 0], arrays["s2"][..., 0] = 32, 5
    arrays["w3"][..., 0, 0], arrays["b3"][..., 0] = 6, 56
    data = pack_lossy(arrays, {"note": f"made by hand for tests, {preset}"})
    model_id = unpack(data).id
    (folder / f"{model_id}{store.SUFFIX}").write_bytes(data)
    (folder / f"lossy-{preset}.default").write_text(model_id + "\n")
