"""A violation: one constraint's answer about one object.

In: the elements of a template's `violation` set. Out: `Violation`s. An element without a usable `msg` is
kept and says so (Gatekeeper drops the first kind and fails the whole query for the second; gatekeeper.md
2.3). Which field it is about is found in `fields`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from pratique import rego


@dataclass(frozen=True, slots=True)
class Violation:
    """One constraint's answer: `action` is the most severe of `actions` at the point that was asked."""

    constraint_kind: str
    constraint_name: str
    message: str
    action: str
    details: Any = None
    field: str = ""
    annotations: Mapping[str, str] = dataclass_field(default_factory=dict)
    error: bool = False
    actions: tuple[str, ...] = ()
    enforcement_action: str = ""

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Return the key that answers are sorted by: action, message, then the constraint."""
        return (self.action, self.message, self.constraint_kind, self.constraint_name)


@dataclass(frozen=True, slots=True)
class Finding:
    """One element of a `violation` set, as text and details."""

    message: str
    details: Any
    error: bool = False


def findings(result: Any) -> list[Finding]:
    """Return what a template found, one for each different element, none of them lost."""
    found = rego.to_json(result)
    if isinstance(found, dict):
        # A partial object: Gatekeeper's hook iterates over its keys.
        found = list(found)
    if not isinstance(found, list):
        return [Finding(f"`violation` is no set but {_shown(found)}", {}, error=True)]
    seen: dict[str, list[Finding]] = {}
    for element in found:
        finding = _finding(element)
        same = seen.setdefault(finding.message, [])
        # The set has no equal elements, but a missing `details` equals an empty one.
        if not same or _shown(finding.details) not in map(_shown, (one.details for one in same)):
            same.append(finding)
    return [finding for same in seen.values() for finding in same]


def _finding(element: Any) -> Finding:
    if not isinstance(element, dict):
        return Finding(f"violation without `msg`: {_shown(element)}", {}, error=True)
    details = element.get("details", {})
    message = element.get("msg")
    if isinstance(message, str):
        return Finding(message, details)
    if "msg" in element:
        return Finding(f"violation whose `msg` is no text: {_shown(message)}", details, error=True)
    return Finding(f"violation without `msg`: {_shown(element)}", details, error=True)


def _shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
