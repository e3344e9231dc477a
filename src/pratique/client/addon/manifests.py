"""The add-on as manifests: what is applied to a cluster, embedded or real, to make it managed.

In: `AddonSettings`. Out: Kubernetes objects as dicts, in the order in which to apply them. Names, ports
and paths are Gatekeeper's wherever somebody else's tool or script may know them (`gatekeeper.md` 8).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pratique import __version__
from pratique.client.addon import crds

Object = dict[str, Any]

NAMESPACE = "pratique-system"
IMAGE = f"pratique/agent:{__version__}"
SERVICE_ACCOUNT = "pratique-admin"
WEBHOOK_SERVICE = "pratique-webhook-service"
AUDIT = "pratique-audit"
CONTROLLER = "pratique-controller-manager"
SERVICE_SECRET = "pratique-service"  # noqa: S105 (the name of a Secret)
CERTIFICATE_SECRET = "pratique-webhook-server-cert"  # noqa: S105 (the name of a Secret)
WEBHOOK_CONFIGURATION = "gatekeeper-validating-webhook-configuration"
MUTATING_CONFIGURATION = "gatekeeper-mutating-webhook-configuration"
MUTATION_WEBHOOK = "mutation.gatekeeper.sh"
VALIDATION_WEBHOOK = "validation.gatekeeper.sh"
LABEL_WEBHOOK = "check-ignore-label.gatekeeper.sh"
IGNORE_LABEL = "admission.gatekeeper.sh/ignore"
MANAGED_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "pratique"
FIELD_MANAGER = "pratique-addon"

WEBHOOK_PORT, METRICS_PORT, HEALTH_PORT = 8443, 8888, 9090

# `*` in a rule leaves subresources out unless they are listed (admissionregistration.k8s.io); this is
# the list that Gatekeeper installs.
RESOURCES = (
    "*",
    *(
        f"pods/{name}"
        for name in (
            "ephemeralcontainers",
            "exec",
            "log",
            "eviction",
            "portforward",
            "proxy",
            "attach",
            "binding",
            "resize",
        )
    ),
    "deployments/scale",
    "replicasets/scale",
    "statefulsets/scale",
    "replicationcontrollers/scale",
    "services/proxy",
    "nodes/proxy",
    "services/status",
)


@dataclass(frozen=True, slots=True)
class AddonSettings:
    """What differs between clusters. Without `service_url` the add-on is a Gatekeeper of its own."""

    cluster: str = ""
    service_url: str = ""
    token: str = field(default="", repr=False)
    ca: str = ""
    image: str = IMAGE
    replicas: int = 2
    failure_policy: str = "Ignore"
    timeout_seconds: int = 3
    mutation_failure_policy: str = "Ignore"
    mutation_timeout_seconds: int = 1
    reinvocation_policy: str = "Never"
    exempt_namespaces: tuple[str, ...] = ()
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    audit_interval: int = 60
    labels: dict[str, str] = field(default_factory=dict)


def manifests(settings: AddonSettings) -> list[Object]:
    """Return all objects of the add-on in order: definitions first, the webhook configurations last."""
    objects = [
        *crds.definitions(),
        _namespace(),
        *_rbac(),
        _secret(settings),
        _service(),
        _disruption_budget(),
        _deployment(AUDIT, settings, replicas=1, operations=("audit", "sync", "status")),
        _deployment(
            CONTROLLER, settings, replicas=settings.replicas, operations=("webhook", "mutation-webhook")
        ),
        mutating_configuration(settings),
        webhook_configuration(settings),
    ]
    for obj in objects:
        labels = obj["metadata"].setdefault("labels", {})
        labels |= {"app.kubernetes.io/part-of": "pratique"} | settings.labels
    return objects


def _object(api_version: str, kind: str, name: str, *, namespaced: bool = True, **body: Any) -> Object:
    meta = {"name": name} | ({"namespace": NAMESPACE} if namespaced else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body}


def _namespace() -> Object:
    namespace = _object("v1", "Namespace", NAMESPACE, namespaced=False)
    namespace["metadata"]["labels"] = {
        IGNORE_LABEL: "no-self-managing",
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }
    return namespace


def _rbac() -> list[Object]:
    every = ["create", "delete", "get", "list", "patch", "update", "watch"]
    rules = [
        # Audit and data.inventory read whatever a constraint names.
        _rule(["*"], ["*"], ["get", "list", "watch"]),
        _rule(["apiextensions.k8s.io"], ["customresourcedefinitions"], every),
        _rule(["templates.gatekeeper.sh"], ["*"], every),
        _rule(["constraints.gatekeeper.sh"], ["*"], every),
        _rule(["config.gatekeeper.sh", "syncset.gatekeeper.sh"], ["*"], every),
        _rule(
            ["mutations.gatekeeper.sh", "expansion.gatekeeper.sh", "externaldata.gatekeeper.sh"], ["*"], every
        ),
        _rule(["", "events.k8s.io"], ["events"], ["create", "patch"]),
        _rule(
            ["admissionregistration.k8s.io"],
            ["validatingwebhookconfigurations"],
            ["get", "patch", "update"],
            names=[WEBHOOK_CONFIGURATION],
        ),
        _rule(
            ["admissionregistration.k8s.io"],
            ["mutatingwebhookconfigurations"],
            ["get", "patch", "update"],
            names=[MUTATING_CONFIGURATION],
        ),
    ]
    own = [
        _rule([""], ["secrets"], every),
        _rule(["coordination.k8s.io"], ["leases"], every),
    ]
    group, subject = (
        "rbac.authorization.k8s.io",
        {
            "kind": "ServiceAccount",
            "name": SERVICE_ACCOUNT,
            "namespace": NAMESPACE,
        },
    )
    api = f"{group}/v1"
    name = "pratique-manager"
    return [
        _object("v1", "ServiceAccount", SERVICE_ACCOUNT),
        _object(api, "ClusterRole", name, namespaced=False, rules=rules),
        _object(
            api,
            "ClusterRoleBinding",
            name,
            namespaced=False,
            roleRef={"apiGroup": group, "kind": "ClusterRole", "name": name},
            subjects=[subject],
        ),
        _object(api, "Role", name, rules=own),
        _object(
            api,
            "RoleBinding",
            name,
            roleRef={"apiGroup": group, "kind": "Role", "name": name},
            subjects=[subject],
        ),
    ]


def _rule(
    groups: list[str], resources: list[str], verbs: list[str], names: list[str] | None = None
) -> Object:
    rule: Object = {"apiGroups": groups, "resources": resources, "verbs": verbs}
    return rule | ({"resourceNames": names} if names else {})


def _secret(settings: AddonSettings) -> Object:
    values = {
        "url": settings.service_url,
        "token": settings.token,
        "ca": settings.ca,
        "cluster": settings.cluster,
    }
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return _object("v1", "Secret", SERVICE_SECRET, type="Opaque", data=data)


def _selector(component: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "pratique", "app.kubernetes.io/component": component}


def _service() -> Object:
    spec = {
        "selector": _selector(CONTROLLER),
        "ports": [{"name": "https-webhook-server", "port": 443, "targetPort": "webhook-server"}],
    }
    return _object("v1", "Service", WEBHOOK_SERVICE, spec=spec)


def _disruption_budget() -> Object:
    spec = {"minAvailable": 1, "selector": {"matchLabels": _selector(CONTROLLER)}}
    return _object("policy/v1", "PodDisruptionBudget", CONTROLLER, spec=spec)


def _deployment(name: str, settings: AddonSettings, *, replicas: int, operations: tuple[str, ...]) -> Object:
    labels = _selector(name)
    serves = "webhook" in operations
    arguments = [f"--operation={operation}" for operation in operations]
    arguments += [f"--health-addr=:{HEALTH_PORT}", f"--prometheus-port={METRICS_PORT}"]
    if serves:
        arguments += [f"--port={WEBHOOK_PORT}"]
        arguments += [f"--exempt-namespace={namespace}" for namespace in settings.exempt_namespaces]
    else:
        arguments += [f"--audit-interval={settings.audit_interval}"]
    ports = [
        {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        {"name": "healthz", "containerPort": HEALTH_PORT, "protocol": "TCP"},
    ]
    if serves:
        ports.insert(0, {"name": "webhook-server", "containerPort": WEBHOOK_PORT, "protocol": "TCP"})
    container: Object = {
        "name": "manager",
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "env": _environment(),
        "ports": ports,
        "readinessProbe": _probe("/readyz", period=1, failures=3),
        "livenessProbe": _probe("/healthz", period=10, failures=6),
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 (the container's own)
    }
    pod: Object = {
        "serviceAccountName": SERVICE_ACCOUNT,
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if replicas > 1:
        pod["affinity"] = _apart(labels)
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if not serves:
        # Two audits at once would only wait for each other's Lease.
        spec["strategy"] = {"type": "Recreate"}
    return _object("apps/v1", "Deployment", name, spec=spec)


def _environment() -> list[Object]:
    def from_field(name: str, path: str) -> Object:
        return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}

    def from_secret(name: str, key: str) -> Object:
        reference = {"name": SERVICE_SECRET, "key": key, "optional": True}
        return {"name": name, "valueFrom": {"secretKeyRef": reference}}

    return [
        from_field("POD_NAME", "metadata.name"),
        from_field("POD_NAMESPACE", "metadata.namespace"),
        from_field("POD_IP", "status.podIP"),
        from_secret("PRATIQUE_SERVICE_URL", "url"),
        from_secret("PRATIQUE_SERVICE_TOKEN", "token"),
        from_secret("PRATIQUE_SERVICE_CA", "ca"),
        from_secret("PRATIQUE_CLUSTER", "cluster"),
    ]


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "healthz", "scheme": "HTTP"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 2,
    }


def _apart(labels: dict[str, str]) -> Object:
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]
        }
    }


def webhook_configuration(settings: AddonSettings) -> Object:
    """Return the ValidatingWebhookConfiguration; the pods themselves write `caBundle` into it."""
    validation = _webhook(
        VALIDATION_WEBHOOK,
        path="/v1/admit",
        rules=[_everything(settings.operations, RESOURCES)],
        failurePolicy=settings.failure_policy,
        timeoutSeconds=settings.timeout_seconds,
        namespaceSelector=_not_ignored(settings.failure_policy),
    )
    guard = _webhook(
        LABEL_WEBHOOK,
        path="/v1/admitlabel",
        rules=[
            {
                "apiGroups": [""],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["namespaces"],
                "scope": "*",
            }
        ],
        failurePolicy="Fail",
        timeoutSeconds=settings.timeout_seconds,
        namespaceSelector={"matchExpressions": [_not_in(NAMESPACE)]},
        # Only namespaces that carry the label are asked about, so that failing closed never stops the
        # creation of an ordinary namespace.
        objectSelector={"matchExpressions": [{"key": IGNORE_LABEL, "operator": "Exists"}]},
    )
    return _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        WEBHOOK_CONFIGURATION,
        namespaced=False,
        webhooks=[validation, guard],
    )


def mutating_configuration(settings: AddonSettings) -> Object:
    """Return the MutatingWebhookConfiguration; the pods themselves write `caBundle` into it."""
    hook = _webhook(
        MUTATION_WEBHOOK,
        path="/v1/mutate",
        # Gatekeeper leaves `pods/resize` to the validating webhook.
        rules=[_everything(("CREATE", "UPDATE"), [name for name in RESOURCES if name != "pods/resize"])],
        failurePolicy=settings.mutation_failure_policy,
        timeoutSeconds=settings.mutation_timeout_seconds,
        reinvocationPolicy=settings.reinvocation_policy,
        namespaceSelector=_not_ignored(settings.mutation_failure_policy),
    )
    return _object(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        MUTATING_CONFIGURATION,
        namespaced=False,
        webhooks=[hook],
    )


def _everything(operations: Sequence[str], names: Sequence[str]) -> Object:
    return {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": list(operations),
        "resources": list(names),
        "scope": "*",
    }


def _not_ignored(failure_policy: str) -> Object:
    # Fail-closed must not lock the cluster's own parts out of repairing themselves.
    exempt = [NAMESPACE, *(["kube-system"] if failure_policy == "Fail" else [])]
    ignored = {"key": IGNORE_LABEL, "operator": "DoesNotExist"}
    return {"matchExpressions": [ignored, _not_in(*exempt)]}


def _not_in(*namespaces: str) -> Object:
    return {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(namespaces)}


def _webhook(name: str, *, path: str, rules: list[Object], **body: Any) -> Object:
    service = {"name": WEBHOOK_SERVICE, "namespace": NAMESPACE, "path": path, "port": 443}
    return {
        "name": name,
        "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": {"service": service},
        "matchPolicy": "Exact",
        "rules": rules,
        "sideEffects": "None",
        **body,
    }
