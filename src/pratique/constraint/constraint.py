"""A constraint, checked against its template's schema, with defaults filled in.

In: a constraint as a plain dict, and its `Template`. Out: `Constraint`. What may be wrong with one is
`validation`'s business. It knows nothing of Rego and of the library.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pratique.constraint import validation
from pratique.constraint.template import Template
from pratique.constraint.validation import ANY_POINT, SCOPED, SEVERITY
from pratique.kube import schema as structural


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint."""

    kind: str
    name: str
    enforcement_action: str
    scoped: Mapping[str, tuple[str, ...]]
    match: Mapping[str, Any] | None
    parameters: Any
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    object: Mapping[str, Any] = field(repr=False)

    def actions(self, point: str) -> tuple[str, ...]:
        """Return what happens at an enforcement point, most severe first; nothing if it is not concerned."""
        if self.enforcement_action != SCOPED:
            return (self.enforcement_action,)
        found = {*self.scoped.get(point, ()), *self.scoped.get(ANY_POINT, ())}
        return tuple(sorted(found, key=_severity))


def _severity(action: str) -> tuple[int, str]:
    return (SEVERITY.index(action) if action in SEVERITY else len(SEVERITY), action)


def read(found: Mapping[str, Any], template: Template) -> Constraint:
    """Check a constraint and return it with its defaults.

    Raises `ConstraintError` in Gatekeeper's order and with its texts.
    """
    kind, name = validation.check(found, template)
    whole: dict[str, Any] = copy.deepcopy(dict(found))
    structural.set_defaults(whole, template.schema)
    return _build(whole, kind, name)


def _build(whole: Mapping[str, Any], kind: str, name: str) -> Constraint:
    spec = _mapping(whole, "spec")
    metadata = _mapping(whole, "metadata")
    parameters = spec.get("parameters")
    block = spec.get("match")
    return Constraint(
        kind=kind,
        name=name,
        enforcement_action=str(spec.get("enforcementAction") or "deny"),
        scoped=_scoped(spec.get("scopedEnforcementActions")),
        match=block if isinstance(block, Mapping) else None,
        # Of any type that the template's schema allows; policies see an empty object where there are none.
        parameters={} if parameters is None else parameters,
        annotations=_mapping(metadata, "annotations"),
        labels=_mapping(metadata, "labels"),
        object=whole,
    )


def _scoped(entries: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping):
            continue
        for point in entry.get("enforcementPoints") or ():
            name = point.get("name") if isinstance(point, Mapping) else None
            action = entry.get("action", "")
            if isinstance(name, str) and isinstance(action, str):
                found.setdefault(name, []).append(action)
    return {name: tuple(actions) for name, actions in found.items()}


def _mapping(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}
