"""semver.*: semantic versions, as OPA reads them (https://semver.org, clause 11 for their order)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pratique.rego.builtins.registry import builtin, failure
from pratique.rego.runtime.numbers import integer
from pratique.rego.runtime.text import quote
from pratique.rego.runtime.values import Value

_NAMES: Final = re.compile(r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\Z")
_INTEGER: Final = re.compile(r"(?:0|[1-9][0-9]*)\Z")
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Version:
    """A version: its three numbers and its pre-release names."""

    numbers: tuple[int, ...]
    names: tuple[str, ...]


def parse(text: str) -> Version | None:
    """Return the version that a text stands for, or nothing."""
    rest, plus, build = text.removeprefix("v").partition("+")
    core, minus, release = rest.partition("-")
    if (plus and not _NAMES.match(build)) or (minus and not _NAMES.match(release)):
        return None
    if any(name.isdigit() and name[0] == "0" and name != "0" for name in release.split(".")):
        return None
    parts = core.split(".")
    if len(parts) != 3 or not all(map(_INTEGER.match, parts)):
        return None
    numbers = tuple(map(integer, parts))
    if any(number > _LARGEST for number in numbers):
        return None
    return Version(numbers, tuple(release.split(".")) if release else ())


def compare(left: Version, right: Version) -> int:
    """Return -1, 0 or 1 as the left one comes before, with or after the right one."""
    if left.numbers != right.numbers:
        return -1 if left.numbers < right.numbers else 1
    if not left.names or not right.names:
        # A version without a pre-release comes after those that have one.
        return (not left.names) - (not right.names)
    for one, two in zip(left.names, right.names, strict=False):
        if one != two:
            return -1 if _rank(one) < _rank(two) else 1
    return (len(left.names) > len(right.names)) - (len(left.names) < len(right.names))


def _rank(name: str) -> tuple[int, int, str]:
    return (0, integer(name), "") if name.isascii() and name.isdigit() else (1, 0, name)


@builtin("semver.compare", "string, string -> number", cost=0)
def semver_compare(left: Value, right: Value) -> Value:
    """Return -1, 0 or 1 as the first version is lower, equal or higher."""
    versions = []
    for position, text in enumerate((left, right), 1):
        version = parse(text)
        if version is None:
            raise failure("semver.compare", f"operand {position}: string {quote(text)} is not a valid SemVer")
        versions.append(version)
    return compare(versions[0], versions[1])


@builtin("semver.is_valid", "any -> boolean", cost=0, unchecked=True)
def semver_is_valid(text: Value) -> Value:
    """Tell whether a value is the text of a semantic version."""
    return type(text) is str and parse(text) is not None
