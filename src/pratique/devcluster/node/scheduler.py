"""Whether a pod may run on the node: selectors, affinity, taints, gates. Pure."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def refusal(pod: Object, node: Object) -> str | None:
    """Return why the node does not take the pod, or None when it does."""
    spec = pod.get("spec") or {}
    metadata, node_spec = node["metadata"], node.get("spec") or {}
    labels = metadata.get("labels") or {}
    if node_spec.get("unschedulable") and not _tolerated(spec, _UNSCHEDULABLE):
        return "node(s) were unschedulable"
    for taint in node_spec.get("taints") or ():
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not _tolerated(spec, taint):
            return f"node(s) had untolerated taint {{{taint.get('key')}: {taint.get('value', '')}}}"
    wanted = spec.get("nodeSelector") or {}
    if not wanted.items() <= labels.items() or not _affine(spec, metadata["name"], labels):
        return "node(s) didn't match Pod's node affinity/selector"
    return None


_UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def _tolerated(spec: Object, taint: Object) -> bool:
    return any(_tolerates(entry, taint) for entry in spec.get("tolerations") or ())


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    key = toleration.get("key") or ""
    if toleration.get("operator") == "Exists":
        return key in ("", taint.get("key"))
    return key == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")


def _affine(spec: Object, name: str, labels: dict[str, str]) -> bool:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, name, labels) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Object, name: str, labels: dict[str, str]) -> bool:
    fields = {"metadata.name": name}
    expressions = [(e, labels) for e in term.get("matchExpressions") or ()]
    expressions += [(e, fields) for e in term.get("matchFields") or ()]
    return bool(expressions) and all(_matches(expression, values) for expression, values in expressions)


def _matches(expression: Object, values: dict[str, str]) -> bool:
    key, wanted = expression.get("key", ""), expression.get("values") or []
    value = values.get(key)
    match expression.get("operator"):
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not value.isdigit() or not wanted or not str(wanted[0]).isdigit():
                return False
            more = int(value) > int(wanted[0])
            return more if operator == "Gt" else int(value) < int(wanted[0])
    return False
