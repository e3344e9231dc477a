"""Findings as PolicyReports (wgpolicyk8s.io/v1alpha2), which cluster tools and dashboards read.

In: findings. Out: YAML documents: one PolicyReport a namespace, and a ClusterPolicyReport for what is in none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from pratique.kube import yaml
from pratique.offline.ci import place
from pratique.offline.finding import Finding

NAME: Final = "pratique-test"
_STATES: Final = ("pass", "fail", "warn", "error", "skip")


def policyreport(findings: Sequence[Finding]) -> str:
    """Return the reports, by namespace; without findings a single empty one."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.subject.namespace, []).append(finding)
    if not groups:
        groups[""] = []
    return yaml.dump_all(_report(namespace, groups[namespace]) for namespace in sorted(groups))


def _report(namespace: str, findings: Sequence[Finding]) -> dict[str, Any]:
    metadata = {"name": NAME, "labels": {"app.kubernetes.io/managed-by": "pratique"}}
    if namespace:
        metadata["namespace"] = namespace
    results = [_result(finding) for finding in findings]
    counts = Counter(result["result"] for result in results)
    return {
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport" if namespace else "ClusterPolicyReport",
        "metadata": metadata,
        "summary": {state: counts[state] for state in _STATES},
        "results": results,
    }


def _result(finding: Finding) -> dict[str, Any]:
    violation, at, subject = finding.violation, place(finding), finding.subject
    resource = {"apiVersion": subject.api_version, "kind": subject.kind, "name": subject.name}
    if subject.namespace:
        resource["namespace"] = subject.namespace
    properties = {"file": at.file, "line": str(at.line), "action": violation.action}
    if finding.allowed:
        properties["allowed"] = finding.allowed
    return {
        "source": "pratique",
        "policy": violation.constraint_kind,
        "rule": violation.constraint_name,
        "result": _state(finding),
        "scored": True,
        "message": violation.message,
        "resources": [resource],
        "properties": properties,
    }


def _state(finding: Finding) -> str:
    if finding.accepted:
        return "skip"
    if finding.violation.error:
        return "error"
    return "fail" if finding.denies else "warn"
