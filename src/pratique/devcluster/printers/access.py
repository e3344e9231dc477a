"""Cells of role bindings, leases, priority classes and certificate requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers.columns import Object, printer
from pratique.devcluster.printers.texts import get, human_duration, name_and_age


def _binding(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    role = obj.get("roleRef") or {}
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        kind, subject_name = subject.get("kind", ""), subject.get("name", "")
        if kind == "ServiceAccount":
            subject_name = f"{subject.get('namespace', '')}/{subject_name}"
        subjects.setdefault(kind, []).append(subject_name)
    lists = (", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount"))
    return [name, f"{role.get('kind', '')}/{role.get('name', '')}", since, *lists]


def _lease(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, get(obj, "spec", "holderIdentity") or "", since]


def _priority_class(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    policy = obj.get("preemptionPolicy", "")
    return [name, obj.get("value", 0), bool(obj.get("globalDefault")), since, policy]


def _certificate_request(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    seconds = spec.get("expirationSeconds")
    requested = "<none>" if seconds is None else human_duration(seconds)
    kinds = {item.get("type") for item in status.get("conditions") or ()}
    words = ["Approved" if "Approved" in kinds else "Denied" if "Denied" in kinds else "Pending"]
    words += ["Failed"] if "Failed" in kinds else []
    words += ["Issued"] if status.get("certificate") else []
    signer = spec.get("signerName") or "<none>"
    return [name, since, signer, spec.get("username", ""), requested, ",".join(words)]


_RBAC = "rbac.authorization.k8s.io"
_BINDING = "Name, Role, Age, Users*, Groups*, ServiceAccounts*"

PRINTERS = {
    (_RBAC, "RoleBinding"): printer(_BINDING, _binding),
    (_RBAC, "ClusterRoleBinding"): printer(_BINDING, _binding),
    ("coordination.k8s.io", "Lease"): printer("Name, Holder, Age", _lease),
    ("scheduling.k8s.io", "PriorityClass"): printer(
        "Name, Value:integer, Global-Default:boolean, Age, PreemptionPolicy", _priority_class
    ),
    ("certificates.k8s.io", "CertificateSigningRequest"): printer(
        "Name, Age, SignerName, Requestor, RequestedDuration, Condition", _certificate_request
    ),
}
