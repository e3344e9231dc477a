"""Commands that stand in for gator's: one exit code for everything that goes wrong, flags with values, what is piped.

In: arguments as gator takes them (`--deny-only=false`). Out: a click command that exits 1 where click's exit 2.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from pratique.errors import InputError

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class _WrongUseError(click.UsageError):
    exit_code = 1


class GatorCommand(click.Command):
    """A command that scripts know by gator's name, exit codes and flags."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; a flag may carry its value, as Go's flags do."""
        try:
            return super().parse_args(ctx, self._plain(args))
        except click.UsageError as error:
            # gator knows one exit code for everything that goes wrong, and scripts rely on it.
            raise _WrongUseError(error.format_message(), ctx) from error

    def _plain(self, args: list[str]) -> list[str]:
        """Return the arguments with `--flag=true` and `--flag=false` as click says them."""
        flags = {name: param for param in self.params if _is_flag(param) for name in param.opts}
        found: list[str] = []
        for index, given in enumerate(args):
            if given == "--":
                return found + args[index:]
            name, mark, value = given.partition("=")
            flag = flags.get(name) if mark else None
            if flag is None:
                found.append(given)
            elif value in _TRUE:
                found.append(name)
            elif value in _FALSE:
                found += flag.secondary_opts[:1]
            else:
                raise click.UsageError(f"`{value}` is no value of `{name}`: write true or false")
        return found


def piped() -> str | None:
    """Return what standard input says, None when a person sits there; raises `InputError`."""
    if sys.stdin is None or sys.stdin.isatty():
        return None
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8: byte {error.start + 1} cannot be read") from None
    except OSError as error:
        raise InputError(f"standard input cannot be read: {error.strerror or error}") from None


def _is_flag(param: Any) -> bool:
    return isinstance(param, click.Option) and param.is_flag
