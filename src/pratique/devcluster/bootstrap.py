"""The objects that every cluster has from its first moment: namespaces, roles, priorities, the API's Service.

In comes an API with an opened store, which gets what it lacks; what is there is left as it is. Needs no
admission: nothing could refuse these.
"""

from __future__ import annotations

import uuid
from typing import Any

from pratique.devcluster import strategy
from pratique.devcluster.api import Api
from pratique.devcluster.auth import SERVICE_ADDRESS
from pratique.devcluster.kinds import in_order
from pratique.devcluster.writes import counts_generations, now

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_CORE_VIEWED = [
    *(
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "serviceaccounts",
    ),
    *("services", "bindings", "events", "limitranges", "namespaces", "namespaces/status", "pods/log"),
    *("pods/status", "replicationcontrollers/scale", "replicationcontrollers/status", "resourcequotas"),
    *("resourcequotas/status", "services/status", "persistentvolumeclaims/status"),
]
_CORE_EDITED = [
    *(
        "configmaps",
        "events",
        "persistentvolumeclaims",
        "pods",
        "pods/attach",
        "pods/exec",
        "pods/portforward",
    ),
    *("pods/proxy", "replicationcontrollers", "replicationcontrollers/scale", "secrets", "serviceaccounts"),
    *("services", "services/proxy"),
]
_WORKLOADS = {
    "apps": [
        *("daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale"),
        *("statefulsets", "statefulsets/scale", "controllerrevisions"),
    ],
    "batch": ["cronjobs", "jobs"],
    "autoscaling": ["horizontalpodautoscalers"],
    "policy": ["poddisruptionbudgets"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
}
# What may be looked at beyond what may be changed: states, and groups of the past that roles still name.
_VIEWED_TOO = {
    "apps": ["daemonsets/status", "deployments/status", "replicasets/status", "statefulsets/status"],
    "autoscaling": ["horizontalpodautoscalers/status"],
    "batch": ["cronjobs/status", "jobs/status"],
    "discovery.k8s.io": ["endpointslices"],
    "extensions": [
        *("daemonsets", "daemonsets/status", "deployments", "deployments/scale", "deployments/status"),
        *("ingresses", "ingresses/status", "networkpolicies", "replicasets", "replicasets/scale"),
        *("replicasets/status", "replicationcontrollers/scale"),
    ],
    "networking.k8s.io": ["ingresses/status"],
    "policy": ["poddisruptionbudgets/status"],
    "resource.k8s.io": ["resourceclaims", "resourceclaims/status", "resourceclaimtemplates"],
}


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> Object:
    return {"verbs": verbs, "apiGroups": groups, "resources": resources}


def _cluster_roles() -> dict[str, list[Object]]:
    view = [_rule([""], _CORE_VIEWED, READ)]
    for viewed in (_WORKLOADS, _VIEWED_TOO):
        view += [_rule([group], resources, READ) for group, resources in viewed.items()]
    edit = [_rule([""], ["secrets"], READ), _rule([""], ["serviceaccounts"], ["impersonate"])]
    edit += [_rule([""], _CORE_EDITED, WRITE), *view]
    edit += [_rule([group], resources, WRITE) for group, resources in _WORKLOADS.items()]
    admin = [*edit, _rule([RBAC], ["rolebindings", "roles"], [*WRITE, *READ])]
    admin.append(_rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]))
    everything = _rule(["*"], ["*"], ["*"])
    outside = {"verbs": ["*"], "nonResourceURLs": ["*"]}
    paths = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"]
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    return {
        "cluster-admin": [everything, outside],
        "admin": admin,
        "edit": edit,
        "view": view,
        "system:discovery": [{"verbs": ["get"], "nonResourceURLs": [*paths, "/version", "/version/"]}],
        "system:public-info-viewer": [
            {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"]}
        ],
        "system:basic-user": [
            _rule(["authorization.k8s.io"], reviews, ["create"]),
            _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
        ],
        "system:controllers": [everything, outside],
        "system:auth-delegator": [
            _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
            _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
        ],
    }


_BINDINGS = {
    "cluster-admin": "system:masters",
    "system:discovery": "system:authenticated",
    "system:basic-user": "system:authenticated",
    "system:public-info-viewer": "system:authenticated",
}


# Roles whose rules other roles contain.
_AGGREGATED = {"admin": "", "edit": "admin", "view": "edit"}


def _rbac_metadata(name: str) -> Object:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    if into := _AGGREGATED.get(name):
        labels[f"rbac.authorization.k8s.io/aggregate-to-{into}"] = "true"
    annotations = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
    return {"name": name, "labels": labels, "annotations": annotations}


_PRIORITIES = (
    (
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if "
        "necessary.",
    ),
    (
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
)


def ensure(api: Api) -> None:
    """Create what is missing."""
    for name in NAMESPACES:
        _put(api, "namespaces", {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}})
    for name, rules in _cluster_roles().items():
        _put(api, f"clusterroles.{RBAC}", {"metadata": _rbac_metadata(name), "rules": rules})
    for name, group in _BINDINGS.items():
        binding = {
            "metadata": _rbac_metadata(name),
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}],
        }
        _put(api, f"clusterrolebindings.{RBAC}", binding)
    for name, value, text in _PRIORITIES:
        body = {"metadata": {"name": name}, "value": value, "description": text}
        _put(api, "priorityclasses.scheduling.k8s.io", body)
    service = {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": SERVICE_ADDRESS,
            "clusterIPs": [SERVICE_ADDRESS],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }
    _put(api, "services", service)


def _put(api: Api, key: str, obj: Object) -> None:
    metadata = obj["metadata"]
    if api.store.get(key, metadata["name"], metadata.get("namespace", "")) is not None:
        return
    resource = api.resource(key)
    obj = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
    obj = api.kinds.read(resource, obj).object
    obj["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
    strategy.prepare_create(obj)
    if counts_generations(resource, obj):
        obj["metadata"]["generation"] = 1
    api.store.put(key, in_order(api.kinds.read(resource, obj).object, custom=False))
