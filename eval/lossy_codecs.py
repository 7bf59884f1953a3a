"""The lossy codecs that are compared, by name."""

from __future__ import annotations

from eval.lossy_ours import ours, ours_with
from zarr_neural.zoo.classical import FAMILIES, LossyCodec

ANCHORS = ("jpeg2000", "jpegxl-7")
"""What every codec is compared with."""
OTHERS = ("jpegxl-3", "avif-6", "htj2k", "jpegxr", "webp", "sperr", "sz3", "lerc", "zfp")


def usual() -> list[LossyCodec]:
    """Return what is measured unless codecs are named: ours, the anchors, the others."""
    return [ours("fast"), ours("dense"), *(FAMILIES[name] for name in (*ANCHORS, *OTHERS))]


def further() -> list[LossyCodec]:
    """Return what is measured only when it is named."""
    return [codec for name, codec in FAMILIES.items() if name not in (*ANCHORS, *OTHERS)]


def by_name(names: list[str]) -> list[LossyCodec]:
    """Return the codecs called `names`, in that order.

    Raises
    ------
    ValueError
        For a name that is not among them; the message lists them.
    """
    known = {codec.name: codec for codec in [*usual(), *further()]}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"unknown codec {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names]


def with_models(named: list[str]) -> list[LossyCodec]:
    """Return our codec with each of the models given as ``NAME=SHA256``.

    Raises
    ------
    ValueError
        For what is not of that form.
    """
    pairs = [each.partition("=") for each in named]
    for name, _, model_id in pairs:
        if not name or len(model_id) != 64 or set(model_id) - set("0123456789abcdef"):
            raise ValueError(f"a model is given as NAME=SHA256, 64 lower-case digits, not {name}={model_id}")
    return [ours_with(name, model_id) for name, _, model_id in pairs]
