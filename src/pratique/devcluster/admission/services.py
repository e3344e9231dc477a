"""Where a webhook's clientConfig leads: its url, or a ready pod behind its Service. Pure."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlsplit

from pratique.devcluster.admission.attributes import Cluster, Object
from pratique.devcluster.admission.caller import Target

_turn = itertools.count()  # webhooks behind a Service are asked in turn, as a Service spreads its load


class UnreachableError(Exception):
    """A clientConfig names nothing that could be called now."""


def target(config: Object, cluster: Cluster, *, seconds: int) -> Target:
    """Return what to call, or raise UnreachableError with the API server's words."""
    bundle = str(config.get("caBundle") or "")
    reference = config.get("service")
    if not reference:
        url = str(config.get("url") or "")
        return Target(url, url, "", bundle)
    namespace, name = str(reference.get("namespace", "")), str(reference.get("name", ""))
    port, path = int(reference.get("port") or 443), str(reference.get("path") or "/")
    host = f"{name}.{namespace}.svc"
    url = f"https://{host}:{port}{path if path.startswith('/') else '/' + path}"
    said = f'Post "{url}?timeout={seconds}s": '
    address = backend(cluster, namespace, name, port=port, said=said)
    return Target(url, f"https://{address}{urlsplit(url).path}", host, bundle)


def backend(cluster: Cluster, namespace: str, name: str, *, port: int, said: str = "") -> str:
    """Return `address:port` of a ready pod behind a Service's port."""
    service = cluster.get("services", name, namespace)
    if service is None:
        raise UnreachableError(f'{said}service "{name}" not found')
    ports = (service.get("spec") or {}).get("ports") or ()
    entry = next((p for p in ports if p.get("port") == port), None)
    if entry is None:
        raise UnreachableError(f'{said}no service port {port} found for service "{name}"')
    found = []
    endpoints = cluster.get("endpoints", name, namespace) or {}
    for subset in endpoints.get("subsets") or ():
        numbers = [p["port"] for p in subset.get("ports") or () if p.get("name", "") == entry.get("name", "")]
        found += [f"{a['ip']}:{number}" for number in numbers for a in subset.get("addresses") or ()]
    if not found:
        raise UnreachableError(f'{said}no endpoints available for service "{name}"')
    return found[next(_turn) % len(found)]


def resolve_port(wanted: Any, pod: Object) -> int | None:
    """Return the number of a Service's targetPort on a pod: itself, or that of the named container port."""
    if isinstance(wanted, int):
        return wanted
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == wanted:
                return int(port["containerPort"])
    return int(wanted) if isinstance(wanted, str) and wanted.isdigit() else None
