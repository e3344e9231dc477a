"""Rules of Service, Ingress and NetworkPolicy.

Sources: `pkg/apis/{core,networking}/validation` of Kubernetes.
"""

from __future__ import annotations

import ipaddress

from pratique.devcluster.validation import fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, status

PROTOCOLS = ["SCTP", "TCP", "UDP"]
_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
_HEADLESS = "None"


def _service(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    kind, ports = spec.get("type", ""), spec.get("ports") or []
    headless = spec.get("clusterIP") == _HEADLESS
    errors: Errors = []
    if not ports and not headless and kind != "ExternalName":
        errors.append(status.required("spec.ports"))
    if headless and kind in ("LoadBalancer", "NodePort"):
        words = f"may not be set to 'None' for {kind} services"
        errors.append(status.invalid("spec.clusterIPs[0]", _HEADLESS, words))
    if kind == "ExternalName":
        errors += _external_name(spec)
    seen: set[str] = set()
    for at, port in fields.dicts(ports):
        errors += _service_port(f"spec.ports[{at}]", port, seen, named=len(ports) > 1)
    errors += fields.labels("spec.selector", spec.get("selector"))
    errors += fields.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ["ClientIP", "None"])
    errors += _addresses(spec)
    errors += fields.one_of("spec.type", kind, _TYPES)
    return errors + _port_conflicts(spec)


def _external_name(spec: Object) -> Errors:
    name = str(spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [status.required("spec.externalName")]
    return fields.each("spec.externalName", name, names.is_dns1123_subdomain)


def _service_port(path: str, port: Object, seen: set[str], *, named: bool) -> Errors:
    name = port.get("name") or ""
    errors: Errors = []
    if named and not name:
        errors.append(status.required(f"{path}.name"))
    elif name:
        errors += fields.each(f"{path}.name", name, names.is_dns1123_label)
        if name in seen:
            errors.append(status.duplicate(f"{path}.name", name))
        seen.add(name)
    errors += fields.port(f"{path}.port", port.get("port"))
    errors += fields.one_of(f"{path}.protocol", port.get("protocol"), PROTOCOLS)
    return errors + fields.port_or_name(f"{path}.targetPort", port.get("targetPort", port.get("port")))


def _addresses(spec: Object) -> Errors:
    errors: Errors = []
    for at, address in enumerate(spec.get("clusterIPs") or ()):
        if address not in (_HEADLESS, "") and not _is_address(address):
            errors.append(status.invalid(f"spec.clusterIPs[{at}]", address, _NOT_AN_ADDRESS))
    for at, address in enumerate(spec.get("externalIPs") or ()):
        if not _is_address(address):
            errors.append(status.invalid(f"spec.externalIPs[{at}]", address, _NOT_AN_ADDRESS))
    return errors


_NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port_conflicts(spec: Object) -> Errors:
    errors: Errors = []
    seen: set[tuple[object, object]] = set()
    for at, port in fields.dicts(spec.get("ports")):
        node_port = port.get("nodePort")
        if not node_port:
            continue
        path = f"spec.ports[{at}].nodePort"
        if spec.get("type") == "ClusterIP":
            errors.append(status.forbidden(path, "may not be used when `type` is 'ClusterIP'"))
        elif (port.get("protocol"), node_port) in seen:
            errors.append(status.duplicate(path, node_port))
        seen.add((port.get("protocol"), node_port))
    pairs: set[tuple[object, object]] = set()
    for at, port in fields.dicts(spec.get("ports")):
        pair = (port.get("protocol"), port.get("port"))
        if pair in pairs:
            empty = {"Name": "", "Protocol": pair[0], "AppProtocol": None, "Port": pair[1]}
            shown = {**empty, "TargetPort": 0, "NodePort": 0}
            errors.append(status.duplicate(f"spec.ports[{at}]", shown))
        pairs.add(pair)
    return errors


def _service_update(obj: Object, old: Object) -> Errors:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if "ExternalName" in (spec.get("type"), before.get("type")) or not before.get("clusterIP"):
        return []
    if spec.get("clusterIP") == before["clusterIP"]:
        return []
    value = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
    return [status.invalid("spec.clusterIPs[0]", value, "may not change once set")]


def _ingress(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    if not spec.get("rules") and not spec.get("defaultBackend"):
        words = "either `defaultBackend` or `rules` must be specified"
        errors.append(status.invalid("spec", spec.get("rules"), words))
    if isinstance(spec.get("defaultBackend"), dict):
        errors += _backend("spec.defaultBackend", spec["defaultBackend"])
    for at, rule in fields.dicts(spec.get("rules")):
        errors += _ingress_rule(f"spec.rules[{at}]", rule)
    if spec.get("ingressClassName"):
        errors += fields.each("spec.ingressClassName", spec["ingressClassName"], names.is_dns1123_subdomain)
    return errors


def _ingress_rule(path: str, rule: Object) -> Errors:
    host = rule.get("host") or ""
    errors: Errors = []
    if _is_address(host):
        errors.append(status.invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
    elif host:
        checked = host.removeprefix("*.") if host.startswith("*.") else host
        for message in names.is_dns1123_subdomain(checked):
            errors.append(status.invalid(f"{path}.host", host, message))
    http = rule.get("http")
    if not isinstance(http, dict):
        return errors
    if not http.get("paths"):
        errors.append(status.required(f"{path}.http.paths"))
    for at, entry in fields.dicts(http.get("paths")):
        errors += _ingress_path(f"{path}.http.paths[{at}]", entry)
    return errors


def _ingress_path(path: str, entry: Object) -> Errors:
    kind, text = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        return [status.required(f"{path}.pathType", "pathType must be specified")]
    errors: Errors = []
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.append(status.invalid(f"{path}.path", text, "must be an absolute path"))
        for part in ("//", "/./", "/../", "%2f", "%2F"):
            if part in text:
                errors.append(status.invalid(f"{path}.path", text, f"must not contain '{part}'"))
        for part in ("/..", "/."):
            if text.endswith(part):
                errors.append(status.invalid(f"{path}.path", text, f"cannot end with '{part}'"))
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(status.invalid(f"{path}.path", text, "must be an absolute path"))
    else:
        allowed = ["Exact", "ImplementationSpecific", "Prefix"]
        errors.append(status.unsupported(f"{path}.pathType", kind, allowed))
    return errors + _backend(f"{path}.backend", entry.get("backend") or {})


def _backend(path: str, backend: Object) -> Errors:
    service: Object = backend.get("service") or {}
    resource: Object = backend.get("resource") or {}
    if service and resource:
        return [status.invalid(path, "", "cannot set both resource and service backends")]
    if not service and not resource:
        return [status.invalid(path, "", "resource or service backend is required")]
    errors: Errors = []
    if resource:
        return [status.required(f"{path}.resource.{n}") for n in ("kind", "name") if not resource.get(n)]
    if not service.get("name"):
        errors.append(status.required(f"{path}.service.name"))
    else:
        errors += fields.each(f"{path}.service.name", service["name"], names.is_dns1035_label)
    port = service.get("port") or {}
    name, number = port.get("name"), port.get("number")
    if name and number:
        errors.append(status.invalid(path, "", "cannot set both port name & port number"))
    elif name:
        errors += fields.each(f"{path}.service.port.name", name, fields.port_name)
    elif number:
        errors += fields.port(f"{path}.service.port.number", number)
    else:
        errors.append(status.required(path, "port name or number is required"))
    return errors


def _network_policy(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = fields.label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for at, rule in fields.dicts(spec.get(direction)):
            path = f"spec.{direction}[{at}]"
            for index, port in fields.dicts(rule.get("ports")):
                errors += _policy_port(f"{path}.ports[{index}]", port)
            for index, peer in fields.dicts(rule.get(peers)):
                errors += _policy_peer(f"{path}.{peers}[{index}]", peer)
    kinds = spec.get("policyTypes") or []
    if len(kinds) > 2:
        words = "may not specify more than two policyTypes"
        return [*errors, status.invalid("spec.policyTypes", kinds, words)]
    for at, kind in enumerate(kinds):
        errors += fields.one_of(f"spec.policyTypes[{at}]", kind, ["Ingress", "Egress"])
    return errors


def _policy_port(path: str, port: Object) -> Errors:
    errors: Errors = []
    if port.get("protocol") not in (None, *PROTOCOLS):
        errors.append(status.unsupported(f"{path}.protocol", port["protocol"], PROTOCOLS))
    if port.get("port") is not None:
        errors += fields.port_or_name(f"{path}.port", port["port"])
    end = port.get("endPort")
    if end is not None and port.get("port") is None:
        words = "may not be specified when `port` is not specified"
        errors.append(status.invalid(f"{path}.endPort", end, words))
    elif end is not None and isinstance(port["port"], int) and end < port["port"]:
        errors.append(status.invalid(f"{path}.endPort", end, "must be greater than or equal to `port`"))
    return errors


def _policy_peer(path: str, peer: Object) -> Errors:
    errors: Errors = []
    for name in ("podSelector", "namespaceSelector"):
        errors += fields.label_selector(f"{path}.{name}", peer.get(name))
    block = peer.get("ipBlock")
    if not any(name in peer for name in ("podSelector", "namespaceSelector", "ipBlock")):
        errors.append(status.required(path, "must specify a peer"))
    elif block is not None and len(peer) > 1:
        words = "may not specify both ipBlock and another peer"
        errors.append(status.forbidden(path, words))
    elif isinstance(block, dict) and not block.get("cidr"):
        errors.append(status.required(f"{path}.ipBlock.cidr"))
    return errors


RULES = {
    ("", "Service"): _service,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
}
UPDATES = {("", "Service"): _service_update}
