"""The ASGI application: who asks, where to, may they, and which handler answers.

In come ASGI calls, out go responses; every refusal is a Status. The handlers are the sibling modules.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from pratique.devcluster.api import Api
from pratique.devcluster.auth import Tokens
from pratique.devcluster.authorization import Attributes, Authorizer
from pratique.devcluster.http import changes, discovery, openapi, reads, reviews, subresources
from pratique.devcluster.http.messages import (
    Receive,
    Request,
    Response,
    Scope,
    Send,
    answer,
    not_found,
    refusal,
    send,
    text,
)
from pratique.devcluster.registry import Resource
from pratique.devcluster.users import ANONYMOUS, UserInfo
from pratique.devcluster.writes import Target
from pratique.kube import status

log = logging.getLogger(__name__)
HEALTH = ("/healthz", "/livez", "/readyz")
OPEN = (*HEALTH, "/version")
UNAVAILABLE = ("exec", "attach", "portforward", "proxy")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Address:
    """A path that names objects."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


class Server:
    """One cluster's API over HTTP."""

    def __init__(self, api: Api, tokens: Tokens) -> None:
        self.api = api
        self.tokens = tokens
        self.authorizer = Authorizer(api.store)
        self.documents = openapi.Documents(api.registry, api.kinds.types)
        self.node: subresources.Logs | None = None

    async def __call__(self, scope: Scope, receive: Receive, sender: Send) -> None:
        """Answer one ASGI call."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, sender)
            return
        if scope["type"] != "http":
            return
        request = Request.of(scope, receive)
        try:
            response = await self._respond(request)
        except status.StatusError as error:
            response = refusal(error)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = refusal(status.internal("the embedded API server met an error; see its log"))
        await send(response, request, sender)

    async def _respond(self, request: Request) -> Response:
        path = request.path.rstrip("/") or "/"
        if path in HEALTH or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return text("ok")
        request.user = self._authenticate(request)
        if request.user is ANONYMOUS and path not in OPEN:
            raise status.unauthorized()
        found = self._address(path)
        if found is None:
            return self._document(path, request)
        return await self._resource(found, request)

    def _authenticate(self, request: Request) -> UserInfo:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return ANONYMOUS
        user = self.tokens.read(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise status.unauthorized()
        name = request.headers.get("impersonate-user")
        if name is None:
            return user
        self.authorizer.check(Attributes(user, "impersonate", "", "users", name=name))
        groups = request.repeated.get("impersonate-group", [])
        for group in groups:
            self.authorizer.check(Attributes(user, "impersonate", "", "groups", name=group))
        return _impersonated(name, tuple(groups))

    def _document(self, path: str, request: Request) -> Response:
        """Answer what is no object: discovery, OpenAPI, the version."""
        registry = self.api.registry
        if path == "/version":
            return answer(discovery.VERSION)
        self.authorizer_path(request, path)
        parts = path.strip("/").split("/")
        if path in ("/api", "/apis"):
            if version := discovery.wants_aggregated(request):
                return discovery.aggregated(registry, core=path == "/api", version=version)
            return discovery.legacy_core(request) if path == "/api" else discovery.legacy_groups(registry)
        found: Response | None = None
        if parts[0] == "api" and len(parts) == 2:
            found = discovery.legacy_resources(registry, "", parts[1])
        elif parts[0] == "apis" and len(parts) == 2:
            found = discovery.legacy_group(registry, parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            found = discovery.legacy_resources(registry, parts[1], parts[2])
        elif path == "/openapi/v3":
            found = self.documents.index()
        elif path.startswith("/openapi/v3/"):
            found = self.documents.document(path.removeprefix("/openapi/v3/"))
        elif path == "/openapi/v2":
            # kubectl 1.20 wants protobuf here; an empty message satisfies it, JSON or a 404 does not.
            found = Response(200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif path == "/":
            return answer({"paths": ["/api", "/apis", *HEALTH, "/openapi/v3", "/version"]})
        return found or self._nowhere(parts)

    def _nowhere(self, parts: list[str]) -> Response:
        """Answer an unknown address: a Status below built-in groups, as their handlers do, else plain text."""
        version = ("", parts[1]) if parts[0] == "api" and len(parts) > 1 else tuple(parts[1:3])
        for resource in self.api.registry.served():
            if not resource.custom and (resource.group, resource.version) == version:
                raise status.no_such_path()
        return not_found()

    def authorizer_path(self, request: Request, path: str) -> None:
        """Refuse addresses outside of resources to those who may not read them."""
        if path.split("/")[1] in ("api", "apis", "openapi", ""):
            return  # discovery is open to everyone who is known (system:discovery)
        verb = {"GET": "get", "HEAD": "get"}.get(request.method, request.method.lower())
        self.authorizer.check(Attributes(request.user, verb, path=path))

    def _address(self, path: str) -> Address | None:
        parts = path.strip("/").split("/")
        if parts[0] == "api" and len(parts) > 2:
            group, version, rest = "", parts[1], parts[2:]
        elif parts[0] == "apis" and len(parts) > 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        else:
            return None
        namespace = ""
        if (
            rest[0] == "namespaces"
            and len(rest) > 2
            and not (group == "" and rest[2] in ("status", "finalize"))
        ):
            namespace, rest = rest[1], rest[2:]
        resource = self.api.registry.find(group, version, rest[0])
        if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
            return None
        name = rest[1] if len(rest) > 1 else ""
        subresource = rest[2] if len(rest) > 2 else ""
        if subresource and subresource not in resource.subresources:
            return None
        if resource.namespaced and not namespace and name:
            return None
        return Address(resource, namespace, name, subresource)

    async def _resource(self, address: Address, request: Request) -> Response:
        resource = address.resource
        if resource.deprecation:
            request.warnings.append(resource.deprecation)
        verb = self._verb(address, request)
        self.authorizer.check(
            Attributes(
                request.user,
                verb,
                resource.group,
                resource.plural,
                address.subresource,
                address.namespace,
                address.name,
            )
        )
        target = Target(resource, address.namespace, address.name, address.subresource)
        if address.subresource:
            return await self._subresource(target, request)
        if verb not in resource.verbs:
            raise status.method_not_allowed()
        if not resource.stored:
            return await reviews.review(
                resource,
                request,
                namespace=address.namespace,
                authorizer=self.authorizer,
                tokens=self.tokens,
            )
        return await self._plain(verb, target, request)

    async def _plain(self, verb: str, target: Target, request: Request) -> Response:
        api = self.api
        match verb:
            case "get":
                return reads.get(api, target, request)
            case "list":
                return reads.listing(api, target, request)
            case "watch":
                return reads.watching(api, target, request)
            case "create":
                if target.resource.namespaced and not target.namespace:
                    target = replace(target, namespace="default")
                return await changes.create(api, target, request)
            case "update":
                return await changes.update(api, target, request)
            case "patch":
                return await changes.apply_patch(api, target, request)
            case "deletecollection":
                return await changes.delete_collection(api, target, request)
            case _:
                return await changes.delete(api, target, request)

    def _verb(self, address: Address, request: Request) -> str:
        verb = _VERBS.get(request.method)
        if verb is None:
            raise status.method_not_allowed()
        if not address.subresource:
            if verb == "get" and request.flag("watch"):
                return "watch"
            if not address.name and verb in ("get", "delete"):
                return "list" if verb == "get" else "deletecollection"
            if (verb == "create") is bool(address.name) or (not address.name and verb in ("update", "patch")):
                raise status.method_not_allowed()
        return verb

    async def _subresource(self, target: Target, request: Request) -> Response:
        name, api = target.subresource, self.api
        allowed = discovery.verbs_of(name)
        if name in UNAVAILABLE:
            raise subresources.unsupported(name)
        if _VERBS[request.method] not in allowed:
            raise status.method_not_allowed()
        match name:
            case "scale":
                return await subresources.scale(api, target, request)
            case "log":
                return await subresources.log(api, target, request, node=self.node)
            case "binding":
                return await subresources.binding(api, target, request)
            case "eviction":
                return await subresources.eviction(api, target, request)
            case "token":
                return await subresources.token(api, target, request, tokens=self.tokens)
            case "finalize":
                return await subresources.finalize(api, target, request)
        if request.method == "GET":
            return reads.get(api, target, request)
        if request.method == "PUT":
            return await changes.update(api, target, request)
        return await changes.apply_patch(api, target, request)


def _impersonated(name: str, groups: tuple[str, ...]) -> UserInfo:
    if name == ANONYMOUS.username:
        return ANONYMOUS
    if name.startswith("system:serviceaccount:") and not groups:
        namespace = name.split(":")[2]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    if "system:authenticated" not in groups:
        groups = (*groups, "system:authenticated")
    return UserInfo(name, groups)


async def _lifespan(receive: Receive, sender: Send) -> None:
    while True:
        message = await receive()
        await sender({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
