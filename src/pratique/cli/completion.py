"""`pratique completion`: the script that gives a shell Tab completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pratique.cli import main


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL; to use it now: eval "$(pratique completion bash)"."""
    complete = get_completion_class(shell)
    if complete is None:
        raise click.UsageError(f"no completion for `{shell}`")
    click.echo(complete(main.pratique, {}, "pratique", "_PRATIQUE_COMPLETE").source())
