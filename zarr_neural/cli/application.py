"""The application: every command under its name."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from zarr_neural.cli.convert import convert_command
from zarr_neural.cli.download import download_command
from zarr_neural.cli.export import export_command
from zarr_neural.cli.inspect import inspect_command
from zarr_neural.cli.noise import noise_command
from zarr_neural.cli.search import search_command
from zarr_neural.cli.terminal import clean, say
from zarr_neural.cli.train import train
from zarr_neural.cli.verify import verify_command

_UsageError: Any = typer.BadParameter.__bases__[0]  # of the click that typer brings along, or of the one it finds


class _Group(TyperGroup):
    """The commands, whose complaints about wrong use go to the terminal cleaned like everything else."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        return _cleaned(super().make_context, *arguments, **options)

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        return _cleaned(super().invoke, *arguments, **options)


def _cleaned(work: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return work(*arguments, **options)
    except _UsageError as error:
        error.message = clean(error.message)
        raise


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command("convert")(convert_command)
app.command("verify")(verify_command)
app.command("inspect")(inspect_command)
app.command("export")(export_command)
app.command("noise")(noise_command)
app.command("search")(search_command)
app.command("download")(download_command)
app.add_typer(train, name="train")


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"zarr-neural {version('zarr-neural')}")
        raise typer.Exit


@app.callback()
def _common(
    show: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Convert microscopy images to OME-Zarr with neural compression and back: lossless, or within a stated error."""
