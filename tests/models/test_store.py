"""Models are found by their hash, offline, and never taken for another."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zarr_neural.errors import ModelError, ModelNotFoundError
from zarr_neural.models import default_lossless, load, locate, store, user_directory


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory of the user."""
    directory = tmp_path / "user"
    directory.mkdir()
    monkeypatch.setenv(store.USER_DIRECTORY_VARIABLE, str(directory))
    return directory


def put(directory: Path, data: bytes, name: str | None = None) -> str:
    digest = name or hashlib.sha256(data).hexdigest()
    (directory / f"{digest}.safetensors").write_bytes(data)
    return digest


def test_found_in_a_given_directory_the_users_and_the_wheel(user: Path, tmp_path: Path) -> None:
    """All three places are searched."""
    assert locate(put(tmp_path, b"given"), [tmp_path]) == b"given"
    assert locate(put(user, b"own")) == b"own"
    assert hashlib.sha256(locate(default_lossless())).hexdigest() == default_lossless()


def test_contents_must_match_the_name(user: Path, tmp_path: Path) -> None:
    """A file whose contents have another hash is refused, wherever it lies; it is not passed over in silence."""
    digest = put(user, b"other", hashlib.sha256(b"wanted").hexdigest())
    with pytest.raises(ModelError, match=hashlib.sha256(b"other").hexdigest()):
        locate(digest)
    put(tmp_path, b"other", default_lossless())
    with pytest.raises(ModelError, match="contents"):
        locate(default_lossless(), [tmp_path])


def test_not_found_lists_the_places(user: Path, tmp_path: Path) -> None:
    """The error names the model and each directory."""
    with pytest.raises(ModelNotFoundError) as caught:
        locate("0" * 64, [tmp_path / "nowhere"])
    assert caught.value.wanted == "0" * 64
    assert caught.value.searched == [str(tmp_path / "nowhere"), str(user), str(store.SHIPPED)]


@pytest.mark.parametrize("name", ["", "abc", "0" * 63, "0" * 65, "A" * 64, "../" + "0" * 61, "0" * 63 + "\n"])
def test_names_that_are_no_hash_are_refused(name: str) -> None:
    """Only 64 lower-case hexadecimal digits reach the file system."""
    with pytest.raises(ModelError, match="64 lower-case"):
        locate(name)


def test_damaged_model_is_refused_at_load(user: Path) -> None:
    """A file that is named rightly but is no model is refused."""
    with pytest.raises(ModelError, match="header"):
        load(put(user, b"no model at all"))


def test_loaded_once_per_process() -> None:
    """Threads that ask at the same time get one and the same model."""
    with ThreadPoolExecutor(8) as pool:
        models = list(pool.map(load, [default_lossless()] * 32))
    assert all(model is models[0] for model in models)


@pytest.mark.parametrize(
    ("platform", "variable", "below"),
    [
        ("linux", "XDG_DATA_HOME", ()),
        ("win32", "LOCALAPPDATA", ()),
        ("darwin", "HOME", ("Library", "Application Support")),
    ],
)
def test_user_directory(
    platform: str, variable: str, below: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's directory is where each platform keeps an application's data."""
    monkeypatch.delenv(store.USER_DIRECTORY_VARIABLE, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    assert user_directory() == tmp_path.joinpath(*below, "zarr_neural", "models")
