"""The two kinds of models, told apart when a file is read."""

from types import MappingProxyType

from zarr_neural.errors import ModelError

from . import lossless, lossy
from .contract import validate
from .file import read_model
from .lossless import LosslessModel
from .lossy import LossyModel
from .lossy_contract import validate_lossy


def unpack(data: bytes) -> LosslessModel | LossyModel:
    """Return the model that a file holds, checked against the numeric contract of its kind.

    Raises
    ------
    ModelError
        If the bytes are damaged, foreign, or break the contract.
    """
    model_id, arrays, metadata = read_model(data)
    kind = metadata.get("kind")
    if kind == lossless.KIND:
        validate(arrays)
        return LosslessModel(model_id, MappingProxyType(arrays), MappingProxyType(metadata))
    if kind == lossy.KIND:
        validate_lossy(arrays)
        return LossyModel(model_id, MappingProxyType(arrays), MappingProxyType(metadata))
    raise ModelError(f"the kind of the model is {kind!r}, expected {lossless.KIND!r} or {lossy.KIND!r}")
