"""`pratique env`: the shell's settings, so that kubectl, az and pratique speak to this installation.

Nothing of the person's own is changed: not `~/.kube`, not `~/.azure`, not the system's trust.
"""

from __future__ import annotations

import shlex

import click

from pratique.cli import home


@click.command()
@click.option("--unset", is_flag=True, help="Print the lines that take the settings back.")
def env(*, unset: bool) -> None:
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
    click.echo(f'export PATH={shlex.quote(str(place.bin))}:"$PATH"')
    for name, value in settings.items():
        click.echo(f"export {name}={shlex.quote(str(value))}")
