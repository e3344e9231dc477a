"""Binding: what a definition and an assignment become for one cluster.

In: an `Assignment`, its `Definition`, a `Cluster`, and `fetch`, which answers a URL with its text. Out:
`Manifests`: a constraint template and a constraint in Gatekeeper's own wire format, or neither with the
reason. Names, labels and annotations are those of the add-on on AKS (azure-policy.md 4.3, 4.4). It does
not compile templates and does not dial.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.errors import PratiqueError
from pratique.kube import yaml
from pratique.policy import assignment as assignments
from pratique.policy import effects, expressions, functions, ids, rule
from pratique.policy.assignment import Assignment
from pratique.policy.cluster import Cluster
from pratique.policy.definition import Definition
from pratique.policy.errors import PolicyError

Fetch = Callable[[str], str]

# Never enforced, whatever a definition says: a policy there could stop the cluster, or us (4.6).
PROTECTED_NAMESPACES: Final = ("kube-system", "gatekeeper-system", "pratique-system")
MANAGED_BY: Final = "azure-policy-addon"
CONSTRAINT_GROUP: Final = "constraints.gatekeeper.sh"
TEMPLATE_GROUP: Final = "templates.gatekeeper.sh"

# Why nothing is bound: nothing is wrong with these ...
OUT_OF_SCOPE: Final = "OutOfScope"
NOT_APPLICABLE: Final = "NotApplicable"
EFFECT_DISABLED: Final = "Disabled"
# ... and these are failures, by the add-on's own names (4.7).
TEMPLATE_INSTALL_FAILED: Final = "TemplateInstallFailed"
INVALID_TEMPLATE: Final = "InvalidTemplate"
INVALID_CONSTRAINT: Final = "InvalidConstraint"
UNSUPPORTED: Final = "ConstraintInstallFailed"
FAILURES: Final = frozenset({TEMPLATE_INSTALL_FAILED, INVALID_TEMPLATE, INVALID_CONSTRAINT, UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class Manifests:
    """What one cluster gets: a template and a constraint, or nothing and why."""

    template: dict[str, Any] | None = None
    constraint: dict[str, Any] | None = None
    reason: str = ""
    code: str = ""
    effect: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def bound(self) -> bool:
        """Tell whether there is something to apply."""
        return self.constraint is not None

    @property
    def failed(self) -> bool:
        """Tell whether there should have been something to apply."""
        return self.code in FAILURES

    def objects(self) -> list[dict[str, Any]]:
        """Return what to apply, in order."""
        return [found for found in (self.template, self.constraint) if found is not None]


class _NothingError(Exception):
    """Ends a binding with a reason; it never leaves this module."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def bind(
    assignment: Assignment,
    definition: Definition,
    cluster: Cluster,
    fetch: Fetch,
    *,
    reference_id: str = "",
    set_definition_id: str = "",
    enrolled: bool = False,
) -> Manifests:
    """Return what this assignment of this definition becomes in this cluster.

    For a member of an initiative, `assignment` carries the member's parameters and `reference_id` and
    `set_definition_id` say which member it is. `enrolled` matters to enforcement mode `Enroll` alone.
    """
    effect = ""
    try:
        _applies(assignment, definition, cluster)
        values = assignment.check_against(definition)
        effect = assignments.effect_of(definition, values)
        _check_effect(effect)
        _check_rule(definition, values, cluster)
        details = _details(definition, values)
        template = _template(definition, details, fetch)
        action = effects.enforcement_action(
            effect,
            mode=assignment.enforcement_mode,
            warn=functions.truth(details.get("warn", False)),
            enrolled=enrolled,
        )
        parameters, warnings = _parameters(details.get("values"), template)
        annotations = {
            "azure-policy-assignment-id": assignment.id,
            "azure-policy-definition-id": definition.id,
            "azure-policy-definition-reference-id": reference_id,
            "azure-policy-setdefinition-id": set_definition_id,
            "constraint-installed-by": MANAGED_BY,
            "constraint-url": "",
        }
        constraint: dict[str, Any] = {
            "apiVersion": f"{CONSTRAINT_GROUP}/v1beta1",
            "kind": _kind(template),
            "metadata": {
                "name": constraint_name(template["metadata"]["name"], assignment.id, reference_id),
                "labels": {"managed-by": MANAGED_BY},
                "annotations": annotations,
            },
            "spec": {"enforcementAction": action, "match": _match(details)},
        }
        if parameters:
            constraint["spec"]["parameters"] = parameters
    except _NothingError as nothing:
        return Manifests(reason=nothing.reason, code=nothing.code, effect=effect)
    except PolicyError as error:
        return Manifests(reason=error.render(), code=INVALID_CONSTRAINT, effect=effect)
    return Manifests(template=template, constraint=constraint, effect=effect, warnings=warnings)


def constraint_name(template_name: str, assignment_id: str, reference_id: str = "") -> str:
    """Return the name that a constraint gets: the same for the same member of the same assignment."""
    # 12 + 30 + 1 + 20 characters: a DNS label. The tail must differ by assignment and reference id (4.3).
    source = f"{ids.key(assignment_id)}\n{reference_id.casefold()}"
    return f"azurepolicy-{template_name[:30]}-{hashlib.sha256(source.encode()).hexdigest()[:20]}"


def _applies(assignment: Assignment, definition: Definition, cluster: Cluster) -> None:
    place, groups = cluster.scope, cluster.management_groups
    if not assignment.scope.contains(place, management_groups=groups):
        raise _NothingError(OUT_OF_SCOPE, f"`{cluster.name}` is not under `{assignment.scope.id}`")
    if not assignment.covers(place, management_groups=groups):
        raise _NothingError(OUT_OF_SCOPE, f"`{cluster.name}` is excluded by the assignment's `notScopes`")
    if not definition.runs_in_cluster:
        raise _NothingError(
            NOT_APPLICABLE, f"a definition of mode `{definition.mode}` runs nothing in a cluster"
        )


def _check_effect(effect: str) -> None:
    if effect == effects.DISABLED:
        raise _NothingError(EFFECT_DISABLED, "the effect is `Disabled`")
    if effect == effects.MUTATE:
        raise _NothingError(UNSUPPORTED, "the effect `Mutate` is not supported yet")
    if effect not in (effects.AUDIT, effects.DENY):
        raise _NothingError(UNSUPPORTED, f"the effect `{effect}` has no meaning inside a cluster")


def _check_rule(definition: Definition, values: Mapping[str, Any], cluster: Cluster) -> None:
    subject = rule.Subject(resource=cluster.document(), parameters=values)
    if not rule.evaluate(definition.rule["if"], subject):
        raise _NothingError(
            NOT_APPLICABLE, f"the rule's `if` does not hold for `{cluster.name}` ({cluster.type})"
        )


def _details(definition: Definition, values: Mapping[str, Any]) -> dict[str, Any]:
    context = expressions.Context(parameters=values)
    fixed = {"templateInfo", "mutationInfo", "constraintTemplate"}  # not parameterisable (1.8)
    return {
        name: value if name in fixed else expressions.resolve(value, context)
        for name, value in definition.details.items()
    }


def _template(definition: Definition, details: Mapping[str, Any], fetch: Fetch) -> dict[str, Any]:
    if "constraint" in details or "constraintInfo" in details:
        raise _NothingError(
            UNSUPPORTED,
            "the definition brings its own constraint (`constraint`, `constraintInfo`);"
            " write `templateInfo` with `apiGroups` and `kinds` instead",
        )
    url = definition.template_url()
    text = definition.template_text()
    if text is None:
        try:
            text = fetch(url)
        except PratiqueError as error:
            raise _NothingError(
                TEMPLATE_INSTALL_FAILED, f"no template at `{url}`: {error.render()}"
            ) from error
    template = read_template(text, file=url.rsplit("/", 2)[-1] or "template.yaml")
    metadata = template["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "managed-by": MANAGED_BY}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        "azure-policy-definition-id": definition.id,
        "constraint-template-installed-by": MANAGED_BY,
        "constraint-template": url,
    }
    return template


def read_template(text: str, *, file: str = "template.yaml") -> dict[str, Any]:
    """Read the text of a template to a plain object, checking only that it is one."""
    found: dict[str, Any]
    try:
        found = yaml.read_one(text, file=file)
    except PratiqueError as error:
        raise _NothingError(INVALID_TEMPLATE, error.render()) from error
    group = str(found.get("apiVersion", "")).partition("/")[0] if isinstance(found, dict) else ""
    if group != TEMPLATE_GROUP or found.get("kind") != "ConstraintTemplate":
        raise _NothingError(INVALID_TEMPLATE, f"`{file}` is no ConstraintTemplate of {TEMPLATE_GROUP}")
    metadata = found.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not _kind(found):
        raise _NothingError(
            INVALID_TEMPLATE, f"`{file}` needs `metadata.name` and `spec.crd.spec.names.kind`"
        )
    return found


def _kind(template: Mapping[str, Any]) -> str:
    value: Any = template
    for step in ("spec", "crd", "spec", "names", "kind"):
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _match(details: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [{"apiGroups": _names(details, "apiGroups"), "kinds": _names(details, "kinds")}]
    match: dict[str, Any] = {"kinds": kinds}
    if scope := details.get("scope"):
        match["scope"] = scope
    if namespaces := _names(details, "namespaces"):
        match["namespaces"] = namespaces
    match["excludedNamespaces"] = _unique([*_names(details, "excludedNamespaces"), *PROTECTED_NAMESPACES])
    for name in ("labelSelector", "namespaceSelector"):
        if selector := details.get(name):
            if not isinstance(selector, dict):
                raise _NothingError(INVALID_CONSTRAINT, f"`details.{name}` must be an object")
            match[name] = selector
    if source := details.get("source"):
        match["source"] = source
    return match


def _names(details: Mapping[str, Any], name: str) -> list[str]:
    value = details.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _NothingError(INVALID_CONSTRAINT, f"`details.{name}` must be an array of names, not `{value}`")
    return value


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _parameters(values: Any, template: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the constraint's parameters, and a warning for each that the template does not declare."""
    if values is None:
        return {}, ()
    if not isinstance(values, dict):
        raise _NothingError(INVALID_CONSTRAINT, "`details.values` must be an object")
    crd = (template.get("spec") or {}).get("crd") or {}
    validation = (crd.get("spec") or {}).get("validation") or {}
    schema = validation.get("openAPIV3Schema") or {}
    declared = schema.get("properties") or {}
    # Only a structural schema drops what it does not declare; older templates keep it (gatekeeper.md 1.1).
    keeps = bool(re.fullmatch(r".*/v1(alpha1|beta1)", str(template.get("apiVersion")))) or bool(
        validation.get("legacySchema") or schema.get("x-kubernetes-preserve-unknown-fields")
    )
    keeps = keeps or "additionalProperties" in schema
    unknown = [name for name in values if name not in declared]
    warnings = tuple(f"the template declares no parameter `{name}`" for name in unknown)
    kept = values if keeps else {name: value for name, value in values.items() if name in declared}
    return kept, warnings
