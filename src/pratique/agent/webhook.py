"""The webhooks as raw ASGI, and what the validating one says at `/v1/admit` and `/v1/admitlabel`.

In: AdmissionReviews of the API server. Out: AdmissionReviews with an answer, by the algorithm of
`gatekeeper.md` 3.2 and 3.5. Knows the library, the namespaces and the exclusions; where denials go is
somebody else's matter, and `/v1/mutate` is `mutating`'s.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from pratique.agent import guard, logs
from pratique.agent.answers import World, allow, namespace_of, refuse, unreadable
from pratique.agent.metrics import Metrics
from pratique.agent.mutating import Mutating
from pratique.agent.servers import answer, body_of
from pratique.agent.settings import Settings
from pratique.constraint import Decision, Review, Violation, decide, expansion
from pratique.constraint.expansion import ExpansionError
from pratique.errors import NotFoundError
from pratique.listener import Receive, Scope, Send
from pratique.mutation import MutationError, MutationSystem

POINT = "validation.gatekeeper.sh"
IGNORE_LABEL = "admission.gatekeeper.sh/ignore"
JSON = b"application/json"
NOTHING_DELETED = (
    "error reviewing resource {name}: admission.k8s.gatekeeper.sh: target.HandleReview failed for target"
    ' "admission.k8s.gatekeeper.sh": oldObject cannot be nil for DELETE operations\n'
)

Object = dict[str, Any]
Refused = Callable[[Object, list[Violation]], None]


class Webhook:
    """An ASGI application; `refused` is told of every denial."""

    def __init__(
        self,
        world: World,
        settings: Settings,
        metrics: Metrics,
        *,
        refused: Refused | None = None,
        mutators: MutationSystem | None = None,
    ) -> None:
        """Serve the roles that `settings` name; without `mutators` nothing is mutated."""
        self._world = world
        self._settings = settings
        self._metrics = metrics
        self._refused = refused
        self._paths: dict[str, Callable[[Object], Awaitable[Object]]] = {}
        if settings.does("webhook"):
            self._paths |= {"/v1/admit": self.admit, "/v1/admitlabel": self.admit_label}
        if settings.does("mutation-webhook") and mutators is not None:
            self._paths["/v1/mutate"] = Mutating(world, settings, metrics, mutators).mutate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI)."""
        handle = self._paths.get(scope.get("path", ""))
        if handle is None:
            await answer(send, 404, b"not found\n")
            return
        if scope.get("method") != "POST":
            await answer(send, 405, b"send an AdmissionReview with POST\n")
            return
        try:
            review = orjson.loads(await body_of(receive))
            request = review["request"]
            uid, kind = request["uid"], request["kind"]
            if not isinstance(uid, str) or not isinstance(kind, dict):
                raise TypeError
        except (orjson.JSONDecodeError, KeyError, TypeError):
            await answer(send, 400, b"the body is not an AdmissionReview with a request\n")
            return
        response = await handle(request)
        response["uid"] = uid
        # Go writes the empty `metadata` of a Status, too.
        response["status"] = {"metadata": {}} | response["status"]
        document = {
            "apiVersion": review.get("apiVersion") or "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": response,
        }
        await answer(send, 200, orjson.dumps(document), JSON)

    async def admit(self, request: Object) -> Object:
        """Return the `response` to one AdmissionRequest."""
        started = time.perf_counter()
        status = "error"
        try:
            status, response = await self._admit(request)
        except Exception as error:
            # Gatekeeper denies what it cannot judge; failurePolicy covers only a webhook that is away.
            logs.failure("a request could not be judged", uid=request.get("uid"))
            response = refuse(500, f"internal error: {error}")
        if status:
            seconds = time.perf_counter() - started
            self._metrics.observe(status, dry_run=bool(request.get("dryRun")), seconds=seconds)
        return response

    async def _admit(self, request: Object) -> tuple[str, Object]:
        world = self._world
        if (request.get("userInfo") or {}).get("username") == self._settings.admin:
            return "", allow("Gatekeeper does not self-manage")
        kind = request["kind"]
        warnings: tuple[str, ...] = ()
        if kind.get("group") in guard.OWN_GROUPS:
            verdict = guard.check(
                request, world.library, validate_actions=self._settings.validate_enforcement_action
            )
            if verdict.code:
                return "", refuse(verdict.code, verdict.message)
            warnings = verdict.warnings
        if world.excluded("webhook", request):
            return "allow", allow("Namespace is set to be ignored by Gatekeeper config", warnings)
        if guard.is_namespace(kind):
            # Server-side apply sends a Namespace with its own name as its namespace.
            request = request | {"namespace": ""}
        try:
            namespace = await namespace_of(world, request.get("namespace") or "")
        except NotFoundError as error:
            return "error", refuse(500, f"failed to create augmentedReview: {error.message}")
        if request.get("operation") == "DELETE" and request.get("oldObject") is None:
            return "error", refuse(500, NOTHING_DELETED.format(name=request.get("name") or ""))
        try:
            review = Review.from_admission(request, namespace)
            violations = await world.providers.complete(lambda: self._violations(review))
        except (ExpansionError, MutationError) as error:
            return "error", refuse(500, f"unable to expand object: {error.message}")
        decision = decide(violations)
        if not decision.allowed:
            self._note(request, [violation for violation in violations if "deny" in violation.actions])
        return ("allow" if decision.allowed else "deny"), _response(decision, warnings)

    def _violations(self, review: Review) -> list[Violation]:
        world = self._world
        if not self._settings.expand:
            return world.library.review(review, point=POINT)
        return expansion.judge(world.library, world.expander, review, point=POINT)[1]

    async def admit_label(self, request: Object) -> Object:
        """Refuse the label that switches enforcement off, unless the namespace is exempt."""
        if request.get("operation") == "DELETE":
            return allow("Delete is always allowed")
        if not guard.is_namespace(request["kind"]):
            return allow("Not a namespace")
        obj = request.get("object") or {}
        if not isinstance(obj, dict):
            return refuse(500, f"while deserializing resource: {unreadable(obj)}", reason="Forbidden")
        meta = obj.get("metadata") or {}
        name = meta.get("name") or request.get("name") or ""
        if self._settings.exempt(name):
            return allow(f"Namespace {name} is allowed to set {IGNORE_LABEL}")
        if IGNORE_LABEL not in (meta.get("labels") or {}):
            return allow(f"Namespace is not setting the {IGNORE_LABEL} label")
        return refuse(403, f"Only exempt namespace can have the {IGNORE_LABEL} label", reason="Forbidden")

    def _note(self, request: Object, denials: list[Violation]) -> None:
        if self._settings.log_denies:
            for violation in denials:
                logs.info(f"denied admission: {violation.message}", **log_fields(request, violation))
        if self._refused:
            self._refused(request, denials)


def log_fields(request: Object, violation: Violation) -> dict[str, object]:
    """Return the fields that Gatekeeper logs with a denial (`gatekeeper.md` 3.8)."""
    kind = request.get("kind") or {}
    return {
        "process": "admission",
        "event_type": "violation",
        "constraint_name": violation.constraint_name,
        "constraint_group": "constraints.gatekeeper.sh",
        "constraint_api_version": "v1beta1",
        "constraint_kind": violation.constraint_kind,
        "constraint_action": violation.action,
        "resource_group": kind.get("group", ""),
        "resource_api_version": kind.get("version", ""),
        "resource_kind": kind.get("kind", ""),
        "resource_namespace": request.get("namespace", ""),
        "resource_name": request.get("name", ""),
        "request_username": (request.get("userInfo") or {}).get("username", ""),
        "details": violation.details,
    }


def _response(decision: Decision, more: tuple[str, ...]) -> Object:
    warnings = [*more, *decision.warnings]
    if not decision.allowed:
        response = refuse(decision.code, decision.message, reason=decision.reason)
    else:
        response = {"allowed": True, "status": {"code": 299 if warnings else decision.code}}
    if warnings:
        response["warnings"] = warnings
    return response
