"""The mutating webhook: `/v1/mutate`, one AdmissionRequest to one JSON Patch (`gatekeeper.md` 3.4).

In: the `request` of an AdmissionReview. Out: its `response`. Knows the mutators, the namespaces and the
exclusions; the wire is `webhook`'s.
"""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any

import orjson

from pratique.agent import guard, logs
from pratique.agent.answers import World, allow, namespace_of, refuse, unreadable
from pratique.agent.metrics import Metrics
from pratique.agent.settings import Settings
from pratique.errors import NotFoundError
from pratique.kube import objects
from pratique.mutation import Mutated, MutationError, MutationSystem

Object = dict[str, Any]

OPERATIONS = ("CREATE", "UPDATE")


class Mutating:
    """Answers requests to mutate."""

    def __init__(self, world: World, settings: Settings, metrics: Metrics, system: MutationSystem) -> None:
        self._world = world
        self._settings = settings
        self._metrics = metrics
        self._system = system

    async def mutate(self, request: Object) -> Object:
        """Return the `response` to one AdmissionRequest."""
        started = time.perf_counter()
        status = "error"
        try:
            status, response = await self._mutate(request)
        except Exception as error:
            logs.failure("a request could not be mutated", uid=request.get("uid"))
            response = refuse(500, f"internal error: {error}")
        if status:
            self._metrics.mutated(status, seconds=time.perf_counter() - started)
        return response

    async def _mutate(self, request: Object) -> tuple[str, Object]:
        found = request.get("object")
        if (request.get("userInfo") or {}).get("username") == self._settings.admin:
            return "", allow("Gatekeeper does not self-manage")
        if request.get("operation") not in OPERATIONS:
            return "", allow("Mutating only on create or update")
        kind = request["kind"]
        if kind.get("group") in guard.OWN_GROUPS:
            return "", allow("Not mutating gatekeeper resources")
        if self._world.excluded("mutation-webhook", request):
            return "skip", allow("Namespace is set to be ignored by Gatekeeper config")
        if not isinstance(found, dict):
            return "error", refuse(500, unreadable(found))
        name = "" if guard.is_namespace(kind) else str(request.get("namespace") or "")
        try:
            namespace = await namespace_of(self._world, name)
            changed = await self._world.providers.complete(
                lambda: self._system.mutate(
                    _placed(found, name),
                    namespace=namespace,
                    operation=request["operation"],
                    username=str((request.get("userInfo") or {}).get("username") or ""),
                )
            )
        except (MutationError, NotFoundError) as error:
            if self._settings.log_mutations:
                logs.warning(error.message, **_log_fields(request), event_type="mutation_failed")
            return "error", refuse(500, error.message)
        if not changed.patch:
            return "success", allow("Resource was not mutated")
        if self._settings.log_mutations:
            self._log(request, changed)
        response = allow("")
        response |= {
            "patchType": "JSONPatch",
            "patch": base64.b64encode(orjson.dumps(changed.patch)).decode(),
        }
        return "success", response

    def _log(self, request: Object, changed: Mutated) -> None:
        logs.info(
            "Mutation applied",
            **_log_fields(request),
            event_type="mutation_applied",
            mutation_id=str(uuid.uuid4()),
            mutations=[str(one) for one in changed.applied],
        )


def _placed(found: Object, namespace: str) -> Object:
    """Return the object with the request's namespace, which the sender may have left out.

    The patch is made from what is returned here, so it never says anything of the namespace.
    """
    if not namespace or objects.namespace(found) == namespace:
        return found
    return found | {"metadata": objects.metadata(found) | {"namespace": namespace}}


def _log_fields(request: Object) -> dict[str, object]:
    kind = request.get("kind") or {}
    return {
        "process": "mutation",
        "resource_group": kind.get("group", ""),
        "resource_api_version": kind.get("version", ""),
        "resource_kind": kind.get("kind", ""),
        "resource_namespace": request.get("namespace", ""),
        "resource_name": request.get("name", ""),
        "request_username": (request.get("userInfo") or {}).get("username", ""),
    }
