"""The menu: which commands there are, and what happens to an error that reaches the top.

A command lives in `pratique.cli.<name>` and is the click command or group of that name in it (dashes
become underscores). Nothing is imported before it is called: start-up is part of the product.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any

import click

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
    "bench": "Measure how fast policies judge objects, as gator bench does.",
    "eval": "Evaluate a Rego query.",
    "rego": "Work on Rego policies.",
    "demo": "Play the story of the first day, with real clients.",
    "completion": "Print the completion script of a shell.",
    "version": "Print the version.",
}


class Menu(click.Group):
    """A group that knows its commands' names and help, and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a person meets them."""
        return list(MENU)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command `cmd_name`, or None when there is no such command."""
        if cmd_name not in MENU:
            return None
        symbol = cmd_name.replace("-", "_")
        module = importlib.import_module(f"pratique.cli.{symbol}")
        command: click.Command = getattr(module, symbol)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; one that does not exist is refused with what comes close."""
        if args and args[0] not in MENU and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], MENU, n=2)
            meant = f" Did you mean `{'` or `'.join(close)}`?" if close else ""
            ctx.fail(f"No such command `{args[0]}`.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the menu without importing a single command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(MENU.items()))


@click.command(cls=Menu, context_settings={"help_option_names": ["-h", "--help"]})
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
