"""What reaches the terminal, and how the command ends when it is stopped or lacks a library."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

import zarr_neural.cli
from zarr_neural.cli import app
from zarr_neural.cli.options import nbytes
from zarr_neural.errors import ConfigurationError

EVIL = "a\x1b]0;title\x07\x1b[2Jb\x9b31m\u202e"


def hidden(text: str) -> list[str]:
    return re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text)


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    """Escape sequences in file names, channel names and arguments are shown, not sent, by every command."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 99, (2, 40, 40), dtype="u2")
    metadata = {"axes": "CYX", "Channel": {"Name": ["x\u202ey", "[red]z"]}}
    tifffile.imwrite(folder / f"{EVIL}.ome.tif", pixels, ome=True, photometric="minisblack", metadata=metadata)
    (folder / f"{EVIL}.tif").write_bytes(b"no TIFF")
    (folder / f"{EVIL}.nd2").write_bytes(b"other")
    assert CliRunner().invoke(app, ["convert", str(folder), str(out), "-q"]).exit_code == 1
    store = next(path for path in out.iterdir() if path.suffix == ".zarr")
    for arguments in (
        ("convert", folder, tmp_path / "again", "-v"),
        ("convert", folder, out, "--json"),
        ("verify", out),
        ("noise", folder),
        ("inspect", store),
        ("inspect", store, "--json"),
        ("inspect", tmp_path / EVIL),
        ("convert", folder, out, f"--{EVIL}"),
        (EVIL,),
        ("convert", folder, out, "--chunk", EVIL),
    ):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.output, arguments
        assert not hidden(result.output), arguments
        assert "Traceback" not in result.output


def test_names_that_are_no_utf8_are_printed(tmp_path: Path) -> None:
    """A file name with a byte that is not UTF-8 is converted or refused, never a crash of the printing."""
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", np.zeros((20, 20), "u2"), photometric="minisblack")
    os.rename(tmp_path / "in" / "a.tif", os.fsencode(tmp_path / "in") + b"/a\xff.tif")
    for more in ([], ["--json"]):
        result = CliRunner().invoke(app, ["convert", str(tmp_path / "in"), str(tmp_path / "out"), *more])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "udcff" in result.output


def test_nothing_else_prints() -> None:
    """All printing of the commands goes through the one module that cleans."""
    for path in Path(zarr_neural.cli.__file__).parent.glob("*.py"):
        if path.name not in ("terminal.py", "__init__.py"):
            assert not re.search(r"typer\.echo|\bprint\(|\.print\(|sys\.std|secho", path.read_text()), path.name


def python(script: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | more)


@pytest.mark.parametrize("library", ["typer", "rich", "tifffile", "imagecodecs", "dask"])
def test_a_missing_library_is_named_with_its_extra(library: str, tmp_path: Path) -> None:
    """Without a library of the extra the command says what to install, and there is no traceback."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), "u2"), photometric="minisblack", compression="lzw")
    script = f"""
import sys
sys.modules[{library!r}] = None
sys.argv = ["zarr-neural", "convert", {str(tmp_path / "a.tif")!r}, {str(tmp_path / "a.zarr")!r}]
from zarr_neural.cli import main
main()
"""
    result = python(script)
    assert "Traceback" not in result.stderr
    assert result.returncode in (0, 1)  # dask is of no use to convert
    assert result.returncode == 0 or "pip install 'zarr-neural[archive]'" in result.stderr, result.stderr


def test_an_interruption_of_the_start_is_one_line() -> None:
    """Ctrl-C while libraries are imported: one line, exit code 130."""
    result = python("""
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "tifffile":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
sys.argv = ["zarr-neural", "--version"]
from zarr_neural.cli import main
main()
""")
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "error: interrupted\n")


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    """Who reads the output may stop reading: no complaint, no traceback."""
    command = f"{sys.executable} -c 'from zarr_neural.cli import main; main()' convert --help | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize(
    ("text", "found"), [("512M", 2**29), ("2G", 2**31), ("1.5 GiB", 3 * 2**29), ("1000000", 1000000), ("3kB", 3072)]
)
def test_sizes(text: str, found: int) -> None:
    """Sizes are read with their units."""
    assert nbytes(text) == found


@pytest.mark.parametrize("text", ["", "0", "G", "-1", "1e9", "2 bananas"])
def test_no_sizes(text: str) -> None:
    """What is no size is refused."""
    with pytest.raises(ConfigurationError, match="is not a size"):
        nbytes(text)


def test_json_parses_with_odd_names(tmp_path: Path) -> None:
    """Escaping for the terminal leaves JSON that gives the name back."""
    name = "a\x7f\x9bb\u202e"
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / name), "--json"])
    assert name in json.loads(result.stdout)["error"]
