"""Give Services their cluster addresses and node ports. Pure: what is taken is read from the other Services.

Source: `pkg/registry/core/service/storage/alloc.go` of Kubernetes.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

NETWORK = ipaddress.ip_network("10.0.0.0/24")
NODE_PORTS = range(30000, 32768)
API_SERVER = str(NETWORK[1])


def allocate(service: Object, old: Object | None, others: Iterable[Object]) -> None:
    """Fill in clusterIP, its list, the address families and node ports; keep what the old object has."""
    spec = service.setdefault("spec", {})
    if spec.get("type") == "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            spec.pop(name, None)
        return
    before = (old or {}).get("spec") or {}
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and before.get(name) and before.get("type") != "ExternalName":
            spec[name] = before[name]
    taken = [other for other in others if _same(other) != _same(service)]
    if not spec.get("clusterIP"):
        spec["clusterIP"] = _address({(o.get("spec") or {}).get("clusterIP") for o in taken})
    spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4"]
    _node_ports(spec, before, taken)


def _same(service: Object) -> tuple[str, str]:
    metadata = service.get("metadata") or {}
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _address(taken: set[str | None]) -> str:
    free = [str(address) for address in NETWORK.hosts() if str(address) not in taken | {API_SERVER}]
    return random.choice(free) if free else ""  # noqa: S311 -- an address, not a secret


def _node_ports(spec: Object, before: Object, others: list[Object]) -> None:
    ports = spec.get("ports") or []
    balanced = spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    if spec.get("type") != "NodePort" and not balanced:
        if spec.get("type") == "ClusterIP" and before.get("type") in ("NodePort", "LoadBalancer"):
            _drop_node_ports(ports, before)
        return
    used = {p.get("nodePort") for o in others for p in (o.get("spec") or {}).get("ports") or ()}
    used |= {p.get("nodePort") for p in ports}
    kept = {(p.get("port"), p.get("protocol")): p.get("nodePort") for p in before.get("ports") or ()}
    for port in ports:
        if not port.get("nodePort"):
            known = kept.get((port.get("port"), port.get("protocol")))
            port["nodePort"] = known or _free_port(used)
            used.add(port["nodePort"])


def _free_port(used: set[Any]) -> int:
    return random.choice([port for port in NODE_PORTS if port not in used])  # noqa: S311 -- not a secret


def _drop_node_ports(ports: list[Object], before: Object) -> None:
    old = {p.get("nodePort") for p in before.get("ports") or ()}
    for port in ports:
        if port.get("nodePort") in old:
            port.pop("nodePort", None)
