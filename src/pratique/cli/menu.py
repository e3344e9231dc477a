"""A group of commands that knows their names and help, and imports a command only when it is called.

A command of the package `pratique.cli` (or of one inside it) lives in the module of its name and is the click
command or group of that name in it; dashes become underscores. Start-up is part of the product.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import click


class Menu(click.Group):
    """A group whose commands are `menu`: name to one line of help, in the order in which a person meets them."""

    def __init__(self, *args: Any, menu: Mapping[str, str], package: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.menu = menu
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a person meets them."""
        return list(self.menu)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command `cmd_name`, or None when there is no such command."""
        if cmd_name not in self.menu:
            return None
        symbol = cmd_name.replace("-", "_")
        module = importlib.import_module(f"{self.package}.{symbol}")
        command: click.Command = getattr(module, symbol)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; one that does not exist is refused with what comes close."""
        if args and args[0] not in self.menu and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self.menu, n=2)
            meant = f" Did you mean `{'` or `'.join(close)}`?" if close else ""
            ctx.fail(f"No such command `{args[0]}`.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the menu without importing a single command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.menu.items()))
