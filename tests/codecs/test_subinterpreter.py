"""Where the compiled engine would hang, the package says so when it is imported."""

import subprocess
import sys

CODE = """
import faulthandler, importlib, sys
faulthandler.dump_traceback_later(60, exit=True)
interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
inside = interpreters.create()
code = '''
import sys
sys.path[:0] = PATH
try:
    import zarr_neural
except ImportError as error:
    print("refused:", error)
else:
    print("imported")
'''
interpreters.run_string(inside, code.replace("PATH", repr(sys.path)))
"""


def test_a_subinterpreter_is_refused_rather_than_left_hanging() -> None:
    """The import fails there, before a first chunk could hang; what the error says is up to Python from 3.12 on."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stdout.startswith("refused: "), done.stdout + done.stderr
    if sys.version_info < (3, 12):
        assert "main interpreter" in done.stdout
