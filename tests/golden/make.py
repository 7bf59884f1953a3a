"""Add golden chunks: ``python tests/golden/make.py NAME...`` (or ``--all`` for those that are not there yet).

Golden files are evidence of what was once written: this command adds files and never overwrites one, and no test calls
it. A case whose file exists already must get a new name. Some chunks are of a lossy model of their own, in ``models``
beside them, whose tables and networks reach farther than those of trained ones.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zarr_neural import NeuralCodec, __version__
from zarr_neural.chunk import describe
from zarr_neural.intnet.known_answer import known_transform_arrays
from zarr_neural.models import default_lossless, pack_lossy

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"
CAMERA = {"gain": 2.0, "offset": 100.0, "read_noise": 3.0}


@dataclass(frozen=True)
class Case:
    """A golden chunk to make.

    Parameters
    ----------
    make : callable
        The array, from a random generator of its own.
    config : dict
        Arguments of `NeuralCodec`.
    own_model : bool
        Whether the lossy model is the one beside the golden files.
    """

    make: Callable[[np.random.Generator], np.ndarray]
    config: dict[str, Any]
    own_model: bool = False


def cells(random: np.random.Generator, *shape: int, photons: float = 150, gain: float = 2.0) -> np.ndarray:
    """Blobs under photon and read noise."""
    height, width = shape[-2:]
    y, x = np.mgrid[:height, :width]
    light = np.full(shape, 0.04)
    for _ in range(10):
        size = random.uniform(3, 0.15 * max(height, width) + 4)
        distance = (y - random.uniform(0, height)) ** 2 + (x - random.uniform(0, width)) ** 2
        light += random.uniform(0.1, 1) * np.exp(-distance / (2 * size**2))
    noisy = 100 + gain * random.poisson(photons * light) + random.normal(0, 3, shape)
    return noisy.clip(0, 65535).round().astype(np.uint16)


def labels(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Regions nearest to random points."""
    y, x = np.mgrid[:height, :width]
    points = random.uniform(0, [height, width], (25, 2))
    return np.argmin([(y - a) ** 2 + (x - b) ** 2 for a, b in points], axis=0).astype(np.uint32) * 3


def padded(random: np.random.Generator) -> np.ndarray:
    """An edge chunk: a third of it is real."""
    chunk = np.zeros((96, 96), np.uint16)
    chunk[:70, :45] = cells(random, 70, 45)
    return chunk


def planes(random: np.random.Generator) -> np.ndarray:
    """Four planes: cells, one value but for a corner, nothing, faint cells."""
    stack = np.full((4, 48, 70), 7, np.uint8)
    stack[0] = (cells(random, 48, 70) // 4).clip(0, 255)
    stack[1, 10:30, 20:21] = 9
    stack[3] = (cells(random, 48, 70, photons=20) // 2).clip(0, 255)
    return stack


def full_range(random: np.random.Generator) -> np.ndarray:
    """From 0 to 65535, smooth but for one edge and two outliers."""
    y, x = np.mgrid[:75, :130]
    image = 32_767 + 24_000 * np.sin(x / 17) * np.cos(y / 13) + random.normal(0, 60, y.shape)
    image[40:, 90:] += 8_000
    image[3, 4], image[70, 100] = 0, 65535
    return image.clip(0, 65535).round().astype(np.uint16)


LOSSLESS = {"lossless": True}
CASES = {
    "constant-f4": Case(lambda r: np.full((500, 300), -0.0, np.float32), LOSSLESS),
    "generic-bool": Case(lambda r: cells(r, 70, 90) > 200, LOSSLESS),
    "generic-f4": Case(lambda r: (cells(r, 40, 50) / 8).astype(np.float32), LOSSLESS),
    "generic-c16-big-endian": Case(lambda r: (cells(r, 12, 9) * (1 - 0.5j)).astype(">c16"), LOSSLESS),
    "generic-levels-u2": Case(lambda r: np.tile(cells(r, 16, 128), (6, 1)), {"max_error": 3}),
    "stored-u1": Case(lambda r: r.integers(0, 256, (20, 21), np.uint8), LOSSLESS),
    "networks-u1": Case(lambda r: (cells(r, 90, 101) // 4).clip(0, 255).astype(np.uint8), LOSSLESS),
    "networks-u2": Case(lambda r: cells(r, 100, 75), LOSSLESS),
    "networks-u2-lanes": Case(lambda r: cells(r, 257, 259, photons=2) // 4, LOSSLESS),
    "networks-i2-fortran": Case(lambda r: np.asfortranarray(cells(r, 60, 61).astype(np.int16) - 300), LOSSLESS),
    "networks-u2-big-endian": Case(lambda r: cells(r, 33, 65).astype(">u2"), LOSSLESS),
    "networks-i8-offset": Case(lambda r: cells(r, 50, 50).astype(np.int64) - 2**40, LOSSLESS),
    "networks-i1-strip": Case(
        lambda r: (cells(r, 1, 700)[0] // 8).clip(0, 127).astype(np.int8).reshape(1, 700), LOSSLESS
    ),
    "networks-volume": Case(lambda r: cells(r, 1, 3, 40, 1, 50), LOSSLESS),
    "networks-wide-range": Case(lambda r: cells(r, 80, 80, photons=9000, gain=7.0), LOSSLESS),
    "margin-u2": Case(padded, LOSSLESS),
    "palette-u2": Case(lambda r: (cells(r, 80, 80) // 8 * 131).astype(np.uint16), LOSSLESS),
    "palette-i2-irregular": Case(
        lambda r: np.sort(r.choice(30_000, 200, replace=False)).astype(np.int16)[(cells(r, 80, 80) // 4).clip(0, 199)],
        LOSSLESS,
    ),
    "repeats-u4-labels": Case(lambda r: labels(r, 110, 120), LOSSLESS),
    "max-error-u1": Case(lambda r: (cells(r, 70, 71) // 2).clip(0, 255).astype(np.uint8), {"max_error": 2}),
    "max-error-i2": Case(lambda r: cells(r, 70, 71).astype(np.int16) * 50 - 32_000, {"max_error": 127}),
    "max-error-u2-margin": Case(padded, {"max_error": 5}),
    "max-error-f4": Case(lambda r: (cells(r, 60, 60) / 7 + 1e6).astype(np.float32), {"max_error": 0.5}),
    "max-error-f8-big-endian": Case(lambda r: (cells(r, 60, 60) / 7).astype(">f8"), {"max_error": 0.125}),
    "noise-u2": Case(lambda r: cells(r, 90, 95), {"noise": 1.0, "noise_model": CAMERA}),
    "noise-u2-measured": Case(lambda r: cells(r, 3, 64, 64, photons=800), {"noise": 0.5}),
    "noise-i2-coarse": Case(
        lambda r: cells(r, 64, 64).astype(np.int16) - 150, {"noise": 4.0, "noise_model": CAMERA | {"offset": -50.0}}
    ),
    "fast-u2": Case(lambda r: cells(r, 150, 161), {"rmse": 6}),
    "dense-u2": Case(lambda r: cells(r, 150, 161), {"rmse": 6, "preset": "dense"}),
    "fast-u1-fine": Case(lambda r: (cells(r, 100, 90, photons=600) // 6).clip(0, 255).astype(np.uint8), {"rmse": 0.9}),
    "dense-u1-residual": Case(
        lambda r: (cells(r, 100, 90, photons=600) // 6).clip(0, 255).astype(np.uint8),
        {"rmse": 2, "max_error": 6, "preset": "dense"},
    ),
    "fast-volume-f4": Case(lambda r: (cells(r, 2, 3, 40, 50) / 9).astype(np.float32), {"rmse": 0.8}),
    "fast-u2-margin-residual": Case(padded, {"rmse": 10, "max_error": 40}),
    "fast-noise-u2": Case(
        lambda r: np.clip(cells(r, 256, 256, photons=300, gain=1.0) + r.normal(0, 10, (256, 256)), 0, 65535).astype(
            np.uint16
        ),
        {"noise": 8.0, "noise_model": {"gain": 0.0, "offset": 100.0, "read_noise": 10.0}},
    ),
    "transform-u1": Case(
        lambda r: (cells(r, 90, 101) // 4).clip(0, 255).astype(np.uint8), {"rmse": 2.5}, own_model=True
    ),
    "transform-u2": Case(lambda r: cells(r, 100, 75), {"rmse": 8.0}, own_model=True),
    "transform-u2-lanes": Case(lambda r: cells(r, 257, 259, photons=40), {"rmse": 7.0}, own_model=True),
    "transform-i2-fortran": Case(
        lambda r: np.asfortranarray(cells(r, 61, 60).astype(np.int16) - 300), {"rmse": 5}, own_model=True
    ),
    "transform-u2-big-endian-strip": Case(lambda r: cells(r, 1, 1, 1300).astype(">u2"), {"rmse": 9}, own_model=True),
    "transform-u2-full-range": Case(full_range, {"rmse": 90}, own_model=True),
    "transform-u2-margin": Case(padded, {"rmse": 6}, own_model=True),
    "transform-planes-u1": Case(planes, {"rmse": 5}, own_model=True),
    "transform-coarse": Case(lambda r: cells(r, 160, 170, photons=900), {"rmse": 150}, own_model=True),
    "transform-f4": Case(lambda r: (cells(r, 60, 60) / 7 + 1e6).astype(np.float32), {"rmse": 1.25}, own_model=True),
    "transform-residual-u1": Case(
        lambda r: (cells(r, 64, 65) // 4).clip(0, 255).astype(np.uint8), {"rmse": 3, "max_error": 7}, own_model=True
    ),
    "transform-residual-u2-margin": Case(padded, {"rmse": 15, "max_error": 33}, own_model=True),
    "transform-residual-planes-u1": Case(planes, {"rmse": 4, "max_error": 9}, own_model=True),
    "transform-residual-f8-big-endian": Case(
        lambda r: (cells(r, 50, 60) / 7).astype(">f8"), {"rmse": 1, "max_error": 2.5}, own_model=True
    ),
}


def own_model() -> str:
    """The SHA-256 of the lossy model in ``models``, which is written if it is not there yet."""
    folder = HERE / "models"
    data = pack_lossy(known_transform_arrays(), {"recipe": "zarr_neural.intnet.known_answer.known_transform_arrays"})
    model_id = hashlib.sha256(data).hexdigest()
    folder.mkdir(exist_ok=True)
    if not (path := folder / f"{model_id}.safetensors").exists():
        path.write_bytes(data)
    os.environ["ZARR_NEURAL_MODELS"] = str(folder)
    return model_id


def main() -> None:
    """Write the files and their entries in the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}")
    parser.add_argument("--all", action="store_true", help="every case that has no file yet")
    arguments = parser.parse_args()
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    names = arguments.names or [name for name in CASES if arguments.all and name not in manifest]
    for name in names:
        if name not in CASES:
            parser.error(f"no case {name!r}; there are {', '.join(CASES)}")
        path = HERE / f"{name}.bin"
        if path.exists() or name in manifest:
            parser.error(f"{path.name} exists: golden files are never overwritten, give the case a new name")
        case = CASES[name]
        array = case.make(np.random.default_rng(list(name.encode())))
        own = {"models": [default_lossless(), own_model()]} if case.own_model else {}
        codec = NeuralCodec(**case.config, **own)
        data = codec.encode(array)
        decoded = codec.decode(data)
        with path.open("xb") as file:
            file.write(data)
        manifest[name] = {
            "config": codec.get_config(),
            "shape": list(decoded.shape),
            "dtype": decoded.dtype.str,
            "order": "C" if decoded.flags.c_contiguous else "F",
            "samples_sha256": hashlib.sha256(decoded.tobytes()).hexdigest(),
            "nbytes": len(data),
            "mode": describe(data)["mode"],
            "written_by": __version__,
        }
        MANIFEST.write_text(json.dumps(dict(sorted(manifest.items())), indent=1) + "\n")
        print(f"{path.name}: {len(data)} bytes for {array.nbytes}, {describe(data)['mode']}")


if __name__ == "__main__":
    main()
