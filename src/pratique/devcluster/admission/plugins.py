"""The built-in admission plugins: what the API server itself adds to an object, and what it refuses.

Sources: `plugin/pkg/admission/*` of Kubernetes, `admission/plugin/namespace/lifecycle` of k8s.io/apiserver.
"""

from __future__ import annotations

import secrets
from typing import Any

from pratique.devcluster.admission import addresses, escalation, limits, quotas
from pratique.devcluster.admission.attributes import Attributes, Cluster, Object
from pratique.kube import status

TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 -- a folder, not a secret
_TOKEN_VOLUME = "kube-api-access-"  # noqa: S105 -- the beginning of a volume's name
_IMMORTAL = ("default", "kube-public", "kube-system")
_POD_SECURITY = "pod-security.kubernetes.io/enforce"
_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_PRIORITY_CLASSES = "priorityclasses.scheduling.k8s.io"


def mutate(attributes: Attributes, cluster: Cluster) -> None:
    """Complete the request's object; run again after webhooks changed it."""
    _namespace_lifecycle(attributes, cluster)
    if attributes.operation != "CREATE" or attributes.subresource or attributes.object is None:
        return
    if attributes.group_resource == "pods":
        limits.apply_defaults(attributes, cluster)
        _service_account(attributes, cluster)
        _priority(attributes, cluster)
        _tolerations(attributes.object)


def validate(attributes: Attributes, cluster: Cluster) -> None:
    """Refuse what no object rule can see: it depends on other objects."""
    _tell_what_is_not_done(attributes)
    if (
        attributes.operation == "CREATE"
        and attributes.group_resource == "pods"
        and not attributes.subresource
    ):
        spec = (attributes.object or {}).get("spec") or {}
        _account(attributes, cluster, str(spec.get("serviceAccountName", "")))
    broken = limits.refusal(attributes, cluster) or escalation.refusal(attributes, cluster)
    if broken is not None:
        raise forbidden(attributes, broken)


def _tell_what_is_not_done(attributes: Attributes) -> None:
    """Warn where a real API server would act on something that this one only keeps."""
    obj = attributes.object
    if obj is None or attributes.operation not in ("CREATE", "UPDATE") or attributes.subresource:
        return
    if attributes.resource in ("validatingadmissionpolicies", "mutatingadmissionpolicies"):
        attributes.warnings.append(f"the embedded cluster keeps a {obj.get('kind')} but does not enforce it")
    elif any(hook.get("matchConditions") for hook in obj.get("webhooks") or ()):
        attributes.warnings.append(
            "the embedded cluster does not evaluate matchConditions: the webhook is asked for all that its rules match"
        )
    elif attributes.group_resource == "namespaces" and attributes.operation == "CREATE":
        level = ((obj.get("metadata") or {}).get("labels") or {}).get(_POD_SECURITY, "privileged")
        if level != "privileged":
            attributes.warnings.append("the embedded cluster does not enforce pod security standards")


def count(attributes: Attributes, cluster: Cluster) -> None:
    """Refuse what does not fit in the namespace's quotas; the last word of all."""
    over = quotas.refusal(attributes, cluster)
    if over is not None:
        raise forbidden(attributes, over)


def allocate(attributes: Attributes, cluster: Cluster) -> None:
    """Give a Service its addresses and ports."""
    if (
        attributes.group_resource == "services"
        and not attributes.subresource
        and attributes.object is not None
    ):
        addresses.allocate(attributes.object, attributes.old_object, cluster.list("services"))


def forbidden(attributes: Attributes, detail: str) -> status.StatusError:
    """Return the refusal `pods "x" is forbidden: ...`."""
    metadata = (attributes.object or {}).get("metadata") or {}
    name = attributes.name or metadata.get("name") or ""
    if not metadata.get("uid") and attributes.operation == "CREATE":
        name = metadata.get("generateName") or name  # mutating admission comes before names are made
    return status.denied(attributes.resource, attributes.group, str(name), detail=detail)


def _namespace_lifecycle(attributes: Attributes, cluster: Cluster) -> None:
    if attributes.operation == "DELETE" and attributes.group_resource == "namespaces":
        if attributes.name in _IMMORTAL and not attributes.subresource:
            raise forbidden(attributes, "this namespace may not be deleted")
        return
    if (
        attributes.group_resource == "namespaces"
        or not attributes.namespace
        or attributes.operation == "DELETE"
    ):
        return
    if attributes.operation == "UPDATE":
        return  # an object in a missing namespace is gone anyway
    if attributes.group == "authorization.k8s.io":
        return  # access reviews tell nothing about what exists
    namespace = cluster.get("namespaces", attributes.namespace)
    if namespace is None:
        raise status.missing("namespaces", "", attributes.namespace)
    if attributes.operation == "CREATE" and namespace["metadata"].get("deletionTimestamp"):
        where = attributes.namespace
        error = forbidden(
            attributes, f"unable to create new content in namespace {where} because it is being terminated"
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {attributes.namespace} is being terminated",
            "field": "metadata.namespace",
        }
        error.status.setdefault("details", {})["causes"] = [cause]
        raise error


def _account(attributes: Attributes, cluster: Cluster, name: str) -> Object:
    account = cluster.get("serviceaccounts", name, attributes.namespace)
    if account is None:
        where = f"{attributes.namespace}/{name}"
        raise forbidden(
            attributes, f'error looking up service account {where}: serviceaccount "{name}" not found'
        )
    return account


def _service_account(attributes: Attributes, cluster: Cluster) -> None:
    pod = attributes.object
    assert pod is not None
    spec = pod.setdefault("spec", {})
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = _account(attributes, cluster, name)
    mounts = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    if mounts:
        _mount_token(spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(entry) for entry in account["imagePullSecrets"]]


def _mount_token(spec: Object) -> None:
    volumes = spec.get("volumes") or []
    found = (str(v.get("name", "")) for v in volumes if str(v.get("name", "")).startswith(_TOKEN_VOLUME))
    name = next(found, "")
    mount = {"name": name or _TOKEN_VOLUME + random_suffix(), "readOnly": True, "mountPath": TOKEN_FOLDER}
    needed = False
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        present = container.get("volumeMounts") or []
        if not any(m.get("mountPath") == TOKEN_FOLDER for m in present):
            container["volumeMounts"] = [*present, dict(mount)]
            needed = True
    if needed and not name:
        spec["volumes"] = [*volumes, {"name": mount["name"], "projected": _token_sources()}]


def _token_sources() -> Object:
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
        "defaultMode": 420,
    }


def random_suffix(length: int = 5) -> str:
    """Return the random end of a generated name: no vowels, nothing that looks like another letter."""
    return "".join(secrets.choice(_NAME_ALPHABET) for _ in range(length))


def _priority(attributes: Attributes, cluster: Cluster) -> None:
    pod = attributes.object
    assert pod is not None
    spec = pod["spec"]
    name = spec.get("priorityClassName") or ""
    found: Object | None
    if name:
        found = cluster.get(_PRIORITY_CLASSES, name)
        if found is None:
            raise forbidden(attributes, f"no PriorityClass with name {name} was found")
    else:
        found = next((c for c in cluster.list(_PRIORITY_CLASSES) if c.get("globalDefault")), None)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    value = int((found or {}).get("value", 0))
    if spec.get("priority") not in (None, value):
        raise forbidden(
            attributes,
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            f"priority admission controller computed {value} from the given PriorityClass name",
        )
    spec["priority"] = value
    spec.setdefault("preemptionPolicy", (found or {}).get("preemptionPolicy", "PreemptLowerPriority"))


def _tolerations(pod: Object) -> None:
    spec = pod["spec"]
    present = spec.get("tolerations") or []
    added = []
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(_tolerates(entry, key) for entry in present):
            added.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    if added:
        spec["tolerations"] = [*present, *added]


def _tolerates(entry: dict[str, Any], key: str) -> bool:
    return entry.get("key") in (key, None, "") and entry.get("effect") in ("NoExecute", None, "")
