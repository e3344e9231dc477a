"""Azure Resource Manager ids: how they are built, compared and taken apart.

In: text. Out: text and `ResourceId`. Ids compare without regard to case (azure-policy.md 1.1), so every
lookup goes through `key`. It knows nothing of what an id stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFINITIONS = "Microsoft.Authorization/policyDefinitions"
SET_DEFINITIONS = "Microsoft.Authorization/policySetDefinitions"
ASSIGNMENTS = "Microsoft.Authorization/policyAssignments"
EXEMPTIONS = "Microsoft.Authorization/policyExemptions"

# What ARM accepts as the name of an assignment (azure-policy.md 2.2); the others follow the same rule.
NAME = re.compile(r"[^<>*%&:\\?.+/]*[^<>*%&:\\?.+/ ]+")


@dataclass(frozen=True, slots=True)
class ResourceId:
    """An id taken apart: the scope it lies in, its provider type and its name."""

    scope: str
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.scope}/providers/{self.type}/{self.name}"


def key(identifier: str) -> str:
    """Return the form in which two spellings of one id are equal."""
    return identifier.strip().rstrip("/").casefold()


def same(left: str, right: str) -> bool:
    """Tell whether two ids name one thing."""
    return key(left) == key(right)


def parse(identifier: str) -> ResourceId | None:
    """Take an id apart at its last `/providers/`, or return None when it has no such form."""
    text = identifier.strip().rstrip("/")
    at = text.casefold().rfind("/providers/")
    if at < 0:
        return None
    parts = text[at + len("/providers/") :].split("/")
    if len(parts) < 3 or len(parts) % 2 == 0 or not all(parts):
        return None
    kinds = [parts[0], *parts[1:-1:2]]
    return ResourceId(scope=text[:at], type="/".join(kinds), name=parts[-1])


def definition_id(scope: str, name: str) -> str:
    """Return the id of a definition; an empty scope means built in."""
    return str(ResourceId(scope.rstrip("/"), DEFINITIONS, name))


def assignment_id(scope: str, name: str) -> str:
    """Return the id of an assignment at a scope."""
    return str(ResourceId(scope.rstrip("/"), ASSIGNMENTS, name))


def last_segment(identifier: str) -> str:
    """Return the name at the end of an id."""
    return identifier.strip().rstrip("/").rsplit("/", 1)[-1]


def valid_name(name: str) -> bool:
    """Tell whether ARM takes this as the name of a policy object."""
    return 0 < len(name) <= 128 and NAME.fullmatch(name) is not None
