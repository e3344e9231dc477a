"""Cells of Service, Endpoints, EndpointSlice, Ingress and NetworkPolicy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers.columns import Object, printer
from pratique.devcluster.printers.texts import get, label_selector, labels, limited, name_and_age


def _load_balancer(status: Any) -> str:
    found = {entry.get("ip") or entry.get("hostname") or "" for entry in get(status, "ingress") or ()}
    return ",".join(sorted(found - {""}))


def _external_ip(spec: Object, status: Object) -> str:
    external = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(external) or "<none>"
        case "LoadBalancer":
            balancer = _load_balancer(status.get("loadBalancer"))
            return ",".join([*balancer.split(","), *external] if balancer else external) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return "<unknown>"


def _port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}"


def _service(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name,
        spec.get("type", ""),
        spec.get("clusterIP") or "<none>",
        _external_ip(spec, status),
        ",".join(map(_port, spec.get("ports") or ())) or "<none>",
        since,
        labels(spec.get("selector")),
    ]


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [a.get("ip", "") for a in subset.get("addresses") or ()]
        ports = [p.get("port") for p in subset.get("ports") or ()]
        found += [f"{ip}:{port}" for port in ports for ip in addresses] if ports else addresses
    return [name, limited(found, 3) if obj.get("subsets") else "<none>", since]


def _endpoint_slice(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    ports = [str(p.get("port") if p.get("port") is not None else "*") for p in obj.get("ports") or ()]
    found = [a for endpoint in obj.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return [
        name,
        obj.get("addressType", ""),
        limited(ports, 3) or "<unset>",
        limited(found, 3) or "<unset>",
        since,
    ]


def _hosts(rules: list[Object]) -> str:
    hosts: list[str] = []
    for rule in rules:
        if len(hosts) == 3:
            return f"{','.join(hosts)} + {len(rules) - 3} more..."
        if rule.get("host"):
            hosts.append(rule["host"])
    return ",".join(hosts) or "*"


def _ingress(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec = obj.get("spec") or {}
    address = _load_balancer(get(obj, "status", "loadBalancer"))
    ports = "80, 443" if spec.get("tls") else "80"
    return [
        name,
        spec.get("ingressClassName") or "<none>",
        _hosts(spec.get("rules") or []),
        address,
        ports,
        since,
    ]


def _ingress_class(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    reference = get(obj, "spec", "parameters") or {}
    group = f".{reference['apiGroup']}" if reference.get("apiGroup") else ""
    parameters = (
        f"{reference['kind']}{group}/{reference.get('name', '')}" if reference.get("kind") else "<none>"
    )
    return [name, get(obj, "spec", "controller") or "", parameters, since]


def _network_policy(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, label_selector(get(obj, "spec", "podSelector")), since]


PRINTERS = {
    ("", "Service"): printer("Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*", _service),
    ("", "Endpoints"): printer("Name, Endpoints, Age", _endpoints),
    ("discovery.k8s.io", "EndpointSlice"): printer(
        "Name, AddressType, Ports, Endpoints, Age", _endpoint_slice
    ),
    ("networking.k8s.io", "Ingress"): printer("Name, Class, Hosts, Address, Ports, Age", _ingress),
    ("networking.k8s.io", "IngressClass"): printer("Name, Controller, Parameters, Age", _ingress_class),
    ("networking.k8s.io", "NetworkPolicy"): printer("Name, Pod-Selector, Age", _network_policy),
}
