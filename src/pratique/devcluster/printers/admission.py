"""Cells of webhook configurations and admission policies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers.columns import Object, printer
from pratique.devcluster.printers.texts import get, label_selector, name_and_age


def _webhooks(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, len(obj.get("webhooks") or ()), since]


def _policy(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec = obj.get("spec") or {}
    rules = spec.get("validations" if obj.get("kind") == "ValidatingAdmissionPolicy" else "mutations")
    reference = spec.get("paramKind")
    kind = f"{reference.get('apiVersion', '')}/{reference.get('kind', '')}" if reference else "<unset>"
    return [name, len(rules or ()), kind, since]


def _binding(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    reference = get(obj, "spec", "paramRef") or {}
    parameter = "<unset>"
    if reference.get("name"):
        parameter = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference.get("selector") is not None:
        parameter = label_selector(reference["selector"])
    return [name, get(obj, "spec", "policyName") or "", parameter, since]


_GROUP = "admissionregistration.k8s.io"

PRINTERS = {
    (_GROUP, "ValidatingWebhookConfiguration"): printer("Name, Webhooks:integer, Age", _webhooks),
    (_GROUP, "MutatingWebhookConfiguration"): printer("Name, Webhooks:integer, Age", _webhooks),
    (_GROUP, "ValidatingAdmissionPolicy"): printer("Name, Validations:integer, ParamKind, Age", _policy),
    (_GROUP, "MutatingAdmissionPolicy"): printer("Name, Mutations:integer, ParamKind, Age", _policy),
    (_GROUP, "ValidatingAdmissionPolicyBinding"): printer("Name, PolicyName, ParamRef, Age", _binding),
    (_GROUP, "MutatingAdmissionPolicyBinding"): printer("Name, PolicyName, ParamRef, Age", _binding),
}
