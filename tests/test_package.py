"""What the package weighs, on disk and on import."""

import subprocess
import sys
from pathlib import Path

import zarr_neural
from zarr_neural import _native

PACKAGE = Path(zarr_neural.__file__).parent
IMPORT_S, TRIES = 0.3, 5
MODELS_NBYTES, PACKAGE_NBYTES = 1_000_000, 5_000_000

TIMED = """
import time
import numpy, numcodecs
start = time.perf_counter()
from zarr_neural import NeuralCodec
print(time.perf_counter() - start)
"""


def import_seconds() -> float:
    """Wall time of importing our codec in a fresh process that has numpy and numcodecs already."""
    done = subprocess.run([sys.executable, "-c", TIMED], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_importing_is_fast() -> None:
    """Importing takes less than 0.3 s beyond numpy and numcodecs, in the best of five processes."""
    seconds: list[float] = []
    while len(seconds) < TRIES and min(seconds, default=IMPORT_S) >= IMPORT_S:
        seconds.append(import_seconds())
    assert min(seconds) < IMPORT_S, seconds


def test_shipped_models_are_small() -> None:
    """All shipped models together are smaller than 1 MB."""
    sizes = {path.name: path.stat().st_size for path in PACKAGE.glob("models/shipped/*") if path.is_file()}
    assert any(name.endswith(".safetensors") for name in sizes), sizes
    assert sum(sizes.values()) < MODELS_NBYTES, sizes


def test_the_package_is_small() -> None:
    """All files of the package and its extension, uncompressed, stay below the 5 MB that a wheel may have."""
    files = {path.resolve() for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    files.add(Path(_native.__file__).resolve())  # in an editable installation it lies elsewhere
    assert sum(path.stat().st_size for path in files) < PACKAGE_NBYTES
