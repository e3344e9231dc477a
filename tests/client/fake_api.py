"""A small Kubernetes API over HTTP for tests of the client and the agent: objects in memory, lists in chunks,
watches with history, faults on demand. It validates nothing; the embedded cluster and a real kube-apiserver
are for that."""

from __future__ import annotations

import asyncio
import copy
import itertools
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from pratique.client import resources
from pratique.client.kube import KubeClient
from pratique.client.kubeconfig import Connection
from pratique.client.resources import Resource
from pratique.kube import patch

VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})

SERVED = [
    resources.NAMESPACES,
    resources.PODS,
    resources.SECRETS,
    resources.EVENTS,
    Resource("", "v1", "configmaps", "ConfigMap", namespaced=True),
    Resource("", "v1", "services", "Service", namespaced=True),
    Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True),
    resources.DEPLOYMENTS,
    resources.LEASES,
    resources.CRDS,
    resources.VALIDATING_WEBHOOKS,
    resources.MUTATING_WEBHOOKS,
    *resources.MUTATORS,
    resources.EXPANSION_TEMPLATES,
    resources.PROVIDERS,
    resources.TEMPLATES,
    resources.CONFIGS,
    resources.SYNCSETS,
    Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", namespaced=True),
    Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole"),
    Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding"),
    Resource("rbac.authorization.k8s.io", "v1", "roles", "Role", namespaced=True),
    Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", namespaced=True),
]


class FakeApi:
    def __init__(self) -> None:
        self.resources: list[Resource] = list(SERVED)
        self.objects: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
        self.events: list[tuple[int, tuple[str, str, str], str, dict[str, Any]]] = []
        self.floor = 0
        self.log: list[tuple[str, str]] = []
        self.faults: list[Callable[[web.Request], web.Response | None]] = []
        self.establish = True
        self._version = itertools.count(100)
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._snapshots: dict[str, tuple[list[dict[str, Any]], int]] = {}
        self._watching: set[web.StreamResponse] = set()
        self.port = 0

    async def __aenter__(self) -> FakeApi:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    def client(self, **changes: Any) -> KubeClient:
        return KubeClient(Connection(server=f"http://127.0.0.1:{self.port}", **changes))

    # what tests do behind the API's back

    async def put(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        meta = obj["metadata"]
        return await self._store(resource, f"{meta.get('namespace', '')}/{meta['name']}", obj)

    async def remove(self, resource: Resource, name: str, namespace: str = "") -> None:
        await self._drop(resource, f"{namespace}/{name}")

    def get(self, resource: Resource, name: str, namespace: str = "") -> dict[str, Any] | None:
        return self._bucket(resource).get(f"{namespace}/{name}")

    def all(self, resource: Resource) -> list[dict[str, Any]]:
        return list(self._bucket(resource).values())

    async def forget_history(self) -> None:
        """Every open or later watch from an old version answers 410."""
        async with self._changed:
            self.floor = next(self._version)
            self.events.clear()
            self._changed.notify_all()

    # the API

    def _key(self, resource: Resource) -> tuple[str, str, str]:
        return (resource.group, resource.plural, "")

    def _bucket(self, resource: Resource) -> dict[str, dict[str, Any]]:
        return self.objects.setdefault(self._key(resource), {})

    async def _store(self, resource: Resource, key: str, obj: dict[str, Any]) -> dict[str, Any]:
        bucket = self._bucket(resource)
        old = bucket.get(key)
        new = copy.deepcopy(obj)
        meta = new["metadata"]
        new.setdefault("apiVersion", resource.api_version)
        new.setdefault("kind", resource.kind)
        if old is not None:
            bare = copy.deepcopy(old)
            bare["metadata"].pop("resourceVersion")
            meta.pop("resourceVersion", None)
            for name in ("uid", "creationTimestamp", "generation"):
                meta[name] = old["metadata"][name]
            if bare == new:
                return old
            if old.get("spec") != new.get("spec"):
                meta["generation"] = old["metadata"]["generation"] + 1
        else:
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
            meta["generation"] = 1
        if resource.plural == "customresourcedefinitions" and self.establish:
            new["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
            spec = new["spec"]
            for version in spec["versions"]:
                found = Resource(
                    spec["group"],
                    version["name"],
                    spec["names"]["plural"],
                    spec["names"]["kind"],
                    namespaced=spec["scope"] == "Namespaced",
                )
                if found not in self.resources:
                    self.resources.append(found)
        version_number = next(self._version)
        meta["resourceVersion"] = str(version_number)
        bucket[key] = new
        await self._announce(version_number, resource, "MODIFIED" if old else "ADDED", new)
        return new

    async def _drop(self, resource: Resource, key: str) -> dict[str, Any] | None:
        old = self._bucket(resource).pop(key, None)
        if old is not None:
            version = next(self._version)
            gone = copy.deepcopy(old)
            gone["metadata"]["resourceVersion"] = str(version)
            await self._announce(version, resource, "DELETED", gone)
        return old

    async def _announce(self, version: int, resource: Resource, kind: str, obj: dict[str, Any]) -> None:
        async with self._changed:
            self.events.append((version, self._key(resource), kind, obj))
            self._changed.notify_all()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.log.append((request.method, request.path))
        for fault in self.faults:
            if (answer := fault(request)) is not None:
                return answer
        parts = [part for part in request.path.split("/") if part]
        if parts == ["version"]:
            return web.json_response({"gitVersion": "v1.34.4"})
        if parts in (["api"], ["apis"]):
            return web.json_response(self._discovery(core=parts == ["api"]))
        group = "" if parts[0] == "api" else parts[1]
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        version = parts[1] if parts[0] == "api" else parts[2]
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        resource = next(
            (
                one
                for one in self.resources
                if (one.group, one.version, one.plural) == (group, version, rest[0])
            ),
            None,
        )
        if resource is None:
            return refusal(404, "NotFound", "the server could not find the requested resource")
        name, sub = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
        if not name:
            if request.method == "POST":
                return await self._create(request, resource, namespace)
            if request.query.get("watch"):
                return await self._watch(request, resource, namespace)
            return self._list(request, resource, namespace)
        return await self._one(request, resource, f"{namespace}/{name}", sub)

    def _discovery(self, *, core: bool) -> dict[str, Any]:
        groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for one in self.resources:
            if (one.group == "") == core:
                entry = {
                    "resource": one.plural,
                    "responseKind": {"group": one.group, "version": one.version, "kind": one.kind},
                    "scope": "Namespaced" if one.namespaced else "Cluster",
                    "verbs": sorted(VERBS),
                }
                groups.setdefault(one.group, {}).setdefault(one.version, []).append(entry)
        items = [
            {
                "metadata": {"name": group},
                "versions": [
                    {"version": version, "resources": entries, "freshness": "Current"}
                    for version, entries in versions.items()
                ],
            }
            for group, versions in groups.items()
        ]
        return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}

    def _selected(self, request: web.Request, obj: dict[str, Any], namespace: str) -> bool:
        meta = obj["metadata"]
        if namespace and meta.get("namespace") != namespace:
            return False
        if selector := request.query.get("fieldSelector"):
            field, _, value = selector.partition("=")
            assert field == "metadata.name"
            if meta["name"] != value:
                return False
        labels = meta.get("labels") or {}
        for pair in filter(None, request.query.get("labelSelector", "").split(",")):
            label, _, value = pair.partition("=")
            if labels.get(label) != value:
                return False
        return True

    def _list(self, request: web.Request, resource: Resource, namespace: str) -> web.Response:
        token = request.query.get("continue")
        if token:
            if token not in self._snapshots:
                return refusal(410, "Expired", "the provided continue parameter is too old")
            items, version = self._snapshots.pop(token)
        else:
            items = [
                one for one in self._bucket(resource).values() if self._selected(request, one, namespace)
            ]
            version = max([self.floor, *(number for number, *_ in self.events)], default=0)
        limit = int(request.query.get("limit") or 0) or len(items)
        page, rest = items[:limit], items[limit:]
        meta = {"resourceVersion": str(version)}
        if rest:
            meta["continue"] = str(uuid.uuid4())
            self._snapshots[meta["continue"]] = (rest, version)
        bare = [
            {key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in page
        ]
        return web.json_response({"kind": f"{resource.kind}List", "metadata": meta, "items": bare})

    async def _watch(self, request: web.Request, resource: Resource, namespace: str) -> web.StreamResponse:
        last = int(request.query.get("resourceVersion") or 0)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        key = self._key(resource)

        async def send(kind: str, obj: dict[str, Any]) -> None:
            await response.write(web.json_response({"type": kind, "object": obj}).body + b"\n")

        while True:
            async with self._changed:
                while self.floor <= last and not any(n > last and k == key for n, k, _, _ in self.events):
                    await self._changed.wait()
                too_old = self.floor > last
                fresh = [one for one in self.events if one[0] > last and one[1] == key]
            if too_old:
                await send("ERROR", status(410, "Expired", "too old resource version"))
                return response
            for number, _, kind, obj in fresh:
                last = max(last, number)
                if self._selected(request, obj, namespace):
                    await send(kind, obj)

    async def _create(self, request: web.Request, resource: Resource, namespace: str) -> web.Response:
        obj = await request.json()
        if resource.namespaced:
            obj["metadata"]["namespace"] = namespace
        key = f"{namespace}/{obj['metadata']['name']}"
        if key in self._bucket(resource):
            return refusal(
                409, "AlreadyExists", f'{resource.plural} "{obj["metadata"]["name"]}" already exists'
            )
        return web.json_response(await self._store(resource, key, obj), status=201)

    async def _one(self, request: web.Request, resource: Resource, key: str, sub: str) -> web.Response:
        bucket = self._bucket(resource)
        name = key.partition("/")[2]
        old = bucket.get(key)
        body = await request.json() if request.can_read_body else None
        kind = request.content_type
        if request.method == "PATCH" and kind == "application/apply-patch+yaml":
            new = patch.merge(old or {}, body)
            namespace = key.partition("/")[0]
            if namespace:
                new["metadata"]["namespace"] = namespace
            manager = {
                "manager": request.query["fieldManager"],
                "operation": "Apply",
                "fieldsV1": {"f:spec": {}},
            }
            others = [
                one
                for one in (old or {}).get("metadata", {}).get("managedFields", [])
                if one["manager"] != manager["manager"]
            ]
            new["metadata"]["managedFields"] = [*others, manager]
            return web.json_response(await self._store(resource, key, new), status=200 if old else 201)
        if old is None:
            return refusal(404, "NotFound", f'{resource.full_name} "{name}" not found')
        if request.method == "GET":
            return web.json_response(old)
        if request.method == "DELETE":
            uid = ((body or {}).get("preconditions") or {}).get("uid")
            if uid and uid != old["metadata"]["uid"]:
                return refusal(409, "Conflict", "the UID in the precondition does not match")
            await self._drop(resource, key)
            return web.json_response(status(200, "", ""))
        if request.method == "PATCH":
            if kind == "application/json-patch+json":
                body = patch.apply_json_patch(old, body)
            else:
                body = patch.merge(old, body)
        version = body["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            return refusal(409, "Conflict", "the object has been modified")
        if sub == "status":
            body = {**old, "status": body.get("status")}
        return web.json_response(await self._store(resource, key, body))


def status(code: int, reason: str, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}


def refusal(code: int, reason: str, message: str) -> web.Response:
    return web.json_response(status(code, reason, message), status=code)


async def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait until `condition()` holds, thirty seconds at most."""
    for _ in range(3000):
        if found := condition():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"never came true: {what or condition}")
