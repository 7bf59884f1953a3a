"""What both adapters share: keyword arguments <-> JSON <-> a frozen object that encodes and decodes."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from zarr_neural import models
from zarr_neural.chunk import Fidelity, NoiseModel, check_dtype, decode_chunk, encode_chunk, fidelity_of
from zarr_neural.codecs.rewritten import Remembered
from zarr_neural.errors import ConfigurationError, UnsupportedInputError

FORMAT_ID = "zarr_neural.v1"
_MEMBERS = ("lossless", "max_error", "noise", "rmse", "noise_model", "models", "shape", "dtype")
Preset = Literal["fast", "dense"]


@dataclass(frozen=True)
class Configuration:
    """A fidelity and the models that chunks are written with: all that array metadata holds.

    Attributes
    ----------
    fidelity : Fidelity
    models : tuple of str
        SHA-256 of the models, hexadecimal; the first lossless one encodes, and with ``rmse`` the first lossy one too.
    expected : (tuple of int, numpy.dtype), optional
        Shape and dtype of every chunk; others are refused when they are met.
    """

    fidelity: Fidelity
    models: tuple[str, ...]
    expected: tuple[tuple[int, ...], np.dtype[Any]] | None = None

    @classmethod
    def build(
        cls,
        *,
        lossless: bool | None = None,
        max_error: float | None = None,
        noise: float | None = None,
        rmse: float | None = None,
        preset: Preset = "fast",
        noise_model: NoiseModel | Mapping[str, float] | None = None,
        models: Sequence[str] | None = None,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
    ) -> Self:
        """From keyword arguments or the members of a JSON object.

        Raises
        ------
        ConfigurationError
            See `zarr_neural.chunk.fidelity_of`; also for an unknown member of ``noise_model``, a malformed model id,
            and a ``preset`` that is unknown or has nothing to choose.
        ModelNotFoundError
            If the preset's model is not shipped.
        """
        if isinstance(noise_model, Mapping):
            if set(noise_model) != {"gain", "offset", "read_noise"}:
                raise ConfigurationError(
                    f"noise_model must have gain, offset and read_noise, not {sorted(noise_model)}"
                )
            noise_model = NoiseModel(**noise_model)
        fidelity = fidelity_of(lossless, max_error, noise, rmse, noise_model)
        _check_preset(preset, fidelity, models)
        ids = _default_models(fidelity, preset) if models is None else _checked_models(models)
        return cls(fidelity, ids, _expected(shape, dtype))

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Self:
        """From the members of a JSON object, none of them unknown."""
        if unknown := set(members) - set(_MEMBERS):
            raise ConfigurationError(
                f"unknown options {sorted(unknown)} in the configuration; the options are {list(_MEMBERS)}"
            )
        return cls.build(**members)

    def to_json(self) -> dict[str, Any]:
        """The members of a JSON object; the inverse of `from_json`."""
        members: dict[str, Any] = {}
        if self.fidelity.lossless:
            members["lossless"] = True
        if self.fidelity.max_error is not None:
            members["max_error"] = self.fidelity.max_error
        if self.fidelity.rmse is not None:
            members["rmse"] = self.fidelity.rmse
        if self.fidelity.noise is not None:
            members["noise"] = self.fidelity.noise
        if self.fidelity.noise_model is not None:
            members["noise_model"] = dict(vars(self.fidelity.noise_model))
        members["models"] = list(self.models)
        if self.expected is not None:
            members |= {"shape": list(self.expected[0]), "dtype": self.expected[1].str}
        return members

    def arguments(self) -> str:
        """The Python keyword arguments that make the same, for a repr; the shipped lossless model is not named."""
        members = self.to_json()
        if members["models"] == [models.default_lossless()]:
            del members["models"]
        return ", ".join(f"{name}={value!r}" for name, value in members.items())

    def check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raise `UnsupportedInputError` unless samples of a dtype can be coded with this fidelity."""
        check_dtype(dtype)
        self.fidelity.check_dtype(dtype)

    def encode(self, array: NDArray[Any], verify: bool) -> bytes:
        """The bytes of a chunk, see `zarr_neural.chunk.encode_chunk`.

        Raises
        ------
        ConfigurationError
            If ``models`` lacks a kind of model that the fidelity needs.
        """
        if self.expected is not None and (array.shape, array.dtype) != self.expected:
            raise UnsupportedInputError(
                f"the codec was made for chunks of shape {self.expected[0]} and {self.expected[1]}, not for "
                f"{array.shape} and {array.dtype}"
            )
        lossless = self.models[0] if len(self.models) == 1 else _first_of_kind(self.models, "lossless")
        lossy = (_first_of_kind(self.models, "lossy"),) if self.fidelity.transforms else ()
        return encode_chunk(array, self.fidelity, lossless, *lossy, verify=verify)

    def decode(self, data: Any, expected: tuple[tuple[int, ...], np.dtype[Any]] | None = None) -> NDArray[Any]:
        """The array of a chunk, see `zarr_neural.chunk.decode_chunk`."""
        try:
            array = np.ascontiguousarray(data if isinstance(data, np.ndarray) else memoryview(data))
        except TypeError as error:
            raise UnsupportedInputError(f"the bytes of a chunk are needed, not {type(data).__name__}") from error
        decoded = decode_chunk(array.reshape(-1).view(np.uint8).data, self.models, expected or self.expected)
        return decoded if self.expected is None else decoded.astype(self.expected[1], copy=False)  # byte order

    def without_loss(self) -> Self:
        """The same but lossless."""
        return replace(self, fidelity=Fidelity())


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
        preset: Preset = "fast",
        verify: bool = True,
        noise_model: NoiseModel | Mapping[str, float] | None = None,
        models: Sequence[str] | None = None,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
    ) -> None:
        self.configuration = Configuration.build(
            lossless=lossless,
            max_error=max_error,
            noise=noise,
            rmse=rmse,
            preset=preset,
            noise_model=noise_model,
            models=models,
            shape=shape,
            dtype=dtype,
        )
        self.verify = verify

    @functools.cached_property
    def _remembered(self) -> Remembered:
        return Remembered()

    @property
    def _guards(self) -> bool:
        """Whether chunks of which a part is written are to be recognised."""
        return self.verify and self.configuration.fidelity.rmse is not None

    def _encode(self, array: NDArray[Any]) -> bytes:
        """The bytes of a chunk; without further loss where a part of it was decoded a moment ago."""
        configuration = self.configuration
        if self._guards and self._remembered.is_part_of(array):
            configuration = configuration.without_loss()
        return configuration.encode(array, self.verify)

    def _decode(self, data: Any, expected: tuple[tuple[int, ...], np.dtype[Any]] | None = None) -> NDArray[Any]:
        """The array of a chunk, which is remembered where a part of it may be written next."""
        decoded = self.configuration.decode(data, expected)
        if self._guards:
            self._remembered.note(decoded)
        return decoded

    def __getstate__(self) -> dict[str, Any]:
        return {"configuration": self.configuration, "verify": self.verify}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configured) and type(self) is type(other) and self.configuration == other.configuration

    def __hash__(self) -> int:
        return hash(self.configuration)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.configuration.arguments()})"


def _expected(shape: Sequence[int] | None, dtype: str | None) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
    if shape is None and dtype is None:
        return None
    whole = isinstance(shape, Sequence) and all(isinstance(n, int) and n > 0 for n in shape) and len(shape) >= 2
    if not whole or not isinstance(dtype, str):
        raise ConfigurationError(
            f"shape and dtype must be given together, as two or more whole numbers and a string such as '<u2', not "
            f"{shape!r} and {dtype!r}"
        )
    assert shape is not None
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise ConfigurationError(f"dtype {dtype!r} is not known to NumPy") from error
    check_dtype(found)
    return tuple(shape), found


def _check_preset(preset: str, fidelity: Fidelity, ids: Sequence[str] | None) -> None:
    if preset != "fast" and not fidelity.transforms:
        raise ConfigurationError(f"preset={preset!r} applies only to rmse=, or to noise= of 3 and more")
    if preset != "fast" and ids is not None:
        raise ConfigurationError(f"models already says which models to use: leave out preset={preset!r}")


def _default_models(fidelity: Fidelity, preset: Preset) -> tuple[str, ...]:
    lossy = (models.default_lossy(preset),) if fidelity.transforms else ()
    return (models.default_lossless(), *lossy)


@functools.cache
def _first_of_kind(ids: tuple[str, ...], kind: str) -> str:
    for model_id in ids:
        if models.load(model_id).metadata["kind"] == kind:
            return model_id
    raise ConfigurationError(f"models names no {kind} model, which is needed to encode: {', '.join(ids)}")


def _checked_models(ids: Sequence[str]) -> tuple[str, ...]:
    if isinstance(ids, str) or not isinstance(ids, Sequence) or not ids:
        raise ConfigurationError(f"models must be a list of at least one SHA-256, not {str(ids)[:80]!r}")
    for model_id in ids:
        if not isinstance(model_id, str) or len(model_id) != 64 or set(model_id) - set("0123456789abcdef"):
            raise ConfigurationError(
                f"a model is named by 64 lower-case hexadecimal digits, not {str(model_id)[:80]!r}"
            )
    return tuple(ids)
