"""A violation: one constraint's answer about one object.

In: the elements of a template's `violation` set. Out: `Violation`s. An element without a usable `msg` is
kept and says so (Gatekeeper drops the first kind and fails the whole query for the second; gatekeeper.md
2.3). Which field it is about is looked for only when somebody asks, by `fields`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Final, NamedTuple

from pratique import rego

# From a message and its details to the path of the field that they are about.
Locate = Callable[[str, Any], str]


def nowhere(_message: str, _details: Any) -> str:
    """Locate nothing: the field of a violation whose object is not at hand."""
    return ""


# Not frozen: that would cost more time than everything else here, at every violation of every review.
@dataclass(slots=True)
class Violation:
    """One constraint's answer: `action` is the most severe of `actions` at the point that was asked."""

    constraint_kind: str
    constraint_name: str
    message: str
    action: str
    details: Any = None
    annotations: Mapping[str, str] = dataclass_field(default_factory=dict)
    error: bool = False
    actions: tuple[str, ...] = ()
    enforcement_action: str = ""
    locate: Locate = dataclass_field(default=nowhere, repr=False, compare=False)

    @property
    def field(self) -> str:
        """Return the path of the field that this is about, or an empty string; it costs a search each time."""
        return self.locate(self.message, self.details)

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Return the key that answers are sorted by: action, message, then the constraint."""
        return (self.action, self.message, self.constraint_kind, self.constraint_name)


# How the violation of a constraint begins that could not be matched (gatekeeper.md 1.4).
UNMATCHED: Final = "unable to match constraints: "


class Finding(NamedTuple):
    """One element of a `violation` set, as text and details."""

    message: str
    details: Any
    error: bool = False


_made = tuple.__new__


def findings(result: Any) -> list[Finding]:
    """Return what a template found, one for each different element, none of them lost."""
    kind = type(result)
    if kind is rego.Set:
        # In no special order: answers are sorted when they are all there.
        each = [_finding(element) for element in result.rows()]
        return each if len(each) < 2 or _differ(each) else _distinct(result.values())
    found = rego.to_json(result)
    if isinstance(found, dict):
        # A partial object: Gatekeeper's hook iterates over its keys.
        found = list(found)
    if not isinstance(found, list):
        return [Finding(f"`violation` is no set but {_shown(found)}", {}, error=True)]
    return _distinct(found)


def _differ(each: list[Finding]) -> bool:
    """Tell whether each has a message of its own; those with the message of one before, and no details, are dropped."""
    seen: dict[str, Finding] = {}
    for finding in each:
        first = seen.setdefault(finding.message, finding)
        if first is not finding and not (first.details == finding.details == {}):
            return False
    if len(seen) < len(each):
        each[:] = seen.values()
    return True


def _distinct(elements: Iterable[Any]) -> list[Finding]:
    found = [_finding(element) for element in elements]
    if len({finding.message for finding in found}) == len(found):
        return found
    # The set has no equal elements, but a missing `details` equals an empty one.
    seen: dict[tuple[str, str], Finding] = {}
    for finding in found:
        seen.setdefault((finding.message, _shown(finding.details)), finding)
    return list(seen.values())


def _finding(element: Any) -> Finding:
    if type(element) is rego.Object:
        element = rego.to_json(element, spelled=True)
    if type(element) is not dict:
        return Finding(f"violation without `msg`: {_shown(rego.to_json(element))}", {}, error=True)
    message = element.get("msg", rego.UNDEFINED)
    details = rego.to_json(element["details"], spelled=True) if "details" in element else {}
    if type(message) is str:
        # As `Finding(message, details)` does it, without its own function in between.
        return _made(Finding, (message, details, False))
    if message is rego.UNDEFINED:
        reason = f"violation without `msg`: {_shown(rego.to_json(element))}"
    else:
        reason = f"violation whose `msg` is no text: {_shown(rego.to_json(message))}"
    return Finding(reason, details, error=True)


def _shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
