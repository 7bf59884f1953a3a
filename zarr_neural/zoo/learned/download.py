"""Fetches CompressAI's published weights, when asked to: a codec itself never asks the network."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

from zarr_neural.errors import ModelError
from zarr_neural.zoo.weights import own_directory

from .architectures import check
from .weights import checked_digest, rgb_address, rgb_file_name

TIMEOUT_S = 60


def download(
    name: str,
    metric: str = "mse",
    quality: int = 8,
    folder: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Path, str]:
    """Return path and SHA-256 of the published weights of a codec; what lies in the folder is not fetched again.

    Parameters
    ----------
    name, metric, quality
        As for `ZooCodec` with three channels.
    folder : Path, optional
        Where codecs look for weights; the user's own by default.
    progress : callable
        Told what is fetched from where.

    Raises
    ------
    ConfigurationError
        If there is no such codec.
    ModelError
        If the address cannot be reached, or sends another file than its name promises; nothing is kept then.
    """
    check(name, metric, quality, 3)
    file_name, address = rgb_file_name(name, metric, quality), rgb_address(name, metric, quality)
    folder = folder or own_directory()
    if folder is None:
        raise ModelError("this account has no home directory to put weights into: name a folder")
    path = folder / file_name
    if path.is_file():
        return path, checked_digest(path, file_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    progress(f"{address} to {path}")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target)
        digest = checked_digest(part, file_name)
        part.replace(path)
    except OSError as error:
        raise ModelError(f"{address} cannot be fetched ({error}); fetch it elsewhere and put it at {path}") from error
    finally:
        part.unlink(missing_ok=True)
    return path, digest
