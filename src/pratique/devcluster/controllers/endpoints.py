"""Keep Endpoints and one EndpointSlice for each Service with a selector.

Sources: `pkg/controller/endpoint` and `endpointslice` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pratique.devcluster.admission.services import resolve_port
from pratique.devcluster.controllers import pods
from pratique.devcluster.controllers.base import (
    Controller,
    Object,
    copied,
    deleting,
    key_of,
    name_of,
    namespace_of,
    now,
    owned_by,
    owner_reference,
    split,
)

SLICES = "endpointslices.discovery.k8s.io"
_NAME = "kubernetes.io/service-name"
_MANAGED = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslice-controller.k8s.io"


class Endpoints(Controller):
    """The endpoints and the endpoint slice controller in one."""

    name = "endpoint-controller"
    watches = ("services", "pods")

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the Service, or those that select (or may have selected) a pod."""
        if resource == "services":
            return [key_of(obj)]
        labels = (obj["metadata"].get("labels") or {}).items()
        found = self.api.list("services", namespace_of(obj))
        changed = change == "MODIFIED"  # its labels may have changed
        return [key_of(s) for s in found if _selector(s) and (changed or _selector(s).items() <= labels)]

    async def sync(self, key: str) -> None:
        """Write down which pods stand behind a Service."""
        namespace, name = split(key)
        service = self.api.get("services", name, namespace)
        if service is None:
            if self.api.get("endpoints", name, namespace) is not None:
                await self.api.delete("endpoints", name, namespace=namespace, user=self.user)
            return
        if deleting(service) or not _selector(service):
            return
        behind = [
            pod
            for pod in self.api.list("pods", namespace)
            if _selector(service).items() <= (pod["metadata"].get("labels") or {}).items()
            and (pod.get("status") or {}).get("podIP")
            and pods.phase(pod) not in ("Succeeded", "Failed")
            and not deleting(pod)
        ]
        await self._write_endpoints(service, behind)
        await self._write_slice(service, behind)

    async def _write_endpoints(self, service: Object, behind: list[Object]) -> None:
        name, namespace = name_of(service), namespace_of(service)
        subsets = _subsets(service, behind)
        old = self.api.get("endpoints", name, namespace)
        labels = {**(service["metadata"].get("labels") or {}), _MANAGED: "endpoint-controller"}
        if old is None:
            made: Object = {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {"name": name, "labels": labels},
            }
            if subsets:
                made["subsets"] = subsets
            await self.api.create("endpoints", made, namespace=namespace, user=self.user)
        elif (old.get("subsets") or []) != subsets or old["metadata"].get("labels") != labels:
            changed = {**copied(old), "subsets": subsets}
            changed["metadata"]["labels"] = labels
            await self.api.update("endpoints", changed, user=self.user)

    async def _write_slice(self, service: Object, behind: list[Object]) -> None:
        namespace = namespace_of(service)
        labels = {
            **(service["metadata"].get("labels") or {}),
            _MANAGED: _MANAGER,
            _NAME: name_of(service),
        }
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        body = {"endpoints": [_endpoint(pod) for pod in behind], "ports": _slice_ports(service, behind)}
        old = next((s for s in self.api.list(SLICES, namespace) if owned_by(s, service)), None)
        if old is None:
            metadata = {
                "generateName": f"{name_of(service)}-",
                "labels": labels,
                "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": now()},
                "ownerReferences": [owner_reference(service)],
            }
            made = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
            await self.api.create(
                SLICES, {**made, "addressType": "IPv4", **body}, namespace=namespace, user=self.user
            )
        elif any(old.get(field) != value for field, value in body.items()):
            await self.api.update(SLICES, {**copied(old), **body}, user=self.user)


def _selector(service: Object) -> dict[str, str]:
    return dict((service.get("spec") or {}).get("selector") or {})


def _reference(pod: Object) -> Object:
    return {
        "kind": "Pod",
        "namespace": namespace_of(pod),
        "name": name_of(pod),
        "uid": pod["metadata"]["uid"],
    }


def _numbers(service: Object, pod: Object) -> tuple[tuple[str, int, str], ...]:
    found = []
    for port in service["spec"].get("ports") or ():
        number = resolve_port(port.get("targetPort", port.get("port")), pod)
        if number is not None:
            found.append((str(port.get("name", "")), number, str(port.get("protocol", "TCP"))))
    return tuple(found)


def _subsets(service: Object, behind: list[Object]) -> list[Object]:
    """Group addresses by the ports that they offer, ready ones and others apart."""
    groups: dict[tuple[tuple[str, int, str], ...], dict[str, list[Object]]] = {}
    for pod in behind:
        kinds = groups.setdefault(_numbers(service, pod), {})
        field = "addresses" if _counts_as_ready(service, pod) else "notReadyAddresses"
        entry = {"ip": pod["status"]["podIP"], "targetRef": _reference(pod)}
        if (pod.get("spec") or {}).get("nodeName"):
            entry["nodeName"] = pod["spec"]["nodeName"]
        kinds.setdefault(field, []).append(entry)
    made = []
    for numbers, kinds in groups.items():
        subset: dict[str, Any] = {
            field: sorted(kinds[field], key=lambda entry: str(entry["ip"]))
            for field in ("addresses", "notReadyAddresses")
            if field in kinds
        }
        ports = [
            {**({"name": name} if name else {}), "port": number, "protocol": protocol}
            for name, number, protocol in numbers
        ]
        made.append({**subset, **({"ports": ports} if ports else {})})
    return made


def _counts_as_ready(service: Object, pod: Object) -> bool:
    return pods.ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))


def _endpoint(pod: Object) -> Object:
    good = pods.ready(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": good, "serving": good, "terminating": False},
        "nodeName": (pod.get("spec") or {}).get("nodeName", ""),
        "targetRef": _reference(pod),
    }


def _slice_ports(service: Object, behind: list[Object]) -> list[Object]:
    if not behind:
        return []
    return [
        {"name": name, "port": number, "protocol": protocol}
        for name, number, protocol in _numbers(service, behind[0])
    ]
