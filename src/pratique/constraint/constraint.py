"""A constraint, checked against its template's schema, with defaults filled in.

In: a constraint as a plain dict, and its `Template`. Out: `Constraint`. Checks come in Gatekeeper's order
and with its texts (gatekeeper.md 1.3, 1.5). It knows nothing of Rego and of the library.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.constraint import schema as crds
from pratique.constraint.errors import ConstraintError
from pratique.constraint.review import POINTS
from pratique.constraint.template import Template
from pratique.kube import match, names, selectors
from pratique.kube import schema as structural

ACTIONS: Final = ("deny", "dryrun", "warn", "scoped")
SCOPED: Final = "scoped"
ANY_POINT: Final = "*"
# How severe an action is; where several apply at once, the first names the violation.
SEVERITY: Final = ("deny", "warn", "dryrun")


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint."""

    kind: str
    name: str
    enforcement_action: str
    scoped: Mapping[str, tuple[str, ...]]
    match: Mapping[str, Any] | None
    parameters: Mapping[str, Any]
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


def key(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return a constraint's kind and name.

    Raises `ConstraintError` when it has none.
    """
    metadata = found.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ConstraintError("invalid Constraint: missing name", hint="write `metadata.name`")
    kind = found.get("kind")
    if not isinstance(kind, str) or not kind:
        raise ConstraintError("invalid Constraint: missing kind", hint="write `kind`: the template's kind")
    group = str(found.get("apiVersion", "")).partition("/")[0]
    if group != crds.GROUP:
        raise ConstraintError(
            f'wrong API Group for Constraint "{name}": expected "{crds.GROUP}", got "{group}"',
            hint=f"write `apiVersion: {crds.GROUP}/v1beta1`",
        )
    return kind, name


def missing_template(kind: str, known: list[str]) -> ConstraintError:
    """Return the refusal of a constraint whose template is not there."""
    shown = " ".join(sorted(known))
    return ConstraintError(
        f'missing ConstraintTemplate: template "{kind.lower()}" not found',
        hint=f"add the template first; there are [{shown}]" if known else "add the template first",
    )


def read(found: Mapping[str, Any], template: Template) -> Constraint:
    """Check a constraint and return it with its defaults.

    Raises `ConstraintError` in Gatekeeper's order and with its texts.
    """
    kind, name = key(found)
    block = _mapping(_mapping(found, "spec"), "match")
    for selector in ("labelSelector", "namespaceSelector"):
        if _selects(block.get(selector)):
            problems = selectors.check_selector(block[selector])
            if problems:
                raise ConstraintError(f"spec.match.{selector}: {'; '.join(problems)}")
    problems = names.is_dns1123_subdomain(name)
    if problems:
        raise ConstraintError(f'invalid Constraint: metadata.name: Invalid value: "{name}": {problems[0]}')
    if kind != template.kind:
        raise ConstraintError(f'wrong kind for constraint "{name}": got "{kind}", want "{template.kind}"')
    version = str(found.get("apiVersion", "")).partition("/")[2]
    if version not in {known for known, _ in crds.VERSIONS}:
        raise ConstraintError(
            f'"{version}" is not a supported version of {crds.GROUP}', hint="write `v1beta1`"
        )
    whole: dict[str, Any] = copy.deepcopy(dict(found))
    structural.set_defaults(whole, template.schema)
    wrong = structural.validate(whole, template.schema)
    if wrong:
        raise ConstraintError(f"schema validation failed: {'; '.join(wrong)}", schema=True)
    # The API server keeps metadata by its own rules.
    unknown = structural.unknown_fields(
        {name: value for name, value in whole.items() if name != "metadata"}, template.schema
    )
    if unknown:
        raise ConstraintError(f"invalid Constraint: unknown fields: [{' '.join(unknown)}]", schema=True)
    scope = block.get("scope")
    if scope not in (None, "") and scope not in match.SCOPES:
        # Gatekeeper takes any word here and then matches everything (1.4).
        raise ConstraintError(
            f"`{scope}` is not a scope", hint=f"write one of {', '.join(match.SCOPES)}", schema=True
        )
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
        parameters=parameters if isinstance(parameters, Mapping) else {},
        annotations=_mapping(metadata, "annotations"),
        labels=_mapping(metadata, "labels"),
        object=whole,
    )


def check_action(found: Mapping[str, Any]) -> None:
    """Raise `ConstraintError` unless the enforcement action is known; the webhook's own check (1.5)."""
    spec = _mapping(found, "spec")
    action = spec.get("enforcementAction") or "deny"
    if action not in ACTIONS:
        raise ConstraintError(
            f'unrecognized enforcementAction: "{action}" is not within the supported list'
            f" [{' '.join(ACTIONS)}]",
            http_code=500,
        )
    if action != SCOPED:
        return
    entries = spec.get("scopedEnforcementActions")
    if not isinstance(entries, list) or not entries:
        raise ConstraintError(
            "enforcementAction `scoped` needs `scopedEnforcementActions`",
            http_code=500,
            hint="list an `action` and the `enforcementPoints` where it holds",
        )
    for entry in entries:
        inner = entry.get("action") if isinstance(entry, Mapping) else None
        if inner not in SEVERITY:
            raise ConstraintError(
                f'unrecognized scopedEnforcementActions: "{inner}" is not within the supported list'
                f" [{' '.join(ACTIONS[:3])}]",
                http_code=500,
            )
        for point in entry.get("enforcementPoints") or ():
            name = point.get("name") if isinstance(point, Mapping) else None
            if name != ANY_POINT and name not in POINTS:
                raise ConstraintError(
                    f"`{name}` is not an enforcement point",
                    http_code=500,
                    hint=f"write one of {', '.join(POINTS)} or `*`",
                )


def _selects(selector: Any) -> bool:
    """Tell whether a selector has the shape of one; the schema refuses what has not."""
    if not isinstance(selector, Mapping):
        return False
    labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    return (
        isinstance(labels, Mapping)
        and isinstance(expressions, list)
        and all(isinstance(one, Mapping) and isinstance(one.get("values") or [], list) for one in expressions)
    )


def _scoped(entries: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping):
            continue
        for point in entry.get("enforcementPoints") or ():
            name = point.get("name") if isinstance(point, Mapping) else None
            if isinstance(name, str) and isinstance(entry.get("action"), str):
                found.setdefault(name, []).append(entry["action"])
    return {name: tuple(actions) for name, actions in found.items()}


def _mapping(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}
