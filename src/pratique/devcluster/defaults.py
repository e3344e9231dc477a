"""Fill in what kube-apiserver fills in when a built-in kind is read.

In comes an object as it was sent (plain JSON), and it is completed in place: documented default values,
quantities in their canonical form, and the empty fields that Go always writes (`resources: {}`,
`status: {}`, `rules: null`). Kinds that are not built in stay as they are. Nothing here knows of the store,
of other objects or of who asks; what needs them is in `strategy` or an admission plugin.

Sources: `pkg/apis/<group>/<version>/defaults.go` of Kubernetes and `omitempty` in the types of `k8s.io/api`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from pratique.kube import quantity

Object = dict[str, Any]
Setter = Callable[[Object], None]


def apply(obj: Object) -> None:
    """Complete `obj` in place by its apiVersion and kind."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    setter = _KINDS.get((group, str(obj.get("kind", ""))))
    if setter is not None:
        setter(obj)


def pod_spec(spec: Object) -> None:
    """Complete a pod's spec, in a pod or in a template."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    _struct(spec, "securityContext")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    _service_account(spec)
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for item in _dicts(spec.get(kind)):
            _container(item, host_network=spec.get("hostNetwork") is True)
    for volume in _dicts(spec.get("volumes")):
        _volume(volume)
    if isinstance(spec.get("overhead"), dict):
        _quantities(spec["overhead"])


def _service_account(spec: Object) -> None:
    # `serviceAccount` is the deprecated name of the same field; both are always written.
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def image_pull_policy(image: str) -> str:
    """Return Always for an image without a tag or with `latest`, else IfNotPresent."""
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _container(container: Object, *, host_network: bool) -> None:
    container.setdefault("imagePullPolicy", image_pull_policy(str(container.get("image", ""))))
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = _struct(container, "resources")
    for part in ("limits", "requests"):
        if isinstance(resources.get(part), dict):
            _quantities(resources[part])
    for port in _dicts(container.get("ports")):
        port.setdefault("protocol", "TCP")
        if host_network and not port.get("hostPort") and "containerPort" in port:
            port["hostPort"] = port["containerPort"]
    for variable in _dicts(container.get("env")):
        source = variable.get("valueFrom")
        if isinstance(source, dict):
            _field_ref(source)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])
    lifecycle = container.get("lifecycle")
    if isinstance(lifecycle, dict):
        for handler in _dicts(lifecycle.values()):
            _http_get(handler)


def _field_ref(source: Object) -> None:
    if isinstance(source.get("fieldRef"), dict):
        source["fieldRef"].setdefault("apiVersion", "v1")
    if isinstance(source.get("resourceFieldRef"), dict):
        source["resourceFieldRef"].setdefault("divisor", "0")


def _probe(probe: Object) -> None:
    for name, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(name):
            probe[name] = value
    _http_get(probe)
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")


def _http_get(handler: Object) -> None:
    action = handler.get("httpGet")
    if isinstance(action, dict):
        action["path"] = action.get("path") or "/"
        action["scheme"] = action.get("scheme") or "HTTP"


def _volume(volume: Object) -> None:
    if not any(key != "name" for key in volume):
        volume["emptyDir"] = {}
    for name in ("configMap", "secret", "downwardAPI", "projected"):
        source = volume.get(name)
        if isinstance(source, dict):
            source.setdefault("defaultMode", 420)
    for item in _dicts(_get(volume, "downwardAPI", "items")):
        _field_ref(item)
    for source in _dicts(_get(volume, "projected", "sources")):
        if isinstance(source.get("serviceAccountToken"), dict):
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in _dicts(_get(source, "downwardAPI", "items")):
            _field_ref(item)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    if isinstance(_get(volume, "emptyDir", "sizeLimit"), str | int | float):
        volume["emptyDir"]["sizeLimit"] = quantity.canonical(volume["emptyDir"]["sizeLimit"])
    claim = _get(volume, "ephemeral", "volumeClaimTemplate")
    if isinstance(claim, dict):
        claim.setdefault("metadata", {})
        _claim_spec(_struct(claim, "spec"))


def _template(spec: Object) -> None:
    template = _struct(spec, "template")
    template.setdefault("metadata", {})
    pod_spec(_struct(template, "spec"))


def _pod(pod: Object) -> None:
    spec = _struct(pod, "spec")
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in [*_dicts(spec.get("initContainers")), *_dicts(spec.get("containers"))]:
        resources = container["resources"]
        limits = resources.get("limits")
        if isinstance(limits, dict) and limits:
            requests = resources.get("requests")
            resources["requests"] = {**limits, **(requests if isinstance(requests, dict) else {})}
    _struct(pod, "status")


def _deployment(obj: Object) -> None:
    spec = _struct(obj, "spec")
    _template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = _struct(spec, "strategy")
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = _struct(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    _struct(obj, "status")


def _replica_set(obj: Object) -> None:
    spec = _struct(obj, "spec")
    _template(spec)
    spec.setdefault("replicas", 1)
    _struct(obj, "status").setdefault("replicas", 0)


def _replication_controller(obj: Object) -> None:
    spec = _struct(obj, "spec")
    labels = _get(spec, "template", "metadata", "labels")
    if isinstance(labels, dict) and labels:
        spec.setdefault("selector", dict(labels))
        if not _get(obj, "metadata", "labels"):
            _struct(obj, "metadata")["labels"] = dict(labels)
    if isinstance(spec.get("template"), dict):
        _template(spec)
    spec.setdefault("replicas", 1)
    _struct(obj, "status").setdefault("replicas", 0)


def _stateful_set(obj: Object) -> None:
    spec = _struct(obj, "spec")
    _template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec["podManagementPolicy"] = spec.get("podManagementPolicy") or "OrderedReady"
    strategy = _struct(spec, "updateStrategy")
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        _struct(strategy, "rollingUpdate").setdefault("partition", 0)
    policy = _struct(spec, "persistentVolumeClaimRetentionPolicy")
    for name in ("whenDeleted", "whenScaled"):
        policy[name] = policy.get(name) or "Retain"
    spec.setdefault("serviceName", "")
    for claim in _dicts(spec.get("volumeClaimTemplates")):
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        claim.setdefault("metadata", {})
        _claim(claim)
    status = _struct(obj, "status")
    status.setdefault("availableReplicas", 0)
    status.setdefault("replicas", 0)


def _daemon_set(obj: Object) -> None:
    spec = _struct(obj, "spec")
    _template(spec)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = _struct(spec, "updateStrategy")
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = _struct(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    status = _struct(obj, "status")
    for name in ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"):
        status.setdefault(name, 0)


def _job_spec(spec: Object) -> None:
    _template(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    if spec.get("parallelism") is None:
        spec["parallelism"] = 1
    spec["completionMode"] = spec.get("completionMode") or "NonIndexed"
    # With a limit per index the total defaults to "no limit".
    spec.setdefault("backoffLimit", 2147483647 if spec.get("backoffLimitPerIndex") is not None else 6)
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    policy = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    spec["podReplacementPolicy"] = spec.get("podReplacementPolicy") or policy


def _job(obj: Object) -> None:
    spec = _struct(obj, "spec")
    _job_spec(spec)
    labels = _get(spec, "template", "metadata", "labels")
    if isinstance(labels, dict) and labels and not _get(obj, "metadata", "labels"):
        _struct(obj, "metadata")["labels"] = dict(labels)
    _struct(obj, "status")


def _cron_job(obj: Object) -> None:
    spec = _struct(obj, "spec")
    spec["concurrencyPolicy"] = spec.get("concurrencyPolicy") or "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    spec.setdefault("schedule", "")
    template = _struct(spec, "jobTemplate")
    template.setdefault("metadata", {})
    _template(_struct(template, "spec"))
    _struct(obj, "status")


def _service(obj: Object) -> None:
    spec = _struct(obj, "spec")
    spec["type"] = spec.get("type") or "ClusterIP"
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    if spec["sessionAffinity"] == "ClientIP":
        _struct(_struct(spec, "sessionAffinityConfig"), "clientIP").setdefault("timeoutSeconds", 10800)
    for port in _dicts(spec.get("ports")):
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
    _struct(_struct(obj, "status"), "loadBalancer")


def _claim_spec(spec: Object) -> None:
    spec.setdefault("volumeMode", "Filesystem")
    resources = _struct(spec, "resources")
    for part in ("limits", "requests"):
        if isinstance(resources.get(part), dict):
            _quantities(resources[part])


def _claim(obj: Object) -> None:
    _claim_spec(_struct(obj, "spec"))
    status = _struct(obj, "status")
    status["phase"] = status.get("phase") or "Pending"


def _volume_claimable(obj: Object) -> None:
    spec = _struct(obj, "spec")
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    spec.setdefault("volumeMode", "Filesystem")
    if isinstance(spec.get("capacity"), dict):
        _quantities(spec["capacity"])
    if isinstance(spec.get("hostPath"), dict):
        spec["hostPath"].setdefault("type", "")
    status = _struct(obj, "status")
    status["phase"] = status.get("phase") or "Pending"


def _secret(obj: Object) -> None:
    obj["type"] = obj.get("type") or "Opaque"
    texts = obj.pop("stringData", None)  # write-only: it is read into `data`
    if isinstance(texts, dict) and texts:
        coded = {key: base64.b64encode(str(value).encode()).decode() for key, value in texts.items()}
        obj["data"] = {**(obj.get("data") or {}), **coded}


def _namespace(obj: Object) -> None:
    _struct(obj, "spec")
    _struct(obj, "status")
    name = _get(obj, "metadata", "name")
    if isinstance(name, str) and name:
        labels = _struct(_struct(obj, "metadata"), "labels")
        labels["kubernetes.io/metadata.name"] = name


def _resource_quota(obj: Object) -> None:
    spec = _struct(obj, "spec")
    if isinstance(spec.get("hard"), dict):
        _quantities(spec["hard"])
    _struct(obj, "status")


def _limit_range(obj: Object) -> None:
    for limit in _dicts(_get(obj, "spec", "limits")):
        for part in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            if isinstance(limit.get(part), dict):
                _quantities(limit[part])
        if limit.get("type") != "Container":
            continue
        # SetDefaults_LimitRangeItem: default <- max; defaultRequest <- default, else min.
        default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
        request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
        for part, values in (("default", default), ("defaultRequest", request)):
            if values:
                limit[part] = values


def _node(obj: Object) -> None:
    _struct(obj, "spec")
    status = _struct(obj, "status")
    for part in ("capacity", "allocatable"):
        if isinstance(status.get(part), dict):
            _quantities(status[part])
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))
    _struct(_struct(status, "daemonEndpoints"), "kubeletEndpoint").setdefault("Port", 0)
    info = _struct(status, "nodeInfo")
    for name in (
        "architecture bootID containerRuntimeVersion kernelVersion kubeProxyVersion kubeletVersion machineID "
        "operatingSystem osImage systemUUID"
    ).split():
        info.setdefault(name, "")


def _webhooks(obj: Object, *, mutating: bool = False) -> None:
    for hook in _dicts(obj.get("webhooks")):
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        _pointer(hook, "namespaceSelector")
        _pointer(hook, "objectSelector")
        hook.setdefault("timeoutSeconds", 10)
        if mutating:
            hook.setdefault("reinvocationPolicy", "Never")
        config = _struct(hook, "clientConfig")
        if isinstance(config.get("service"), dict):
            config["service"].setdefault("port", 443)
        for rule in _dicts(hook.get("rules")):
            rule.setdefault("scope", "*")


def _admission_policy(obj: Object) -> None:
    spec = _struct(obj, "spec")
    spec.setdefault("failurePolicy", "Fail")
    constraints = spec.get("matchConstraints")
    if isinstance(constraints, dict):
        _match_resources(constraints)
    _struct(obj, "status")


def _admission_binding(obj: Object) -> None:
    resources = _get(obj, "spec", "matchResources")
    if isinstance(resources, dict):
        _match_resources(resources)
    reference = _get(obj, "spec", "paramRef")
    if isinstance(reference, dict):
        reference.setdefault("parameterNotFoundAction", "Deny")


def _match_resources(resources: Object) -> None:
    resources.setdefault("matchPolicy", "Equivalent")
    _pointer(resources, "namespaceSelector")
    _pointer(resources, "objectSelector")
    for part in ("resourceRules", "excludeResourceRules"):
        for rule in _dicts(resources.get(part)):
            rule.setdefault("scope", "*")


def _rules(obj: Object) -> None:
    obj.setdefault("rules", None)


def _role_binding(obj: Object) -> None:
    reference = obj.get("roleRef")
    if isinstance(reference, dict):
        reference["apiGroup"] = reference.get("apiGroup") or "rbac.authorization.k8s.io"
    for subject in _dicts(obj.get("subjects")):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = "rbac.authorization.k8s.io"


def _ingress(obj: Object) -> None:
    _struct(obj, "spec")
    _struct(_struct(obj, "status"), "loadBalancer")


def _network_policy(obj: Object) -> None:
    spec = _struct(obj, "spec")
    _struct(spec, "podSelector")
    for direction in ("ingress", "egress"):
        for rule in _dicts(spec.get(direction)):
            for port in _dicts(rule.get("ports")):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _disruption_budget(obj: Object) -> None:
    _struct(obj, "spec")
    status = _struct(obj, "status")
    for name in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"):
        status.setdefault(name, 0)


def _autoscaler(obj: Object) -> None:
    spec = _struct(obj, "spec")
    spec.setdefault("minReplicas", 1)
    if str(obj["apiVersion"]).endswith("/v1"):
        spec.setdefault("targetCPUUtilizationPercentage", 80) if not spec.get("metrics") else None
        status = _struct(obj, "status")
        status.setdefault("currentReplicas", 0)
        status.setdefault("desiredReplicas", 0)
        return
    if not spec.get("metrics"):
        target = {"averageUtilization": 80, "type": "Utilization"}
        spec["metrics"] = [{"resource": {"name": "cpu", "target": target}, "type": "Resource"}]
    status = _struct(obj, "status")
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
    for port in _dicts(obj.get("ports")):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _endpoints(obj: Object) -> None:
    for subset in _dicts(obj.get("subsets")):
        for port in _dicts(subset.get("ports")):
            port.setdefault("protocol", "TCP")


def _event(obj: Object) -> None:
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(name, None)
    for name in ("source", "involvedObject"):
        _struct(obj, name)
    obj.setdefault("reportingComponent", "")
    obj.setdefault("reportingInstance", "")


def _spec_and_status(obj: Object) -> None:
    _struct(obj, "spec")
    _struct(obj, "status")


def _spec(obj: Object) -> None:
    _struct(obj, "spec")


def _quantities(values: Object) -> None:
    for name, value in values.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            values[name] = quantity.canonical(value)


def _struct(parent: Object, name: str) -> Object:
    """Return the dict at `name`, made empty when it is absent or null, as Go writes a struct."""
    value = parent.get(name)
    if value is None:
        value = parent[name] = {}
    return value if isinstance(value, dict) else {}


def _pointer(parent: Object, name: str) -> None:
    if parent.get(name) is None:
        parent[name] = {}


def _dicts(values: object) -> list[Object]:
    return [v for v in values if isinstance(v, dict)] if isinstance(values, Iterable) else []


def _get(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


_KINDS: dict[tuple[str, str], Setter] = {
    ("", "Pod"): _pod,
    ("", "PodTemplate"): _template,
    ("", "ReplicationController"): _replication_controller,
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "PersistentVolume"): _volume_claimable,
    ("", "Secret"): _secret,
    ("", "Namespace"): _namespace,
    ("", "ResourceQuota"): _resource_quota,
    ("", "LimitRange"): _limit_range,
    ("", "Node"): _node,
    ("", "Endpoints"): _endpoints,
    ("", "Event"): _event,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
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
