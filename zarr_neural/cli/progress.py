"""The progress bar on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from zarr_neural.archive import Progress as Callback
from zarr_neural.cli.terminal import clean


@contextmanager
def progress(off: bool, *, in_bytes: bool = True) -> Iterator[Callback]:
    """Yield a callback that drives one bar on stderr with an estimate of the end, or one that does nothing.

    `in_bytes` says whether what is counted are bytes, which are shown in MB.
    """
    console = Console(stderr=True)
    if off or not console.is_terminal:
        yield lambda name, done, total: None
        return
    amount: ProgressColumn = DownloadColumn() if in_bytes else TaskProgressColumn()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def callback(name: str, done: int, total: int) -> None:
            bar.update(task, description=clean(name), completed=done, total=total)

        yield callback
