"""`pratique version`: the version, as text or as data."""

from __future__ import annotations

import platform

import click

import pratique
from pratique.cli import output


@click.command()
@output.option
def version(*, output_format: str) -> None:
    """Print the version of Pratique and of the Python that runs it."""
    if output_format == "table":
        click.echo(f"pratique {pratique.__version__}")
    else:
        output.show({"version": pratique.__version__, "python": platform.python_version()}, output_format)
