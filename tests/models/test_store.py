"""Models are found by their hash, offline, and never taken for another."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zarr_neural.errors import ModelError, ModelNotFoundError
from zarr_neural.models import default_lossless, folders, load, locate, store, user_directory


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory of the user."""
    directory = tmp_path / "user"
    directory.mkdir()
    monkeypatch.setenv(folders.USER_DIRECTORY_VARIABLE, str(directory))
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
    """A file whose contents have another hash is never taken, wherever it lies; the error names it."""
    digest = put(user, b"other", hashlib.sha256(b"wanted").hexdigest())
    with pytest.raises(ModelError, match=hashlib.sha256(b"other").hexdigest()):
        locate(digest)
    assert locate(put(tmp_path, b"wanted"), [tmp_path]) == b"wanted"


def test_a_damaged_copy_hides_no_sound_model(user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel is asked first; a damaged file in front of a sound one is passed over, with one warning a process."""
    monkeypatch.setattr(folders, "_told", set())
    put(user, b"damaged", default_lossless())
    put(tmp_path, b"damaged", default_lossless())
    assert hashlib.sha256(locate(default_lossless(), [tmp_path])).hexdigest() == default_lossless()
    digest = put(user, b"sound")
    put(tmp_path, b"damaged", digest)
    with pytest.warns(RuntimeWarning, match=r"SHA-256 .* is ignored") as caught:
        assert locate(digest, [tmp_path]) == b"sound"
    assert len(caught) == 1
    assert locate(digest, [tmp_path]) == b"sound"


def test_a_folder_out_of_reach_is_a_folder_without_models(
    user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the account may not look into, or a file where a folder should be, hides nothing and ends in our error."""
    digest = put(tmp_path, b"sound")
    (user / "file").write_bytes(b"")
    for unreachable in (user / "file", user / ("long" * 100), Path("nul\0byte")):
        assert locate(digest, [unreachable, tmp_path]) == b"sound"

    def refuse(path: Path) -> bool:
        if path.parent == user:
            raise PermissionError(13, "Permission denied", str(path))
        return path.exists()

    monkeypatch.setattr(Path, "is_file", refuse)
    assert locate(digest, [user, tmp_path]) == b"sound"
    with pytest.raises(ModelNotFoundError):
        locate("0" * 64)


def test_an_account_without_a_home_reads_and_writes(tmp_path: Path) -> None:
    """Without HOME, and without an entry among the users, only the wheel is searched, and that is enough."""
    code = (
        "import os, pwd; from pathlib import Path\n"
        "def nobody(*_): raise KeyError('no such user')\n"
        "pwd.getpwuid = nobody\n"
        "import numpy; from zarr_neural import NeuralCodec, models\n"
        "image = numpy.arange(4096, dtype='u2').reshape(64, 64)\n"
        "assert (NeuralCodec().decode(NeuralCodec().encode(image)) == image).all()\n"
        "assert models.user_directory() is None\n"
        "try: models.locate('0' * 64)\n"
        "except models.store.ModelNotFoundError as error: print(error)\n"
        "import zarr_neural.zoo.weights as weights; assert weights.directories() == [weights.SHIPPED]\n"
    )
    ours = ("HOME", "XDG_DATA_HOME", "ZARR_NEURAL_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "searched" in done.stdout


def test_not_found_lists_the_places(user: Path, tmp_path: Path) -> None:
    """The error names the model and each directory."""
    with pytest.raises(ModelNotFoundError) as caught:
        locate("0" * 64, [tmp_path / "nowhere"])
    assert caught.value.wanted == "0" * 64
    assert caught.value.searched == [str(store.SHIPPED), str(tmp_path / "nowhere"), str(user)]


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
    monkeypatch.delenv(folders.USER_DIRECTORY_VARIABLE, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    assert user_directory() == tmp_path.joinpath(*below, "zarr_neural", "models")
