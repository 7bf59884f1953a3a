"""The command `verify`: every chunk read again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.archive import verify
from zarr_neural.cli.options import Json, Quiet
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.progress import progress
from zarr_neural.cli.terminal import complain, print_json
from zarr_neural.cli.verified import print_verified


def verify_command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store, or a folder of stores.")],
    source: Annotated[Path | None, typer.Argument(metavar="SRC", help="The TIFF (or folder) it came from.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read every chunk again; against SRC, check the promise that the store records."""
    with reported(as_json), progress(as_json or quiet) as callback:
        reports = verify(store, source, callback)
    if as_json:
        print_json({"sound": all(r.sound for r in reports), "stores": [r.as_json() for r in reports]})
    elif not quiet:
        for report in reports:
            print_verified(report)
    if not as_json:
        for report in reports:
            for damage in report.damaged:
                place = "/".join(part for part in (report.store, damage.array, damage.chunk) if part)
                complain(f"{place}: {damage.what}")
    raise typer.Exit(0 if all(report.sound for report in reports) else 1)
