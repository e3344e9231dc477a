"""`pratique env`: the shell's settings, so that kubectl, az and pratique speak to this installation.

Nothing of the person's own is changed: not `~/.kube`, not `~/.azure`, not the system's trust.
"""

from __future__ import annotations

import os
import shlex

import click

from pratique.cli import home, output


@click.command()
@click.option("--unset", is_flag=True, help="Print the lines that take the settings back.")
@output.option
def env(*, unset: bool, output_format: str) -> None:
    """Print export lines for a shell: eval "$(pratique env)"."""
    place = home.locate()
    settings = {
        "PRATIQUE_HOME": place.root,
        "KUBECONFIG": place.kubeconfig,
        "AZURE_CONFIG_DIR": place.azure,
        "REQUESTS_CA_BUNDLE": place.roots,
    }
    if unset:
        click.echo("unset " + " ".join(settings))
        return
    if output_format != "table":
        paths = {"PATH": f"{place.bin}{os.pathsep}{os.environ.get('PATH', '')}"}
        output.show(paths | {name: str(value) for name, value in settings.items()}, output_format)
        return
    click.echo(f'export PATH={shlex.quote(str(place.bin))}:"$PATH"')
    for name, value in settings.items():
        click.echo(f"export {name}={shlex.quote(str(value))}")
