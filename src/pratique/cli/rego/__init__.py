"""`pratique rego`: what an author of policies needs beside `eval`, as OPA's commands of these names."""

from __future__ import annotations

import click

from pratique.cli.rego.fmt import fmt


@click.group()
def rego() -> None:
    """Work on Rego policies."""


rego.add_command(fmt)
