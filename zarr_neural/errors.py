"""Every exception of the package. Raised by the room that finds the fault; nothing here imports anything of ours."""


class ZarrNeuralError(Exception):
    """Base of every error that this package raises on purpose."""


class DamagedChunkError(ZarrNeuralError, ValueError):
    """The bytes of a chunk are not what an encoder wrote: truncated, altered, foreign, or of a future version."""

    def __init__(self, what: str, *, expected: object = None, found: object = None) -> None:
        self.what, self.expected, self.found = what, expected, found
        detail = "" if expected is None and found is None else f": expected {expected}, found {found}"
        super().__init__(f"{what}{detail}")


class UnsupportedInputError(ZarrNeuralError, ValueError):
    """The array given to the codec has a shape, dtype, order or content that the chosen fidelity cannot promise."""


class ConfigurationError(ZarrNeuralError, ValueError):
    """The codec was configured with arguments that contradict each other or lie out of range."""


class ModelError(ZarrNeuralError, ValueError):
    """A model file breaks the numeric contract, is damaged, or is not the one that was asked for."""


class ModelNotFoundError(ModelError, LookupError):
    """No model with the wanted SHA-256 lies in the wheel, in the user directory or in the store."""

    def __init__(self, wanted: str, searched: list[str]) -> None:
        self.wanted, self.searched = wanted, searched
        super().__init__(f"no model {wanted} found; searched: {', '.join(searched)}")


class EngineError(ZarrNeuralError, RuntimeError):
    """An engine failed its known-answer test on this machine and is refused."""


class MissingExtraError(ZarrNeuralError, ImportError):
    """A codec of the zoo needs a library that is not installed here."""

    def __init__(self, what: str, library: str, extra: str) -> None:
        self.library, self.extra = library, extra
        super().__init__(
            f"{what}: {library} is not installed; needs the extra: pip install 'zarr-neural[{extra}]'", name=library
        )


class MismatchError(ZarrNeuralError, RuntimeError):
    """A research codec decodes other samples on this machine than its encoder did on the machine that wrote the chunk.

    Its networks run in floating point, which rounds differently from machine to machine.
    """

    def __init__(self, codec: str, *, expected: int, found: int) -> None:
        self.codec, self.expected, self.found = codec, expected, found
        super().__init__(
            f"{codec} decodes other samples here than where the chunk was written: expected CRC-32C {expected:08x}, "
            f"found {found:08x}; read it on the machine (and with the library versions) that wrote it"
        )


class BoundError(ZarrNeuralError, RuntimeError):
    """Decoding what was just encoded did not give what was promised; nothing was written."""


class SourceChangedError(ZarrNeuralError, RuntimeError):
    """A source file changed while it was converted: the store would be neither the old image nor the new one."""


class ArchiveError(ZarrNeuralError, RuntimeError):
    """A file or store cannot be converted, verified or exported; says which and why."""
