"""`pratique rego`: what an author of policies needs beside `eval`, as OPA's commands of these names."""

from __future__ import annotations

import click


@click.group()
def rego() -> None:
    """Work on Rego policies."""
