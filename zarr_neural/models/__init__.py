"""Frozen models as files: pack, unpack, validate, locate by hash; and the models that travel in the wheel.

In come the bytes of a model file or its SHA-256; out go integer arrays and metadata that fulfil the numeric contract.
A model is lossless (path L) or lossy (path Y); it is one immutable safetensors file named by its SHA-256. It is looked
for, offline, in the wheel, in the directories that the caller names (a store's own) and in the user's directory.
Running a model is the job of `intnet`.

May import: numpy, the standard library, `zarr_neural.errors` and `zarr_neural.fork`. Never torch, never a safetensors
package.
The contract: section 2 of `zarr_neural/spec/path_l.md` and of `path_y.md`, section "Models" of `v1.md`.
Tests: `tests/models`.
"""

from .contract import validate
from .folders import user_directory
from .kinds import unpack
from .lossless import LosslessModel, pack
from .lossy import LossyModel, pack_lossy
from .lossy_contract import validate_lossy
from .store import default_lossless, default_lossy, load, load_lossless, load_lossy, locate, shipped

__all__ = [
    "LosslessModel",
    "LossyModel",
    "default_lossless",
    "default_lossy",
    "load",
    "load_lossless",
    "load_lossy",
    "locate",
    "pack",
    "pack_lossy",
    "shipped",
    "unpack",
    "user_directory",
    "validate",
    "validate_lossy",
]
