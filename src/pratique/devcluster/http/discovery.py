"""Which groups, versions and resources there are: aggregated discovery and its older form.

In comes the registry, out go the documents of `/api`, `/apis` and below. Knows no objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from pratique.devcluster.http.messages import Request, Response, answer
from pratique.devcluster.registry import Registry, Resource

Object = dict[str, Any]
VERSION: Object = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": "v1.34.1",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "cpython",
    "platform": "linux/amd64",
}
_GROUP_ORDER = ("", "apps", "batch", "autoscaling", "policy")
_VERBS = {
    "scale": ("get", "patch", "update"),
    "status": ("get", "patch", "update"),
    "ephemeralcontainers": ("get", "patch", "update"),
    "resize": ("get", "patch", "update"),
    "approval": ("get", "patch", "update"),
    "finalize": ("update",),
    "log": ("get",),
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
}
_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}


def groups(registry: Registry) -> dict[str, dict[str, list[Resource]]]:
    """Return served resources by group and version, in the order in which they are shown."""
    found: dict[str, dict[str, list[Resource]]] = {}
    for resource in registry.served():
        found.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
    for versions in found.values():
        for resources in versions.values():
            resources.sort(key=lambda resource: resource.plural)
    first = [name for name in _GROUP_ORDER if name in found]
    built_in = [name for name in found if name not in first and not _is_custom(found[name])]
    custom = sorted(name for name in found if name not in first and _is_custom(found[name]))
    return {name: found[name] for name in (*first, *built_in, *custom)}


def _is_custom(versions: dict[str, list[Resource]]) -> bool:
    return any(resource.custom for resources in versions.values() for resource in resources)


def _kind(group: str, version: str, kind: str) -> Object:
    return {"group": group, "version": version, "kind": kind}


def _subresource_kind(resource: Resource, name: str) -> tuple[str, str, str]:
    return _KINDS.get(name, (resource.group, resource.version, resource.kind))


def aggregated(registry: Registry, *, core: bool, version: str) -> Response:
    """Answer one document on all groups."""
    items = []
    for name, versions in groups(registry).items():
        if (name == "") is not core:
            continue
        shown = [
            {
                "version": key,
                "resources": [_aggregated_resource(item) for item in resources],
                "freshness": "Current",
            }
            for key, resources in versions.items()
        ]
        metadata = {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": shown})
    document = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }
    media = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return Response(200, orjson.dumps(document), media, (("vary", "Accept"),))


def _aggregated_resource(resource: Resource) -> Object:
    made: Object = {
        "resource": resource.plural,
        "responseKind": _kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        made["shortNames"] = list(resource.short_names)
    if resource.categories:
        made["categories"] = list(resource.categories)
    if resource.subresources:
        made["subresources"] = [
            {
                "subresource": name,
                "responseKind": _kind(*_subresource_kind(resource, name)),
                "verbs": list(verbs_of(name)),
            }
            for name in resource.subresources
        ]
    return made


def _group(name: str, versions: Iterable[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def legacy_core(request: Request) -> Response:
    """Answer `/api` in its older form."""
    address = request.headers.get("host", "127.0.0.1")
    pairs = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": pairs})


def legacy_groups(registry: Registry) -> Response:
    """Answer `/apis` in its older form."""
    listed = [_group(name, versions) for name, versions in groups(registry).items() if name]
    return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})


def legacy_group(registry: Registry, name: str) -> Response | None:
    """Answer `/apis/GROUP`."""
    versions = groups(registry).get(name)
    if not versions or not name:
        return None
    return answer({"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)})


def legacy_resources(registry: Registry, group: str, version: str) -> Response | None:
    """Answer `/apis/GROUP/VERSION`."""
    resources = groups(registry).get(group, {}).get(version)
    if resources is None:
        return None
    listed: list[Object] = []
    for resource in resources:
        own: Object = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            own["shortNames"] = list(resource.short_names)
        if resource.categories:
            own["categories"] = list(resource.categories)
        listed.append(own)
        for name in resource.subresources:
            kind_group, kind_version, kind = _subresource_kind(resource, name)
            entry: Object = {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": kind,
                "verbs": list(verbs_of(name)),
            }
            if (kind_group, kind_version) != (group, version):
                entry |= {"group": kind_group, "version": kind_version}
            listed.append(entry)
    group_version = f"{group}/{version}" if group else version
    head = {"kind": "APIResourceList", "groupVersion": group_version, "resources": listed}
    return answer({"apiVersion": "v1", **head} if group else head)


def verbs_of(subresource: str) -> tuple[str, ...]:
    """Return what can be done with a subresource."""
    return _VERBS.get(subresource, ("get", "patch", "update"))


def wants_aggregated(request: Request) -> str:
    """Return the version of aggregated discovery that a client asks for, or nothing."""
    for form in request.forms():
        if form.shape == "APIGroupDiscoveryList" and form.version in ("v2", "v2beta1"):
            return form.version
    return ""
