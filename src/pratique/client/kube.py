"""The Kubernetes API over plain dicts: one thin asynchronous client on aiohttp and orjson.

In: a `Connection`, `Resource`s, JSON objects as dicts. Out: JSON objects as dicts, or an `ApiError`
read from the server's `Status`. Knows no kinds beyond what discovery says, keeps nothing but the
connection and the discovery document.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, Self

import aiohttp
import orjson

from pratique.client import kubeconfig, resources
from pratique.client.credentials import Credentials
from pratique.client.kubeconfig import Connection
from pratique.client.resources import Discovery, Resource
from pratique.errors import (
    ConflictError,
    DeniedError,
    InputError,
    NotFoundError,
    PratiqueError,
    UnavailableError,
)

Object = dict[str, Any]
Objects = list[Object]
Page = tuple[Objects, str]
Found = list[Resource]
Names = list[str]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
PAGE = 500
# Bookmarks come about every minute; a watch that is silent for longer has lost its connection.
WATCH_SILENCE = 120
USER_AGENT = "pratique"


class ApiError(PratiqueError):
    """The API server refused; `code`, `reason` and `details` are those of its `Status`."""

    code = 0
    reason = ""
    details: Mapping[str, Any] = {}


class MissingError(ApiError, NotFoundError):
    """404: no such object, or no such resource."""


class ClashError(ApiError, ConflictError):
    """409: it exists already, somebody else changed it meanwhile, or owns its fields."""


class ExpiredError(ApiError, ConflictError):
    """410: that resource version is too old; list again."""


class RefusedError(ApiError, DeniedError):
    """401 or 403: not known, not allowed, or denied by an admission webhook."""


class InvalidError(ApiError, InputError):
    """400, 415 or 422: the server cannot take this object."""


class TroubleError(ApiError, UnavailableError):
    """429 or 5xx: the server cannot answer now."""


def error_from_status(code: int, status: Mapping[str, Any], *, hint: str = "") -> ApiError:
    """Return the error for an HTTP code and the server's `Status` document."""
    kinds: dict[int, type[ApiError]] = {
        401: RefusedError,
        403: RefusedError,
        404: MissingError,
        405: InvalidError,
        409: ClashError,
        410: ExpiredError,
    }
    kind = kinds.get(code) or (TroubleError if code >= 500 or code == 429 else InvalidError)
    error = kind(str(status.get("message") or f"the Kubernetes API answered {code}"), hint=hint)
    error.code = code
    error.reason = str(status.get("reason") or "")
    error.details = status.get("details") or {}
    return error


class KubeClient:
    """A session with one API server. Use it as an asynchronous context, or `close` it."""

    def __init__(self, connection: Connection, *, timeout: float = 30.0) -> None:
        self.connection = connection
        self.namespace = connection.namespace
        self._credentials = Credentials(connection)
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._discovery: Discovery | None = None

    @classmethod
    def from_kubeconfig(
        cls, path: str | Path | None = None, *, context: str = "", timeout: float = 30.0
    ) -> Self:
        """Return a client for a kubeconfig's context; without a path for kubectl's default files."""
        return cls(kubeconfig.load(path, context=context), timeout=timeout)

    @classmethod
    def in_cluster(cls, *, timeout: float = 30.0) -> Self:
        """Return a client with the pod's own service account."""
        return cls(kubeconfig.in_cluster(), timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()
            self._session = None

    # ── objects ──────────────────────────────────────────────────────────────────────────────────

    async def get(
        self, resource: Resource, name: str, *, namespace: str = "", subresource: str = ""
    ) -> Object:
        """Return one object. Raises MissingError when it is not there."""
        return await self._call("GET", self._path(resource, name, namespace, subresource))

    async def find(self, resource: Resource, name: str, *, namespace: str = "") -> Object | None:
        """Return one object, or None when it, or its whole kind, is not there."""
        try:
            return await self.get(resource, name, namespace=namespace)
        except MissingError:
            return None

    async def list(
        self, resource: Resource, *, namespace: str = "", label_selector: str = "", field_selector: str = ""
    ) -> Objects:
        """Return all objects, of all namespaces unless one is named."""
        found: Objects = []
        async for items, _ in self.pages(
            resource, namespace=namespace, label_selector=label_selector, field_selector=field_selector
        ):
            found.extend(items)
        return found

    async def pages(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        size: int = PAGE,
    ) -> AsyncGenerator[Page, None]:
        """Yield (objects, resource version of the whole list), a chunk at a time.

        Raises ExpiredError when the list takes longer than the server keeps its state.
        """
        query = _selectors(label_selector, field_selector) | {"limit": str(size)}
        path = resource.path(namespace=namespace)
        while True:
            document = await self._call("GET", path, query=query)
            meta = document.get("metadata") or {}
            items = document.get("items") or []
            # Items of built-in lists come without their type (apimachinery, "list items have no kind").
            for item in items:
                item.setdefault("apiVersion", resource.api_version)
                item.setdefault("kind", resource.kind)
            yield items, str(meta.get("resourceVersion") or "")
            if not meta.get("continue"):
                return
            query["continue"] = meta["continue"]

    async def create(
        self,
        resource: Resource,
        obj: Object,
        *,
        namespace: str = "",
        field_manager: str = USER_AGENT,
        dry_run: bool = False,
    ) -> Object:
        """Create `obj` and return it as stored, or as it would be stored. Raises ClashError when it exists."""
        space = namespace or (obj.get("metadata") or {}).get("namespace", "")
        path = self._path(resource, "", space, "")
        query = {"fieldManager": field_manager} | ({"dryRun": "All"} if dry_run else {})
        return await self._call("POST", path, query=query, body=obj)

    async def update(
        self, resource: Resource, obj: Object, *, subresource: str = "", field_manager: str = USER_AGENT
    ) -> Object:
        """Replace an object. Raises ClashError when somebody changed it meanwhile."""
        meta = obj["metadata"]
        path = self._path(resource, meta["name"], meta.get("namespace", ""), subresource)
        return await self._call("PUT", path, query={"fieldManager": field_manager}, body=obj)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        *,
        namespace: str = "",
        subresource: str = "",
        kind: str = MERGE_PATCH,
        field_manager: str = USER_AGENT,
    ) -> Object:
        """Change an object by a merge patch (default), a JSON patch or a strategic merge patch."""
        path = self._path(resource, name, namespace, subresource)
        return await self._call("PATCH", path, query={"fieldManager": field_manager}, body=patch, kind=kind)

    async def apply(
        self,
        obj: Object,
        *,
        resource: Resource | None = None,
        field_manager: str = USER_AGENT,
        force: bool = True,
        subresource: str = "",
    ) -> Object:
        """Server-side apply `obj` as `field_manager`, taking over fields of others with `force`."""
        found = resource or await self.resource_of(obj)
        # A patch goes to the version that it is written in, which need not be the one that we read in.
        found = replace(found, version=obj["apiVersion"].rpartition("/")[2])
        meta = obj["metadata"]
        path = self._path(found, meta["name"], meta.get("namespace", ""), subresource)
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        return await self._call("PATCH", path, query=query, body=obj, kind=APPLY_PATCH)

    async def delete(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str = "",
        propagation: str = "Background",
        uid: str = "",
    ) -> bool:
        """Delete an object; False when it was not there. With `uid` only that very object."""
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", self._path(resource, name, namespace, ""), body=options)
        except MissingError:
            return False
        return True

    async def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 300,
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK, object) until the server ends the stream.

        Raises ExpiredError when the server no longer knows `resource_version`.
        """
        query = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_seconds),
        }
        if resource_version:
            query["resourceVersion"] = resource_version
        timeout = aiohttp.ClientTimeout(sock_connect=10, sock_read=WATCH_SILENCE, total=timeout_seconds + 30)
        response = await self._send("GET", resource.path(namespace=namespace), query=query, timeout=timeout)
        try:
            async for line in _lines(response):
                event = orjson.loads(line)
                obj = event["object"]
                if event["type"] == "ERROR":
                    raise error_from_status(int(obj.get("code") or 500), obj)
                yield event["type"], obj
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise TroubleError(
                f"the watch of {resource.full_name} broke: {error or 'it fell silent'}"
            ) from None
        finally:
            response.close()

    # ── what there is ────────────────────────────────────────────────────────────────────────────

    async def version(self) -> str:
        """Return the server's version, as `v1.34.4`."""
        return str((await self._call("GET", "/version")).get("gitVersion") or "")

    async def discover(self, *, fresh: bool = False) -> Discovery:
        """Return what the server serves, from memory unless `fresh`."""
        if self._discovery is None or fresh:
            self._discovery = await self._discover()
        return self._discovery

    async def resource_of(self, obj: Object) -> Resource:
        """Return the address of an object's kind. Raises MissingError when the server does not serve it."""
        group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
        kind = str(obj.get("kind") or "")
        for fresh in (False, True):
            if found := (await self.discover(fresh=fresh)).find(group, kind, version=version):
                return found
        raise MissingError(
            f"the cluster serves no `{kind}` in `{obj.get('apiVersion')}`",
            hint="install its CustomResourceDefinition first, or correct apiVersion and kind",
        )

    async def _discover(self) -> Discovery:
        core, groups = await asyncio.gather(
            self._call("GET", "/api", accept=AGGREGATED), self._call("GET", "/apis", accept=AGGREGATED)
        )
        if core.get("kind") == "APIGroupDiscoveryList" and groups.get("kind") == "APIGroupDiscoveryList":
            return resources.from_aggregated((core, groups))
        versions = [f"/api/{version}" for version in core.get("versions") or ()]
        for group in groups.get("groups") or ():
            preferred = (group.get("preferredVersion") or {}).get("groupVersion")
            names = [entry["groupVersion"] for entry in group.get("versions") or ()]
            versions += [f"/apis/{name}" for name in sorted(names, key=lambda name: name != preferred)]
        found: Found = []
        failed: Names = []
        answers = await asyncio.gather(
            *(self._call("GET", path) for path in versions), return_exceptions=True
        )
        for path, answer in zip(versions, answers, strict=True):
            if isinstance(answer, ApiError):
                failed.append(path.split("/", 2)[2])
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += resources.from_resource_list(answer)
        return Discovery(tuple(found), tuple(failed))

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────

    def _path(self, resource: Resource, name: str, namespace: str, subresource: str) -> str:
        space = (namespace or self.namespace) if resource.namespaced else ""
        return resource.path(name, namespace=space, subresource=subresource)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        response = await self._send(method, path, query=query, body=body, kind=kind, accept=accept)
        async with response:
            try:
                text = await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                self._unreachable(error)
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise TroubleError(
                f"`{self.connection.server}` did not answer JSON", hint="is this a Kubernetes API server?"
            ) from None
        return document if isinstance(document, dict) else {}

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = "application/json",
        accept: str = "application/json",
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        session = self._session or await self._open()
        data = None if body is None else orjson.dumps(body)
        limit = timeout or aiohttp.ClientTimeout(total=self._timeout, sock_connect=10)
        for last in (False, True):
            headers = {"Accept": accept} | await self._credentials.headers()
            if data is not None:
                headers["Content-Type"] = kind
            try:
                response = await session.request(
                    method,
                    self.connection.server + path,
                    params=query,
                    data=data,
                    headers=headers,
                    timeout=limit,
                    proxy=self.connection.proxy or None,
                    server_hostname=self.connection.tls_server_name or None,
                )
            except aiohttp.ServerDisconnectedError as error:
                # A kept-alive connection may close under us; only what changes nothing is asked twice.
                if last or method != "GET":
                    self._unreachable(error)
                continue
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._unreachable(error)
            if response.status < 400:
                return response
            async with response:
                status = _status(await response.read())
            if response.status == 401 and not last and self._credentials.refresh():
                continue
            hint = "the credentials are wrong or expired" if response.status == 401 else ""
            raise error_from_status(response.status, status, hint=hint)
        raise TroubleError(f"`{self.connection.server}` does not answer")

    async def _open(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                tls = await self._credentials.tls()
                connector = aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=60)
                self._session = aiohttp.ClientSession(
                    connector=connector, headers={"User-Agent": USER_AGENT}, trust_env=False
                )
            return self._session

    def _unreachable(self, error: BaseException) -> NoReturn:
        source = f" (from `{self.connection.source}`)" if self.connection.source else ""
        reason = str(error) or "it took too long"
        raise TroubleError(
            f"the Kubernetes API at `{self.connection.server}`{source} does not answer: {reason}",
            hint="check that the cluster runs and that the address and the authority are right",
        ) from None


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    pairs = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in pairs.items() if value}


def _status(text: bytes) -> Object:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"message": text.decode(errors="replace").strip()[:400]}
    return document if isinstance(document, dict) else {}


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Split a stream into lines of any length (aiohttp's own reader stops at 64 kB)."""
    rest: list[bytes] = []
    async for chunk in response.content.iter_any():
        lines = chunk.split(b"\n")
        rest.append(lines[0])
        if len(lines) == 1:
            continue
        if whole := b"".join(rest).strip():
            yield whole
        for line in lines[1:-1]:
            if line.strip():
                yield line
        rest = [lines[-1]] if lines[-1] else []
