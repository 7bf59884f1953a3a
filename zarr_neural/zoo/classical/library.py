"""The libraries behind the classical codecs, loaded on first use: a codec is built and pickled without them."""

import importlib
import importlib.util
from typing import Any


def imagecodecs() -> Any:
    """Return the package imagecodecs; importing it takes a tenth of a second."""
    return importlib.import_module("imagecodecs")


def pcodec_package() -> Any:
    """Return the package pcodec, its module of streams that stand alone too."""
    importlib.import_module("pcodec.standalone")
    return importlib.import_module("pcodec")


def absent(name: str) -> str:
    """Return why the codec that imagecodecs calls `name` cannot be used here; nothing where it can."""
    try:
        library = imagecodecs()
    except ImportError:
        return "imagecodecs is not installed"
    found = getattr(library, name, None)
    return "" if found is not None and found.available else f"imagecodecs {library.__version__} has no {name}"


def absent_package(name: str) -> str:
    """Return why the package `name` cannot be used here; nothing where it can."""
    return "" if importlib.util.find_spec(name) else f"{name} is not installed"
