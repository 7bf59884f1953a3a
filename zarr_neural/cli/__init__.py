"""The command line: arguments in, calls of the archive and training rooms, text and exit codes out.

One module per command (`convert`, `verify`, ...), put together in `application`; `terminal` is the one place that
prints; `summary`, `content` and `verified` word what the archive room returns. Exit codes: 0 fine, 1 something failed
(an unreadable file, damage), 2 wrong use, 130 interrupted.

May import: the archive, training and codecs rooms, the zoo; typer, rich. Tests: tests/cli.
"""

from __future__ import annotations

import os
import sys
from typing import Any

INTERRUPTED = 130


def main() -> None:
    """Run the command line; whatever goes wrong, also while its libraries are imported, ends in a line of text."""
    try:
        from zarr_neural.cli.application import app  # here, so that an interruption or a missing library is caught

        app(prog_name="zarr-neural")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "zarr_neural":
            raise
        print(
            f"error: zarr-neural needs {error.name}, which is not installed: pip install 'zarr-neural[archive]'",
            file=sys.stderr,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # whoever reads our output has read enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def __getattr__(name: str) -> Any:
    if name == "app":
        from zarr_neural.cli.application import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
