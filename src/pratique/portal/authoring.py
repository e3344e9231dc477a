"""Between what an author writes, a constraint template, and the policy definition that carries it.

In: the fields of the editor. Out: an ARM definition of mode `Microsoft.Kubernetes.Data` whose parameters
are those that the template's schema declares, plus effect and namespaces. It reads the template's outline
only; whether its Rego compiles is for the service to say.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pratique import catalog, policy
from pratique.errors import InputError, PratiqueError
from pratique.kube import yaml
from pratique.portal.api import Json
from pratique.portal.forms import humanize

CLUSTER_TYPES = ["Microsoft.ContainerService/managedClusters", "Microsoft.Kubernetes/connectedClusters"]
SYSTEM_NAMESPACES = ["kube-system", "gatekeeper-system", "azure-arc", "pratique-system"]
TYPES = {"string": "String", "array": "Array", "object": "Object", "boolean": "Boolean", "integer": "Integer"}
EFFECTS = ("Audit", "Deny", "Disabled")

EXAMPLE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: mycompanyrequiredlabels
spec:
  crd:
    spec:
      names:
        kind: MyCompanyRequiredLabels
      validation:
        openAPIV3Schema:
          type: object
          properties:
            labels:
              description: The labels that an object must carry.
              type: array
              items:
                type: string
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package mycompanyrequiredlabels

        violation[{"msg": msg}] {
          required := {label | label := input.parameters.labels[_]}
          present := {label | input.review.object.metadata.labels[label]}
          missing := required - present
          count(missing) > 0
          msg := sprintf("you must provide labels: %v", [missing])
        }
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the editor."""

    title: str = ""
    description: str = ""
    category: str = "Kubernetes"
    groups: str = ""
    kinds: str = "Pod"
    effect: str = "Audit"
    template: str = EXAMPLE


@dataclass(frozen=True, slots=True)
class Rego:
    """One piece of Rego inside a template, with what it is called there."""

    label: str
    text: str


def template_of(document: Json) -> str:
    """Return a definition's template: its own, or the catalogue's for a built-in; else an empty string."""
    try:
        read = policy.Definition.from_arm(document)
        return read.template_text() or catalog.template(read.template_url()) or ""
    except PratiqueError:
        return ""


def rego_of(template: str) -> list[Rego]:
    """Return the Rego of a template: each target's main module, then its libraries."""
    try:
        documents = yaml.read(template, file="template.yaml")
    except PratiqueError:
        return []
    found: list[Rego] = []
    for document in documents:
        for target in _at(document, "spec", "targets") or []:
            if not isinstance(target, Mapping):
                continue
            sources = [target.get("rego")]
            libraries = list(target.get("libs") or [])
            for engine in target.get("code") or []:
                source = _at(engine, "source") or {}
                sources.append(source.get("rego"))
                libraries += source.get("libs") or []
            found += [Rego("Rule", text) for text in sources if isinstance(text, str)]
            found += [Rego("Library", text) for text in libraries if isinstance(text, str)]
    return found


def draft_of(document: Json) -> Draft:
    """Return a custom definition as the editor shows it."""
    properties = document["properties"]
    details = (properties.get("policyRule") or {}).get("then", {}).get("details") or {}
    effect = ((properties.get("parameters") or {}).get("effect") or {}).get("defaultValue") or "Audit"
    return Draft(
        title=str(properties.get("displayName") or document.get("name") or ""),
        description=str(properties.get("description") or ""),
        category=str((properties.get("metadata") or {}).get("category") or ""),
        groups=", ".join(str(group) for group in details.get("apiGroups") or [""]),
        kinds=", ".join(str(kind) for kind in details.get("kinds") or []),
        effect=str(effect),
        template=template_of(document),
    )


def copied(draft: Draft) -> Draft:
    """Return a draft for a copy: a template of that name exists, so this one gets a name of its own."""
    template = draft.template
    kinds = re.findall(r"^\s+kind:\s*[\"']?(\w+)", template, flags=re.MULTILINE)
    names = re.findall(r"^  name:\s*[\"']?([\w.-]+)", template, flags=re.MULTILINE)
    for found, suffix in ((kinds, "Copy"), (names, "copy")):
        if found:
            template = re.sub(rf"\b{re.escape(found[0])}\b", found[0] + suffix, template)
    return replace(draft, title=f"{draft.title} (copy)"[:128], template=template)


def definition_of(draft: Draft, *, previous: Json | None = None) -> Json:
    """Return the ARM document for a draft.

    A previous version keeps what the editor does not show: its defaults, labels of parameters, metadata.
    Raises `InputError` for a draft from which no definition can be made.
    """
    schema = _schema(draft.template)
    old = (previous or {}).get("properties") or {}
    parameters = _parameters(draft, schema, old.get("parameters") or {})
    details: Json = {
        "templateInfo": {
            "sourceType": "Base64Encoded",
            "content": base64.b64encode(draft.template.encode()).decode(),
        },
        "apiGroups": [group.strip().strip('"') for group in draft.groups.split(",")],
        "kinds": [kind.strip() for kind in draft.kinds.split(",") if kind.strip()],
        "excludedNamespaces": "[parameters('excludedNamespaces')]",
        "namespaces": "[parameters('namespaces')]",
    }
    if schema:
        details["values"] = {name: f"[parameters('{name}')]" for name in schema}
    return {
        "properties": {
            "displayName": draft.title,
            "description": draft.description,
            "policyType": "Custom",
            "mode": policy.KUBERNETES_DATA,
            "metadata": {**(old.get("metadata") or {}), "category": draft.category or "Custom"},
            "parameters": parameters,
            "policyRule": {
                "if": {"field": "type", "in": CLUSTER_TYPES},
                "then": {"effect": "[parameters('effect')]", "details": details},
            },
        }
    }


def _parameters(draft: Draft, schema: dict[str, Json], old: Json) -> Json:
    """Return what every definition asks (effect, namespaces) and what the template asks."""
    made: Json = {
        "effect": {
            "type": "String",
            "metadata": {"displayName": "Effect", "description": "What happens to what violates the policy."},
            "allowedValues": list(EFFECTS),
            "defaultValue": draft.effect,
        },
        "excludedNamespaces": {
            "type": "Array",
            "metadata": {
                "displayName": "Excluded namespaces",
                "description": "Namespaces in which the policy does not look.",
            },
            "defaultValue": SYSTEM_NAMESPACES,
        },
        "namespaces": {
            "type": "Array",
            "metadata": {
                "displayName": "Only in namespaces",
                "description": "Namespaces to which the policy is limited; empty means all.",
            },
            "defaultValue": [],
        },
    }
    for name, declared in schema.items():
        made[name] = _parameter(name, declared)
    for name, declared in old.items():
        if name in made and name != "effect":
            made[name] = {**made[name], **declared, "type": made[name]["type"]}
    return made


def _schema(template: str) -> dict[str, Json]:
    documents = yaml.read(template, file="template.yaml")
    if len(documents) != 1 or not isinstance(documents[0], Mapping):
        raise InputError(
            "the template must be one YAML document",
            hint="start it with `apiVersion: templates.gatekeeper.sh/v1`",
        )
    if documents[0].get("kind") != "ConstraintTemplate":
        raise InputError(
            f"this is a `{documents[0].get('kind')}`, not a constraint template",
            hint="write `kind: ConstraintTemplate`",
        )
    found = _at(documents[0], "spec", "crd", "spec", "validation", "openAPIV3Schema", "properties")
    return {str(name): spec for name, spec in found.items() if isinstance(spec, dict)} if found else {}


def _parameter(name: str, schema: Json) -> Json:
    made: Json = {
        "type": TYPES.get(str(schema.get("type")), "Object"),
        "metadata": {"displayName": humanize(name), "description": str(schema.get("description") or "")},
    }
    for theirs, ours in (("default", "defaultValue"), ("enum", "allowedValues")):
        if theirs in schema:
            made[ours] = schema[theirs]
    return made


def _at(value: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
