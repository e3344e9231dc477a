"""`pratique rego`: what an author of policies needs beside `eval`, as OPA's commands of these names."""

from __future__ import annotations

import click

from pratique.cli.menu import Menu

MENU = {
    "test": "Run the tests among policies, as opa test does.",
    "check": "Check whether policies and templates compile, as opa check does.",
    "compile": "Show a policy after each pass of the compiler.",
    "fmt": "Format Rego as opa fmt does, and v0 as v1.",
}


@click.group(cls=Menu, menu=MENU, package="pratique.cli.rego")
def rego() -> None:
    """Work on Rego policies."""
