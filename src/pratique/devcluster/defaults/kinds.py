"""Defaults of all other built-in kinds. Sources: `pkg/apis/*/v1/defaults.go` of Kubernetes."""

from __future__ import annotations

import base64

from pratique.devcluster.defaults import claims, fields
from pratique.devcluster.defaults.fields import Object


def _service(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    spec["type"] = spec.get("type") or "ClusterIP"
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    if spec["sessionAffinity"] == "ClientIP":
        fields.struct(fields.struct(spec, "sessionAffinityConfig"), "clientIP").setdefault(
            "timeoutSeconds", 10800
        )
    for port in fields.dicts(spec.get("ports")):
        port["protocol"] = port.get("protocol") or "TCP"
        if port.get("targetPort") in (None, "", 0) and "port" in port:
            port["targetPort"] = port["port"]
    external = spec["type"] in ("NodePort", "LoadBalancer")
    if external or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        spec["externalTrafficPolicy"] = spec.get("externalTrafficPolicy") or "Cluster"
    if spec["type"] in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    fields.struct(fields.struct(obj, "status"), "loadBalancer")


def _persistent_volume(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    spec.setdefault("volumeMode", "Filesystem")
    if isinstance(spec.get("capacity"), dict):
        fields.quantities(spec["capacity"])
    if isinstance(spec.get("hostPath"), dict):
        spec["hostPath"].setdefault("type", "")
    status = fields.struct(obj, "status")
    status["phase"] = status.get("phase") or "Pending"


def _secret(obj: Object) -> None:
    obj["type"] = obj.get("type") or "Opaque"
    texts = obj.pop("stringData", None)  # write-only: it is read into `data`
    if isinstance(texts, dict) and texts:
        coded = {key: base64.b64encode(str(value).encode()).decode() for key, value in texts.items()}
        obj["data"] = {**(obj.get("data") or {}), **coded}


def _namespace(obj: Object) -> None:
    fields.struct(obj, "spec")
    fields.struct(obj, "status")
    name = fields.get(obj, "metadata", "name")
    if isinstance(name, str) and name:
        labels = fields.struct(fields.struct(obj, "metadata"), "labels")
        labels["kubernetes.io/metadata.name"] = name


def _resource_quota(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    if isinstance(spec.get("hard"), dict):
        fields.quantities(spec["hard"])
    fields.struct(obj, "status")


def _limit_range(obj: Object) -> None:
    for limit in fields.dicts(fields.get(obj, "spec", "limits")):
        for part in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            if isinstance(limit.get(part), dict):
                fields.quantities(limit[part])
        if limit.get("type") != "Container":
            continue
        # SetDefaults_LimitRangeItem: default <- max; defaultRequest <- default, else min.
        default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
        request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
        for part, values in (("default", default), ("defaultRequest", request)):
            if values:
                limit[part] = values


def _node(obj: Object) -> None:
    fields.struct(obj, "spec")
    status = fields.struct(obj, "status")
    for part in ("capacity", "allocatable"):
        if isinstance(status.get(part), dict):
            fields.quantities(status[part])
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))
    fields.struct(fields.struct(status, "daemonEndpoints"), "kubeletEndpoint").setdefault("Port", 0)
    info = fields.struct(status, "nodeInfo")
    for name in [
        "architecture",
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "kubeletVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ]:
        info.setdefault(name, "")


def _webhooks(obj: Object, *, mutating: bool = False) -> None:
    for hook in fields.dicts(obj.get("webhooks")):
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        fields.pointer(hook, "namespaceSelector")
        fields.pointer(hook, "objectSelector")
        hook.setdefault("timeoutSeconds", 10)
        if mutating:
            hook.setdefault("reinvocationPolicy", "Never")
        config = fields.struct(hook, "clientConfig")
        if isinstance(config.get("service"), dict):
            config["service"].setdefault("port", 443)
        for rule in fields.dicts(hook.get("rules")):
            rule.setdefault("scope", "*")


def _admission_policy(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    spec.setdefault("failurePolicy", "Fail")
    constraints = spec.get("matchConstraints")
    if isinstance(constraints, dict):
        _match_resources(constraints)
    fields.struct(obj, "status")


def _admission_binding(obj: Object) -> None:
    resources = fields.get(obj, "spec", "matchResources")
    if isinstance(resources, dict):
        _match_resources(resources)
    reference = fields.get(obj, "spec", "paramRef")
    if isinstance(reference, dict):
        reference.setdefault("parameterNotFoundAction", "Deny")


def _match_resources(resources: Object) -> None:
    resources.setdefault("matchPolicy", "Equivalent")
    fields.pointer(resources, "namespaceSelector")
    fields.pointer(resources, "objectSelector")
    for part in ("resourceRules", "excludeResourceRules"):
        for rule in fields.dicts(resources.get(part)):
            rule.setdefault("scope", "*")


def _rules(obj: Object) -> None:
    obj.setdefault("rules", None)


def _role_binding(obj: Object) -> None:
    reference = obj.get("roleRef")
    if isinstance(reference, dict):
        reference["apiGroup"] = reference.get("apiGroup") or "rbac.authorization.k8s.io"
    for subject in fields.dicts(obj.get("subjects")):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = "rbac.authorization.k8s.io"


def _ingress(obj: Object) -> None:
    fields.struct(obj, "spec")
    fields.struct(fields.struct(obj, "status"), "loadBalancer")


def _network_policy(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    fields.struct(spec, "podSelector")
    for direction in ("ingress", "egress"):
        for rule in fields.dicts(spec.get(direction)):
            for port in fields.dicts(rule.get("ports")):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _disruption_budget(obj: Object) -> None:
    fields.struct(obj, "spec")
    status = fields.struct(obj, "status")
    for name in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"):
        status.setdefault(name, 0)


def _autoscaler(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    spec.setdefault("minReplicas", 1)
    if str(obj["apiVersion"]).endswith("/v1"):
        spec.setdefault("targetCPUUtilizationPercentage", 80)
        status = fields.struct(obj, "status")
        status.setdefault("currentReplicas", 0)
        status.setdefault("desiredReplicas", 0)
        return
    if not spec.get("metrics"):
        target = {"averageUtilization": 80, "type": "Utilization"}
        spec["metrics"] = [{"resource": {"name": "cpu", "target": target}, "type": "Resource"}]
    status = fields.struct(obj, "status")
    status.setdefault("currentMetrics", None)
    status.setdefault("desiredReplicas", 0)


def _storage_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _priority_class(obj: Object) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")
    obj.setdefault("value", 0)


def _endpoint_slice(obj: Object) -> None:
    obj.setdefault("endpoints", None)
    obj.setdefault("ports", None)
    for port in fields.dicts(obj.get("ports")):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _endpoints(obj: Object) -> None:
    for subset in fields.dicts(obj.get("subsets")):
        for port in fields.dicts(subset.get("ports")):
            port.setdefault("protocol", "TCP")


def _event(obj: Object) -> None:
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(name, None)
    for name in ("source", "involvedObject"):
        fields.struct(obj, name)
    obj.setdefault("reportingComponent", "")
    obj.setdefault("reportingInstance", "")


def _spec_and_status(obj: Object) -> None:
    fields.struct(obj, "spec")
    fields.struct(obj, "status")


def _spec(obj: Object) -> None:
    fields.struct(obj, "spec")


SETTERS = {
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): claims.claim,
    ("", "PersistentVolume"): _persistent_volume,
    ("", "Secret"): _secret,
    ("", "Namespace"): _namespace,
    ("", "ResourceQuota"): _resource_quota,
    ("", "LimitRange"): _limit_range,
    ("", "Node"): _node,
    ("", "Endpoints"): _endpoints,
    ("", "Event"): _event,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("networking.k8s.io", "IngressClass"): _spec,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("rbac.authorization.k8s.io", "Role"): _rules,
    ("rbac.authorization.k8s.io", "ClusterRole"): _rules,
    ("rbac.authorization.k8s.io", "RoleBinding"): _role_binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _role_binding,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _webhooks,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): lambda obj: _webhooks(
        obj, mutating=True
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _admission_policy,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): _admission_binding,
    ("storage.k8s.io", "StorageClass"): _storage_class,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    ("coordination.k8s.io", "Lease"): _spec,
    ("certificates.k8s.io", "CertificateSigningRequest"): _spec_and_status,
}
