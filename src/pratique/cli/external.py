"""`--external-data`: whether the Providers among files are asked, for the commands that read policies from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pratique.client.providers import Providers

option = click.option(
    "--external-data/--no-external-data",
    default=False,
    help="Ask the Providers among the files when policies or mutators do.",
)


def connect() -> Providers:
    """Return who asks Providers; most runs ask nobody, and do not wait for what asking needs."""
    from pratique.client.providers import Providers

    return Providers()
