"""Whether a constraint may be used: Gatekeeper's checks, in its order and with its texts.

In: a constraint as a plain dict, and its `Template`. Out: its kind and name, or `ConstraintError`. What is
checked at every point (gatekeeper.md 1.3) is `check`; what only the webhook asks (1.5) is `check_action`.
It fills in nothing and knows nothing of Rego.

Sources: `frameworks/constraint/pkg/client/client.go`, `.../crds/crds.go`, `gatekeeper/pkg/target`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pratique.constraint import decode
from pratique.constraint import schema as crds
from pratique.constraint.errors import ConstraintError
from pratique.constraint.review import POINTS
from pratique.constraint.template import Template
from pratique.kube import match, names, selectors
from pratique.kube import schema as structural
from pratique.kube.status import FieldError

ACTIONS: Final = ("deny", "dryrun", "warn", "scoped")
SCOPED: Final = "scoped"
ANY_POINT: Final = "*"
# How severe an action is; where several apply at once, the first names the violation.
SEVERITY: Final = ("deny", "warn", "dryrun")

_INVALID: Final = "invalid Constraint: "
_LABEL: Final = re.compile(r"(?<=\.)matchLabels\[[^\]]*\]: ")
_JSON_NAMES: Final = {"boolean": "bool", "integer": "number"}


def key(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return a constraint's kind and name.

    Raises `ConstraintError` when it has none.
    """
    metadata = found.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ConstraintError(f"{_INVALID}missing metadata.name", hint="write `metadata.name`")
    kind = found.get("kind")
    if not isinstance(kind, str) or not kind:
        raise ConstraintError(f"{_INVALID}missing kind", hint="write `kind`: the template's kind")
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


def check(found: Mapping[str, Any], template: Template) -> tuple[str, str]:
    """Check a constraint against its template, and return its kind and name.

    Raises `ConstraintError` in Gatekeeper's order and with its texts.
    """
    kind, name = key(found)
    _check_selectors(found)
    problems = names.is_dns1123_subdomain(name)
    if problems:
        raise ConstraintError(f"{_INVALID}invalid name: {json.dumps(problems[0])}")
    if kind != template.kind:
        raise ConstraintError(f'wrong kind for constraint "{name}": got "{kind}", want "{template.kind}"')
    version = str(found.get("apiVersion", "")).partition("/")[2]
    known = sorted(served for served, _ in crds.VERSIONS)
    if version not in known:
        shown = " ".join(f"{served}:true" for served in known)
        raise ConstraintError(
            f'{_INVALID}unsupported version "{version}" for Constraint "{name}"; supported versions: map[{shown}]',
            hint="write `v1beta1`",
        )
    _check_schema(found, template.schema)
    scope = _mapping(_mapping(found, "spec"), "match").get("scope")
    if scope not in (None, "") and scope not in match.SCOPES:
        # Gatekeeper takes any word here and then matches everything (1.4).
        raise ConstraintError(
            f"`{scope}` is not a scope", hint=f"write one of {', '.join(match.SCOPES)}", schema=True
        )
    return kind, name


def check_points(found: Mapping[str, Any]) -> None:
    """Raise `ConstraintError` when a scoped constraint says nothing of where it holds; checked when it is taken in."""
    spec = _mapping(found, "spec")
    if spec.get("enforcementAction") == SCOPED and not isinstance(spec.get("scopedEnforcementActions"), list):
        raise ConstraintError(
            "missing required field: spec.scopedEnforcementActions must be defined",
            hint="list an `action` and the `enforcementPoints` where it holds",
        )


def _check_schema(found: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    # Before defaults are filled in: a null is wrong even where it would get a default.
    wrong = [text for error in structural.errors(found, schema) for text in _complaints(error)]
    if wrong:
        raise ConstraintError(f"schema validation failed: {_aggregate(wrong)}", schema=True)
    # What every object has the API server keeps by its own rules; no schema names it.
    rest = {name: value for name, value in found.items() if name not in ("apiVersion", "kind", "metadata")}
    unknown = structural.unknown_fields(rest, schema)
    if unknown:
        raise ConstraintError(f"{_INVALID}unknown fields: [{' '.join(unknown)}]", schema=True)


def _complaints(error: FieldError) -> Iterator[str]:
    # Gatekeeper validates below a path without a name, and reads every number as a float.
    text = error.text
    if error.reason == "FieldValueTypeInvalid":
        text = text.replace(': "integer"', ': "number"')
    yield f"[]: {text}" if error.field == "<nil>" else f"[].{error.field}: {text}"
    if text.endswith('in body must be of type integer: "number"'):
        # The check of ranges in its kube-openapi speaks up too; the API server's does not.
        path = "" if error.field == "<nil>" else error.field
        yield f'[]: Invalid value: "": Checked value must be of type integer (default format) in {path}'


def _aggregate(texts: Iterable[str]) -> str:
    """Return several complaints as Kubernetes joins them, each once."""
    found = list(dict.fromkeys(texts))
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"


def _check_selectors(found: Mapping[str, Any]) -> None:
    for name in ("labelSelector", "namespaceSelector"):
        selector = _look_up(found, ("spec", "match", name))
        if selector is None:
            continue
        if wrong := _unreadable(selector):
            raise ConstraintError(
                f"{_INVALID}Could not convert JSON to LabelSelector: json: cannot unmarshal {wrong}",
                hint=f"`spec.match.{name}` is a Kubernetes label selector; put text in quotes",
            )
        # Gatekeeper gives both selectors the same path.
        problems = selectors.check_selector(selector, "spec.labelSelector")
        if problems:
            # Nor does its library say which label.
            told = _aggregate([_LABEL.sub("matchLabels: ", problem) for problem in problems])
            raise ConstraintError(f"{_INVALID}{told}", hint=f"mend `spec.match.{name}`")


def _look_up(found: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    """Return the object at a path, None if it is not there, as apimachinery's NestedMap does."""
    value: Any = found
    for index, name in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _no_object(value, path[: index + 1])
        if name not in value:
            return None
        value = value[name]
    if not isinstance(value, Mapping):
        raise _no_object(value, path)
    return value


def _no_object(value: Any, path: tuple[str, ...]) -> ConstraintError:
    return ConstraintError(
        f"{_INVALID}.{'.'.join(path)} accessor error: {decode.printed(value)}"
        f" is of the type {decode.go_type(value)},"
        " expected map[string]interface{}",
        schema=True,
    )


def _unreadable(selector: Mapping[str, Any]) -> str:
    """Return what Go cannot read into a LabelSelector, in the words of its decoder, or nothing."""
    expressions = selector.get("matchExpressions")
    if expressions is not None and not isinstance(expressions, list):
        return _misfit(expressions, "LabelSelector.matchExpressions", "[]v1.LabelSelectorRequirement")
    for one in expressions or ():
        if one is not None and not isinstance(one, Mapping):
            return _misfit(one, "LabelSelector.matchExpressions", "v1.LabelSelectorRequirement")
        wrong = _unreadable_requirement(one or {})
        if wrong:
            return wrong
    labels = selector.get("matchLabels")
    if labels is not None and not isinstance(labels, Mapping):
        return _misfit(labels, "LabelSelector.matchLabels", "map[string]string")
    for value in (labels or {}).values():
        if value is not None and not isinstance(value, str):
            return _misfit(value, "LabelSelector.matchLabels", "string")
    return ""


def _unreadable_requirement(one: Mapping[str, Any]) -> str:
    where = "LabelSelectorRequirement.matchExpressions"
    for name, kind in (("key", "string"), ("operator", "v1.LabelSelectorOperator")):
        value = one.get(name)
        if value is not None and not isinstance(value, str):
            return _misfit(value, f"{where}.{name}", kind)
    values = one.get("values")
    if values is not None and not isinstance(values, list):
        return _misfit(values, f"{where}.values", "[]string")
    for value in values or ():
        if value is not None and not isinstance(value, str):
            return _misfit(value, f"{where}.values", "string")
    return ""


def _misfit(value: Any, where: str, kind: str) -> str:
    actual = structural.kind_of(value)
    return f"{_JSON_NAMES.get(actual, actual)} into Go struct field {where} of type {kind}"


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
    if entries is None:
        raise ConstraintError(
            "error fetching scopedEnforcementActions: scopedEnforcementActions is required",
            http_code=500,
            hint="list an `action` and the `enforcementPoints` where it holds",
        )
    if problems := _scoped_problems([entry for entry in entries if isinstance(entry, Mapping)]):
        raise ConstraintError("\n".join(problems), http_code=500)


def _scoped_problems(entries: list[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with scoped actions (gatekeeper, `pkg/util/enforcement_action.go`)."""
    actions = [str(entry.get("action") or "") for entry in entries]
    points: list[str] = []
    for entry in entries:
        named = [_named(point) for point in entry.get("enforcementPoints") or ()]
        points += [name for name in named or [""] if name not in (ANY_POINT, *POINTS)]
    found = []
    if points:
        found.append(
            "unrecognized enforcement points: constraint will not be enforced for enforcement points"
            f" [{' '.join(points)}], supported enforcement points are [{' '.join(POINTS)}]"
        )
    if unknown := [action for action in actions if action not in SEVERITY]:
        found.append(
            f"unrecognized enforcementAction: [{' '.join(unknown)}] is not within the supported list"
            f" [{' '.join(ACTIONS[:3])}]"
        )
    return found


def _named(point: Any) -> str:
    return str(point.get("name") or "") if isinstance(point, Mapping) else ""


def _mapping(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    return value if isinstance(value, Mapping) else {}
