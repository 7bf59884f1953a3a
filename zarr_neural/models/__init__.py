"""Frozen models as files: pack, unpack, validate, locate by hash; and the models that travel in the wheel.

In come the bytes of a model file or its SHA-256; out go integer arrays and metadata that fulfil the numeric contract.
A model is one immutable safetensors file named by its SHA-256. It is looked for, offline, in the directories that the
caller names (a store's own), in the user's directory and in the wheel. Running a model is the job of `intnet`.

May import: numpy, the standard library, `zarr_neural.errors`. Never torch, never a safetensors package.
The contract: section "Models" of `zarr_neural/spec/v1.md`. Tests: `tests/models`.
"""

from .contract import validate
from .lossless import LosslessModel, pack, unpack
from .store import default_lossless, load, locate, user_directory

__all__ = ["LosslessModel", "default_lossless", "load", "locate", "pack", "unpack", "user_directory", "validate"]
