"""The progress bar on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zarr_neural.archive import Progress as Callback
from zarr_neural.cli.terminal import clean


@contextmanager
def progress(off: bool) -> Iterator[Callback]:
    """Yield a callback that drives a bar on stderr, or one that does nothing."""
    console = Console(stderr=True)
    if off or not console.is_terminal:
        yield lambda name, done, total: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def callback(name: str, done: int, total: int) -> None:
            if name not in tasks:
                for finished in tasks.values():
                    bar.update(finished, visible=False)
                tasks[name] = bar.add_task(clean(name), total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield callback
