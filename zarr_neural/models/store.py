"""Finding a model by its SHA-256, offline: in the wheel, in directories given by the caller, the user's directory."""

import functools
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from zarr_neural.errors import ConfigurationError, ModelError, ModelNotFoundError
from zarr_neural.fork import ForkSafeLock

from .file import MAX_NBYTES
from .folders import first_sound, user_directory
from .kinds import unpack
from .lossless import LosslessModel
from .lossy import LossyModel

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_NAME = "lossless.default"  # a file in SHIPPED that holds the SHA-256 of the default lossless model
LOSSY_PRESETS = ("fast", "dense")  # each with a file lossy-PRESET.default of the same kind
SUFFIX = ".safetensors"

_lock = ForkSafeLock()
_loaded: dict[str, LosslessModel | LossyModel] = {}


def locate(model_id: str, extra_dirs: Iterable[str | os.PathLike[str]] = ()) -> bytes:
    """Return the bytes of a model file whose SHA-256 is `model_id`; never asks the network.

    Parameters
    ----------
    model_id : str
        SHA-256, 64 lower-case hexadecimal digits.
    extra_dirs : iterable of path
        Searched in this order, after the wheel: the model directory of a store, for instance.

    Raises
    ------
    ModelError
        If `model_id` is no SHA-256, or all files of that name have other contents.
    ModelNotFoundError
        Listing the places searched.
    """
    if len(model_id) != 64 or not set(model_id) <= set("0123456789abcdef"):
        raise ModelError(f"a model is named by 64 lower-case hexadecimal digits, found {model_id!r}")
    own = user_directory()
    directories = [SHIPPED, *map(Path, extra_dirs), *([] if own is None else [own])]
    return first_sound(model_id + SUFFIX, model_id, directories, _look)


def _look(path: Path) -> tuple[str, bytes]:
    with path.open("rb") as file:
        data = file.read(MAX_NBYTES)
    return hashlib.sha256(data).hexdigest(), data


def load(model_id: str, extra_dirs: Iterable[str | os.PathLike[str]] = ()) -> LosslessModel | LossyModel:
    """Return the model whose SHA-256 is `model_id`, read and checked once per process; safe to call from any thread.

    Parameters and errors are those of `locate`, and `ModelError` where the file breaks the numeric contract.
    """
    with _lock:
        if model_id not in _loaded:
            _loaded[model_id] = unpack(locate(model_id, extra_dirs))
        return _loaded[model_id]


def load_lossless(model_id: str, extra_dirs: Iterable[str | os.PathLike[str]] = ()) -> LosslessModel:
    """Return what `load` returns, a model of path L; `ModelError` where it is of another kind."""
    model = load(model_id, extra_dirs)
    if not isinstance(model, LosslessModel):
        raise ModelError(f"the model {model_id} is {model.metadata['kind']}, expected a lossless one")
    return model


def load_lossy(model_id: str, extra_dirs: Iterable[str | os.PathLike[str]] = ()) -> LossyModel:
    """Return what `load` returns, a model of path Y; `ModelError` where it is of another kind."""
    model = load(model_id, extra_dirs)
    if not isinstance(model, LossyModel):
        raise ModelError(f"the model {model_id} is {model.metadata['kind']}, expected a lossy one")
    return model


@functools.cache
def default_lossless() -> str:
    """Return the SHA-256 of the lossless model that the wheel ships and new chunks are written with."""
    return (SHIPPED / DEFAULT_NAME).read_text("ascii").strip()


@functools.cache
def default_lossy(preset: str = "fast") -> str:
    """Return the SHA-256 of the lossy model that the wheel ships for a preset, `fast` or `dense`.

    Raises
    ------
    ConfigurationError
        If there is no such preset.
    ModelNotFoundError
        If this build ships no model for it.
    """
    if preset not in LOSSY_PRESETS:
        raise ConfigurationError(f"there is no preset {preset!r}; the presets are {' and '.join(LOSSY_PRESETS)}")
    path = SHIPPED / f"lossy-{preset}.default"
    if not path.is_file():
        raise ModelNotFoundError(f"for the lossy preset {preset!r}, which this build does not ship,", [str(path)])
    return path.read_text("ascii").strip()


@functools.cache
def shipped() -> tuple[str, ...]:
    """Return the SHA-256 of every model in the wheel."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*" + SUFFIX)))
