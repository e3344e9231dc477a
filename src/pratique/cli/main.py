"""The menu: which commands there are, and what happens to an error that reaches the top.

A command lives in `pratique.cli.<name>` and is the click command or group of that name in it (dashes
become underscores). Nothing is imported before it is called: start-up is part of the product.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from pratique.cli.menu import Menu
from pratique.errors import PratiqueError

MENU = {
    "up": "Start everything on this machine: service, portal and an embedded cluster.",
    "env": "Print what a shell needs to use kubectl, az and pratique with this installation.",
    "login": "Sign in to a service, or make new credentials for a lost one.",
    "serve": "Run the service and the portal alone.",
    "agent": "Run one of the add-on's programs in a cluster.",
    "addon": "Enable, disable or look at the add-on of a cluster.",
    "policy": "List, show, create and delete policy definitions.",
    "assign": "Assign definitions to scopes, list and delete assignments.",
    "compliance": "Show where policies hold and where not.",
    "test": "Judge manifests by the policies beside them, as gator test does.",
    "verify": "Run suites of policy tests, as gator verify does.",
    "expand": "Show what objects will generate, as gator expand does.",
    "sync": "Test that what policies look up is synchronised, as gator sync test does.",
    "bench": "Measure how fast policies judge objects, as gator bench does.",
    "eval": "Evaluate a Rego query.",
    "rego": "Work on Rego policies.",
    "demo": "Play the story of the first day, with real clients.",
    "completion": "Print the completion script of a shell.",
    "version": "Print the version.",
}


@click.command(
    cls=Menu, menu=MENU, package="pratique.cli", context_settings={"help_option_names": ["-h", "--help"]}
)
def pratique() -> None:
    """Write a policy once, assign it to a scope, and see it enforced in every cluster.

    Start with `pratique up`.

    Exit codes: 0 done, 1 refused or in conflict, 2 wrong input, 3 something does not answer,
    4 not found, 5 not signed in or not allowed, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the command's code; no error reaches a traceback."""
    try:
        code: Any = pratique.main(args=arguments, prog_name="pratique", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except PratiqueError as error:
        click.echo(f"pratique: {error.render()}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader has seen enough (`| head`); what is left to flush must not raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
