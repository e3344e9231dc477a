"""Which report goes where: `-o FORMAT` to standard output, `-o FORMAT=FILE` to a file.

In: what a person wrote, and findings. Out: text. Each format is a function in a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.errors import InputError
from pratique.offline import ci, gator
from pratique.offline.check import Finding

HUMAN: Final = "text"
FORMATS: Final[dict[str, Callable[[Sequence[Finding]], str]]] = {
    HUMAN: gator.human,
    "json": gator.as_json,
    "yaml": gator.as_yaml,
    "sarif": ci.sarif,
    "junit": ci.junit,
    "github": ci.github,
    "gitlab": ci.gitlab,
    "tap": ci.tap,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One report: its format, and its file, which is empty for standard output."""

    format: str
    path: str = ""


def targets(outputs: Sequence[str]) -> list[Target]:
    """Read `-o` options; raises `InputError`.  Text goes to standard output unless another report does."""
    found = []
    for given in outputs:
        name, _, path = given.partition("=")
        name = name.lower()  # as gator takes it
        if name not in FORMATS:
            raise InputError(f"there is no output format `{name}`", hint=f"one of {', '.join(FORMATS)}")
        found.append(Target(name, path))
    if sum(not target.path for target in found) > 1:
        raise InputError(
            "two reports cannot share standard output", hint="write one of them to a file: `-o FORMAT=FILE`"
        )
    if all(target.path for target in found):
        found.append(Target(HUMAN))
    return found


def render(name: str, findings: Sequence[Finding]) -> str:
    """Return findings in a format."""
    return FORMATS[name](findings)
