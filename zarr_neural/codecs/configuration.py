"""What both adapters share: keyword arguments <-> JSON <-> a frozen object that encodes and decodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zarr_neural import models
from zarr_neural.chunk import Fidelity, NoiseModel, check_dtype, decode_chunk, encode_chunk, fidelity_of
from zarr_neural.errors import ConfigurationError, UnsupportedInputError

FORMAT_ID = "zarr_neural.v1"
_ARGUMENTS = ("lossless", "max_error", "noise", "rmse", "noise_model", "models")


@dataclass(frozen=True)
class Configuration:
    """A fidelity and the models that chunks are written with: all that array metadata holds.

    Attributes
    ----------
    fidelity : Fidelity
    models : tuple of str
        SHA-256 of the models, hexadecimal; the first one encodes.
    """

    fidelity: Fidelity
    models: tuple[str, ...]

    @classmethod
    def build(
        cls,
        *,
        lossless: bool | None = None,
        max_error: float | None = None,
        noise: float | None = None,
        rmse: float | None = None,
        noise_model: NoiseModel | Mapping[str, float] | None = None,
        models: Sequence[str] | None = None,
    ) -> Self:
        """From keyword arguments or the members of a JSON object.

        Raises
        ------
        ConfigurationError
            See `zarr_neural.chunk.fidelity_of`; also for an unknown member of ``noise_model`` and a malformed model id.
        """
        if isinstance(noise_model, Mapping):
            if set(noise_model) != {"gain", "offset", "read_noise"}:
                raise ConfigurationError(
                    f"noise_model must have gain, offset and read_noise, not {sorted(noise_model)}"
                )
            noise_model = NoiseModel(**noise_model)
        fidelity = fidelity_of(lossless, max_error, noise, rmse, noise_model)
        if rmse is not None:
            raise ConfigurationError(
                f"rmse={rmse!r}: coding at a chosen mean error is not there yet; use max_error, noise or lossless=True"
            )
        return cls(fidelity, _checked_models(models))

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """From the members of a JSON object, none of them unknown."""
        if unknown := set(members) - set(_ARGUMENTS):
            raise ConfigurationError(f"unknown configuration {sorted(unknown)}; known are {list(_ARGUMENTS)}")
        return cls.build(**members)

    def to_json(self) -> dict[str, Any]:
        """The members of a JSON object; the inverse of `from_json`."""
        members: dict[str, Any] = {}
        if self.fidelity.lossless:
            members["lossless"] = True
        if self.fidelity.max_error is not None:
            members["max_error"] = self.fidelity.max_error
        if self.fidelity.noise is not None:
            members["noise"] = self.fidelity.noise
        if self.fidelity.noise_model is not None:
            members["noise_model"] = dict(vars(self.fidelity.noise_model))
        return members | {"models": list(self.models)}

    def arguments(self) -> str:
        """The fidelity as Python keyword arguments, for a repr."""
        return ", ".join(f"{name}={value!r}" for name, value in self.to_json().items() if name != "models")

    def check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raise `UnsupportedInputError` unless samples of a dtype can be coded with this fidelity."""
        check_dtype(dtype)
        self.fidelity.check_dtype(dtype)

    def encode(self, array: NDArray[Any], verify: bool) -> bytes:
        """The bytes of a chunk, see `zarr_neural.chunk.encode_chunk`."""
        return encode_chunk(array, self.fidelity, self.models[0], verify=verify)

    def decode(self, data: Any, expected: tuple[tuple[int, ...], np.dtype[Any]] | None = None) -> NDArray[Any]:
        """The array of a chunk, see `zarr_neural.chunk.decode_chunk`."""
        try:
            array = np.ascontiguousarray(data if isinstance(data, np.ndarray) else memoryview(data))
        except TypeError as error:
            raise UnsupportedInputError(f"the bytes of a chunk are needed, not {type(data).__name__}") from error
        return decode_chunk(array.reshape(-1).view(np.uint8).data, self.models, expected)


class Configured:
    """What both adapters are: a `Configuration`, and whether chunks are verified. Two are equal if they write alike.

    The arguments are explained by `zarr_neural.NeuralCodec`.
    """

    def __init__(
        self,
        *,
        lossless: bool | None = None,
        max_error: float | None = None,
        noise: float | None = None,
        rmse: float | None = None,
        verify: bool = True,
        noise_model: NoiseModel | Mapping[str, float] | None = None,
        models: Sequence[str] | None = None,
    ) -> None:
        self.configuration = Configuration.build(
            lossless=lossless, max_error=max_error, noise=noise, rmse=rmse, noise_model=noise_model, models=models
        )
        self.verify = verify

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configured) and type(self) is type(other) and self.configuration == other.configuration

    def __hash__(self) -> int:
        return hash(self.configuration)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.configuration.arguments()})"


def _checked_models(ids: Sequence[str] | None) -> tuple[str, ...]:
    if ids is None:
        return (models.default_lossless(),)
    if isinstance(ids, str) or not ids:
        raise ConfigurationError(f"models must be a list of at least one SHA-256, not {ids!r}")
    for model_id in ids:
        if not isinstance(model_id, str) or len(model_id) != 64 or set(model_id) - set("0123456789abcdef"):
            raise ConfigurationError(f"a model is named by 64 lower-case hexadecimal digits, not {model_id!r}")
    return tuple(ids)
