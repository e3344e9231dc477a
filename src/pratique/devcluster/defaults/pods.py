"""Defaults of pods and pod templates. Source: `pkg/apis/core/v1/defaults.go` of Kubernetes."""

from __future__ import annotations

from pratique.devcluster.defaults import claims, fields
from pratique.devcluster.defaults.fields import Object
from pratique.kube import quantity


def pod_spec(spec: Object) -> None:
    """Complete a pod's spec, in a pod or in a template."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    fields.struct(spec, "securityContext")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    _service_account(spec)
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for item in fields.dicts(spec.get(kind)):
            _container(item, host_network=spec.get("hostNetwork") is True)
    for volume in fields.dicts(spec.get("volumes")):
        _volume(volume)
    if isinstance(spec.get("overhead"), dict):
        fields.quantities(spec["overhead"])


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
    resources = fields.struct(container, "resources")
    for part in ("limits", "requests"):
        if isinstance(resources.get(part), dict):
            fields.quantities(resources[part])
    for port in fields.dicts(container.get("ports")):
        port.setdefault("protocol", "TCP")
        if host_network and not port.get("hostPort") and "containerPort" in port:
            port["hostPort"] = port["containerPort"]
    for variable in fields.dicts(container.get("env")):
        source = variable.get("valueFrom")
        if isinstance(source, dict):
            _field_ref(source)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])
    lifecycle = container.get("lifecycle")
    if isinstance(lifecycle, dict):
        for handler in fields.dicts(lifecycle.values()):
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
    for item in fields.dicts(fields.get(volume, "downwardAPI", "items")):
        _field_ref(item)
    for source in fields.dicts(fields.get(volume, "projected", "sources")):
        if isinstance(source.get("serviceAccountToken"), dict):
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in fields.dicts(fields.get(source, "downwardAPI", "items")):
            _field_ref(item)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    if isinstance(fields.get(volume, "emptyDir", "sizeLimit"), str | int | float):
        volume["emptyDir"]["sizeLimit"] = quantity.canonical(volume["emptyDir"]["sizeLimit"])
    claim = fields.get(volume, "ephemeral", "volumeClaimTemplate")
    if isinstance(claim, dict):
        claim.setdefault("metadata", {})
        claims.claim_spec(fields.struct(claim, "spec"))


def template(spec: Object) -> None:
    """Complete the pod template in a workload's spec."""
    template = fields.struct(spec, "template")
    template.setdefault("metadata", {})
    pod_spec(fields.struct(template, "spec"))


def pod(pod: Object) -> None:
    """Complete a pod."""
    spec = fields.struct(pod, "spec")
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in [*fields.dicts(spec.get("initContainers")), *fields.dicts(spec.get("containers"))]:
        resources = container["resources"]
        limits = resources.get("limits")
        if isinstance(limits, dict) and limits:
            requests = resources.get("requests")
            resources["requests"] = {**limits, **(requests if isinstance(requests, dict) else {})}
    fields.struct(pod, "status")
