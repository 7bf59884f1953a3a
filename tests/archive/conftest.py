"""Small images of every kind that the archive tests convert."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile


@pytest.fixture
def camera() -> Callable[..., np.ndarray]:
    """A function that draws a smooth scene with camera noise: camera(shape, dtype, seed)."""

    def draw(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 1) -> np.ndarray:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[: shape[-2], : shape[-1]]
        electrons = 60 + 40 * np.sin(y / 17) * np.cos(x / 23)
        noisy = rng.poisson(np.broadcast_to(electrons, shape)) * 1.5 + rng.normal(20, 2, shape)
        return np.clip(noisy.round(), 0, np.iinfo(dtype).max).astype(dtype)

    return draw


@pytest.fixture
def write_ome(tmp_path: Path, camera: Callable[..., np.ndarray]) -> Callable[..., tuple[Path, np.ndarray]]:
    """A function that writes an OME-TIFF and returns its path and pixels: write_ome(axes, shape, name=...)."""

    def write(
        axes: str, shape: tuple[int, ...], name: str = "image.ome.tif", **options: Any
    ) -> tuple[Path, np.ndarray]:
        pixels = options.pop("pixels", None)
        pixels = camera(shape) if pixels is None else pixels
        metadata: dict[str, Any] = {"axes": axes}
        for axis, size in {"X": 0.1, "Y": 0.2, "Z": 0.5}.items():
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
        metadata |= {"TimeIncrement": 3.0, "TimeIncrementUnit": "s"}
        if "C" in axes:
            metadata["Channel"] = {"Name": [f"dye {i}" for i in range(shape[axes.index("C")])]}
        path = tmp_path / name
        tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata=metadata, **options)
        os.utime(path, (1e9, 1e9))  # long ago: what was written a moment before is read twice
        return path, pixels

    return write
