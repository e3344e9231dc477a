"""What options of the Rego commands have in common: lengths of time, versions, and what OPA has and we do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from pratique.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


class Duration(click.ParamType[float]):
    """A length of time as Go writes it (`5s`, `1m30s`, `100ms`), in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; refuses what is no length of time."""
        if isinstance(value, float | int):
            return float(value)
        text = str(value)
        if text == "0":
            return 0.0
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            self.fail(f"`{value}` is no length of time; write it as 5s, 1m30s or 100ms", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, unit in parts)


DURATION: Final = Duration()

versions = click.option("--v0-compatible", is_flag=True, help="Read policies and queries as Rego v0.")
v1 = click.option(
    "--v1-compatible", is_flag=True, help="Read policies and queries as Rego v1, which is the default."
)
ignore = click.option(
    "--ignore",
    multiple=True,
    metavar="PATTERN",
    help="Names of files and folders to pass over while loading, such as '.*'; may be given several times.",
)

schema = click.option(
    "-s",
    "--schema",
    type=click.Path(),
    metavar="PATH",
    help="A JSON schema that the input is known to follow, or a folder of those that `# METADATA` names.",
)


def listed(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of an option that may be given several times, or as one list with commas."""
    return tuple([part for value in values for part in value.split(",") if part])


def refused(name: str, instead: str) -> Callable[[Command], Command]:
    """Return an option that OPA has and we do not: whoever gives it is told what to do instead."""

    def refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value and not ctx.resilient_parsing:
            raise InputError(f"`{name.split('/')[-1]}` is not supported", hint=instead)

    names = name.split("/")
    return click.option(*names, multiple=True, hidden=True, expose_value=False, callback=refuse)


def refused_flag(name: str, instead: str) -> Callable[[Command], Command]:
    """Return a flag that OPA has and we do not."""

    def refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value and not ctx.resilient_parsing:
            raise InputError(f"`{name.split('/')[-1]}` is not supported", hint=instead)

    return click.option(*name.split("/"), is_flag=True, hidden=True, expose_value=False, callback=refuse)


def choose(v0: bool, v1: bool) -> Any:
    """Return the Rego version that two flags ask for."""
    if v0 and v1:
        raise InputError(
            "--v0-compatible and --v1-compatible exclude each other", hint="give one of them, or neither"
        )
    return "v0" if v0 else "v1"
