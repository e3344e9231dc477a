"""Commands that stand in for gator's: one exit code for everything that goes wrong, flags with values, what is piped.

In: arguments as gator takes them (`--deny-only=false`). Out: a click command that exits 1 where click's exit 2.
"""

from __future__ import annotations

import itertools
import sys

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
        """Return the arguments in the one form that click reads as pflag reads all of its forms.

        A value may follow a name's letter with or without `=` (`-o=json`, `-ojson`), flags may carry one
        (`--deny-only=false`, `-v=0`), and of a flag that stands there several times the last one counts.
        """
        options = [param for param in self.params if isinstance(param, click.Option)]
        known = {name: param for param in options for name in (*param.opts, *param.secondary_opts)}
        found: list[str] = []
        flags: dict[str, list[str]] = {}
        rest = iter(args)
        for given in rest:
            if given == "--":
                return [*itertools.chain(*flags.values()), *found, given, *rest]
            if (read := _read(given, known)) is None:
                found.append(given)
                continue
            for name, value in read:
                option = known[name]
                if option.is_flag:
                    flags[option.name or name] = _flag(option, name, value)
                elif value is None:
                    found += [name, *itertools.islice(rest, 1)]
                else:
                    found += [name, value]
        return [*itertools.chain(*flags.values()), *found]


def _read(given: str, known: dict[str, click.Option]) -> list[tuple[str, str | None]] | None:
    """Return the options of one argument with their values, None for what is none that is known."""
    if not given.startswith("-") or given == "-":
        return None
    if given.startswith("--"):
        name, mark, value = given.partition("=")
        return [(name, value if mark else None)] if name in known else None
    found: list[tuple[str, str | None]] = []
    for at in range(1, len(given)):
        name, after = f"-{given[at]}", given[at + 1 :]
        if name not in known:
            return None
        if after.startswith("=") or (after and not known[name].is_flag):
            return [*found, (name, after.removeprefix("="))]
        found.append((name, None))
    return found


def _flag(option: click.Option, name: str, value: str | None) -> list[str]:
    """Return what click reads as a flag with a value."""
    if value is not None and value not in _TRUE and value not in _FALSE:
        raise click.UsageError(f"`{value}` is no value of `{name}`: write true or false")
    if (value is None or value in _TRUE) is (name in option.opts):
        return option.opts[:1]
    return option.secondary_opts[:1]


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
