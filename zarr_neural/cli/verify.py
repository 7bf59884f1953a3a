"""The command `verify`: every chunk read again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zarr_neural.archive import verify
from zarr_neural.cli.options import Json, Quiet
from zarr_neural.cli.outcome import reported
from zarr_neural.cli.progress import progress
from zarr_neural.cli.terminal import print_json
from zarr_neural.cli.verified import complain_of_damage, print_verified


def verify_command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store, or a folder of stores.")],
    source: Annotated[
        Path | None,
        typer.Argument(metavar="SRC", help="The TIFF that the store was made from, or the folder of the TIFFs."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read every chunk of a store again and check it.

    Checksums reveal damaged, altered and exchanged chunks. With SRC the pixels are also compared with those of the
    source, which is read page by page and not in the way that `convert` reads it, and the promise that the store
    records is checked. The exit code is 1 where a store is damaged.
    """
    with reported(as_json), progress(as_json or quiet) as callback:
        reports = verify(store, source, callback)
    if as_json:
        print_json({"sound": all(r.sound for r in reports), "stores": [r.as_json() for r in reports]})
    else:
        if not quiet:
            print_verified(reports)
        complain_of_damage(reports)
    raise typer.Exit(1 if any(report.damaged for report in reports) else 0)
