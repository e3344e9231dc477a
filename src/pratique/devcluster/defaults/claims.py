"""Defaults of volume claims. Source: `pkg/apis/core/v1/defaults.go` of Kubernetes."""

from __future__ import annotations

from pratique.devcluster.defaults import fields
from pratique.devcluster.defaults.fields import Object


def claim_spec(spec: Object) -> None:
    """Complete a claim's spec, in a claim or in a template."""
    spec.setdefault("volumeMode", "Filesystem")
    resources = fields.struct(spec, "resources")
    for part in ("limits", "requests"):
        if isinstance(resources.get(part), dict):
            fields.quantities(resources[part])


def claim(obj: Object) -> None:
    """Complete a PersistentVolumeClaim."""
    claim_spec(fields.struct(obj, "spec"))
    status = fields.struct(obj, "status")
    status["phase"] = status.get("phase") or "Pending"
